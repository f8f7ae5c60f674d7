"""Settings of this process, from the environment."""

from pydantic import Field

from shared.clock import HOUR, Duration
from shared.engine.entrypoint.host import OwnerSettings


class Settings(OwnerSettings):
    """What every owner has, and how long INSEE may be unreachable before a creation or an update is refused."""

    http_port: int = Field(8101, description="port of /metrics, /live and /ready")
    insee_max_wait: Duration = Field(HOUR, description="how long an unreachable INSEE is waited for")
