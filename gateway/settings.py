"""Settings of the gateway, from the environment."""

from collections.abc import Sequence
from ipaddress import ip_network
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from gateway.api.rate_limit.middleware import Rates
from gateway.api.rate_limit.rates import Rate, RateSetting
from shared.clock import MINUTE, SECOND, Duration
from shared.runtime.http_server.limits import Limits
from shared.runtime.settings import ProcessSettings


def _are_networks(text: str) -> str:
    for part in text.split(","):
        ip_network(part.strip())
    return text


Proxies = Annotated[str, AfterValidator(_are_networks)]


class Settings(ProcessSettings):
    """Where the API listens, which tokens it accepts, and as which account it publishes."""

    http_port: int = Field(8100, description="port of /metrics, /live and /ready; it is not for the public")
    api_host: str = "127.0.0.1"
    api_port: int = Field(8000, description="port of the API")
    api_header_bytes: int = Field(32_768, ge=1024, description="of all headers of a request")
    api_header_lines: int = Field(100, ge=10)
    api_target_bytes: int = Field(8_192, ge=1024, description="of a request's path and query")
    api_header_timeout: Duration = Field(
        10 * SECOND, ge=1, description="from a request's first byte to its headers' end"
    )
    api_body_timeout: Duration = Field(30 * SECOND, ge=1, description="from there to the end of its body")
    api_unread_timeout: Duration = Field(30 * SECOND, ge=1, description="how long an answer may be left unread")
    api_idle_timeout: Duration = Field(
        75 * SECOND, ge=1, description="how long a connection waits for its next request"
    )
    api_connections: int = Field(2_000, ge=1)
    api_connections_per_address: int = Field(500, ge=1)
    trusted_proxies: Proxies | None = Field(
        None, description="trusted proxies: addresses and networks, separated by commas, whose X-Forwarded-For counts"
    )
    http_audience: str = Field("structures-http", description="audience a caller's token must carry")
    gateway_client_id: str = Field("gateway", description="the gateway's own account at the issuer")
    gateway_client_secret: SecretStr = Field(description="its secret")
    rate_person: RateSetting = Field(Rate(50, 200), description="calls of one person a second, and at once")
    rate_administrator: RateSetting = Field(Rate(100, 500), description="the same for an administrator")
    rate_technical: RateSetting = Field(Rate(500, 2_000), description="the same for a technical account")
    rate_address: RateSetting = Field(
        Rate(20, 200), description="the same for an address, for calls without a verified token"
    )
    calls_under_way: int = Field(100, ge=1, description="calls of one caller under way, in each replica")
    user_kept: Duration = Field(2 * SECOND, description="how long a caller's record is cached")
    broker_patience: Duration = Field(
        10 * SECOND, description="how long Kafka and MongoDB may take before a call is answered 503"
    )
    min_version_wait: Duration = Field(500, description="how long a read waits for the version it asks for")
    insee_look_ups: int = Field(10, ge=1, description="look-ups of one caller per `insee_look_up_window`")
    insee_look_up_window: Duration = Field(MINUTE)
    insee_look_up_wait: Duration = Field(8 * SECOND, description="how long a look-up waits for INSEE")
    access_log: bool = Field(default=True, description="one line a request: method, route, status, duration")
    read_model: str = Field(
        "g1", pattern="^[a-z0-9]{1,20}$", description="generation of the read model; a new name builds a new one"
    )

    def limits(self) -> Limits:
        """Return the limits of the API's server."""
        return Limits(
            header_bytes=self.api_header_bytes,
            header_lines=self.api_header_lines,
            target_bytes=self.api_target_bytes,
            header_s=self.api_header_timeout / SECOND,
            body_s=self.api_body_timeout / SECOND,
            unread_s=self.api_unread_timeout / SECOND,
            idle_s=self.api_idle_timeout / SECOND,
            connections=self.api_connections,
            connections_per_address=self.api_connections_per_address,
        )

    def proxies(self) -> Sequence[str]:
        """Return the addresses and networks of trusted proxies."""
        return [part.strip() for part in (self.trusted_proxies or "").split(",") if part.strip()]

    def rates(self) -> Rates:
        """Return how often callers may call."""
        return Rates(
            person=self.rate_person,
            administrator=self.rate_administrator,
            technical=self.rate_technical,
            address=self.rate_address,
            under_way=self.calls_under_way,
        )
