"""Settings of this process, from the environment."""

from pydantic import Field

from shared.engine.entrypoint.host import OwnerSettings


class Settings(OwnerSettings):
    """What every owner has."""

    http_port: int = Field(8102, description="port of /metrics, /live and /ready")
