"""Settings of the gateway, from the environment."""

from pydantic import Field, SecretStr

from shared.clock import MINUTE, SECOND, Duration
from shared.settings import ProcessSettings


class Settings(ProcessSettings):
    """Where the API listens, whose tokens it takes, and as whom it publishes."""

    http_port: int = Field(8100, description="port of /metrics, /live and /ready; it is not for the public")
    api_host: str = "127.0.0.1"
    api_port: int = Field(8000, description="port of the API")
    http_audience: str = Field("structures-http", description="audience a caller's token must carry")
    gateway_client_id: str = Field("gateway", description="the gateway's own account at the issuer")
    gateway_client_secret: SecretStr = Field(description="its secret")
    user_kept: Duration = Field(
        2 * SECOND, description="how long a caller's record is believed before it is read again"
    )
    broker_patience: Duration = Field(
        10 * SECOND, description="how long Kafka and MongoDB may take before a caller is told that they do not answer"
    )
    min_version_wait: Duration = Field(500, description="how long a read waits for the version it asks for")
    insee_look_ups: int = Field(10, ge=1, description="look-ups of one caller per `insee_look_up_window`")
    insee_look_up_window: Duration = Field(MINUTE)
    insee_look_up_wait: Duration = Field(8 * SECOND, description="how long a look-up waits for INSEE")
    access_log: bool = Field(default=True, description="one line a request: method, route, status, duration")
    read_model: str = Field(
        "g1", pattern="^[a-z0-9]{1,20}$", description="generation of the read model; a new name builds a new one"
    )
