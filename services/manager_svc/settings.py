"""Settings of this process, from the environment."""

from pydantic import Field

from shared.engine.entrypoint.host import OwnerSettings


class Settings(OwnerSettings):
    """The settings of every owner."""

    http_port: int = Field(8102, description="port of /metrics, /live and /ready")
