"""Settings of the gateway, from the environment."""

from pydantic import Field, SecretStr

from shared.clock import MINUTE, SECOND, Duration
from shared.settings import ProcessSettings


class Settings(ProcessSettings):
    """Where the API listens, whose tokens it takes, and as whom it publishes."""

    http_port: int = Field(8100, description="port of /metrics, /live and /ready")
    api_host: str = "127.0.0.1"
    api_port: int = Field(8000, description="port of the API")
    http_audience: str = Field("structures-http", description="audience a caller's token must carry")
    gateway_client_id: str = "gateway"
    gateway_client_secret: SecretStr
    insee_look_ups: int = Field(10, ge=1, description="look-ups of one caller per `insee_look_up_window`")
    insee_look_up_window: Duration = Field(MINUTE)
    insee_look_up_wait: Duration = Field(8 * SECOND, description="how long a look-up waits for INSEE")
    read_model: str = Field("g1", description="generation of the read model; a new name rebuilds it from the topics")
