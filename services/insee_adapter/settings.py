"""The settings of this process; each is an environment variable of the same name in capitals."""

from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from shared.clock import HOUR, MINUTE, SECOND, Duration
from shared.runtime.settings import ProcessSettings

_ACCOUNT = ("insee_client_id", "insee_client_secret", "insee_username", "insee_password")


class Settings(ProcessSettings):
    """How to reach INSEE, our credentials there, and how many calls may be made.

    The public plan needs `INSEE_API_KEY`; the private one `INSEE_CLIENT_ID`, `INSEE_CLIENT_SECRET`, `INSEE_USERNAME`
    and `INSEE_PASSWORD`, and a base URL of its own.
    """

    http_port: int = Field(8103, description="port of /metrics, /live and /ready")

    insee_base_url: str = Field("https://api.insee.fr/api-sirene/3.11", description="with the version, without /siret")
    insee_plan: Literal["public", "private"] = "public"
    insee_api_key: SecretStr | None = None
    insee_token_url: str = "https://auth.insee.net/auth/realms/apim-gravitee/protocol/openid-connect/token"  # noqa: S105
    insee_client_id: str | None = None
    insee_client_secret: SecretStr | None = None
    insee_username: str | None = None
    insee_password: SecretStr | None = None

    insee_quota: int = Field(
        30, ge=1, description="calls per window that INSEE grants this key, all its users together"
    )
    insee_quota_window: Duration = Field(MINUTE, ge=1, description="length of INSEE's window")
    insee_connect_timeout: Duration = Field(2 * SECOND, ge=1)
    insee_read_timeout: Duration = Field(5 * SECOND, ge=1)
    insee_attempts: int = Field(2, ge=1, le=5, description="calls within one look-up before it goes back to the queue")
    insee_breaker_failures: int = Field(5, ge=1, description="failures in a row after which the circuit breaker opens")
    insee_breaker_rest: Duration = Field(30 * SECOND, description="how long it stays open")
    insee_max_wait: Duration = Field(HOUR, description="how long an unreachable INSEE is retried for one look-up")
    insee_lease: Duration = Field(
        MINUTE, ge=1, description="time after which the look-ups of a dead process are taken over"
    )
    insee_workers: int = Field(4, ge=1, le=50, description="look-ups made concurrently by this process")

    @model_validator(mode="after")
    def _has_credentials(self) -> Self:
        needed = ("insee_api_key",) if self.insee_plan == "public" else _ACCOUNT
        missing = [name.upper() for name in needed if not getattr(self, name)]
        if missing:
            raise ValueError(f"INSEE's {self.insee_plan} plan needs {', '.join(missing)}")
        return self
