"""Settings every process reads, from the environment or from files in `SECRETS_DIR` (one file a setting).

Nothing secret has a default. A setting for development only says so and is refused elsewhere.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.clock import DAY, MINUTE, Clock, Duration, SystemClock


def _secrets_dir() -> str | None:
    folder = os.environ.get("SECRETS_DIR", "/run/secrets")
    return folder if Path(folder).is_dir() else None


class FromFiles(BaseSettings):
    """Settings that may each also be a file. A variable that is set wins over the file; an empty one is not set."""

    model_config = SettingsConfigDict(extra="ignore", env_ignore_empty=True)

    def __init__(self, **values: Any) -> None:
        super().__init__(_secrets_dir=_secrets_dir(), **values)


def unusable(error: ValidationError) -> str | None:
    """Return which settings are missing or wrong, by the names of their variables; None for other errors."""
    known = {cls.__name__: cls for cls in _every(FromFiles)}
    if (cls := known.get(error.title)) is None:
        return None
    return "; ".join(wrong(error, cls.model_config.get("env_prefix", "")))


def wrong(error: ValidationError, prefix: str = "") -> Iterator[str]:
    """Yield what is wrong, each with the name of its variable."""
    for each in error.errors(include_input=False):
        setting = "_".join(str(part) for part in each["loc"]).upper()
        what = each["msg"].removeprefix("Value error, ")
        yield f"{prefix}{setting}: {what}" if setting else what


def _every(cls: type[BaseSettings]) -> Iterator[type[BaseSettings]]:
    yield cls
    for child in cls.__subclasses__():
        yield from _every(child)


class KafkaSettings(FromFiles):
    """How to reach Kafka: `KAFKA_*`."""

    model_config = SettingsConfigDict(env_prefix="KAFKA_")

    bootstrap: str = Field("127.0.0.1:9092", description="host:port of the brokers, separated by commas")
    user: str = Field(description="SASL/SCRAM user of this process")
    password: SecretStr = Field(description="its password")
    tls_ca: Path | None = Field(None, description="certificate authority of the brokers; without it TLS is off")
    tls_check_hostname: bool = True


class MongoSettings(FromFiles):
    """How to reach this process's own database: `MONGO_*`."""

    model_config = SettingsConfigDict(env_prefix="MONGO_")

    uri: SecretStr = Field(description="mongodb://user:password@host/?replicaSet=rs0&authSource=...")
    database: str = Field(description="the database of this process, the only one its user may touch")


class OidcSettings(FromFiles):
    """The issuer of tokens: `OIDC_*`."""

    model_config = SettingsConfigDict(env_prefix="OIDC_")

    issuer: str = Field(description="URL of the OpenID Connect issuer, exactly as in the tokens' `iss`")
    audience: str = Field("structures-kafka", description="audience a token must carry to be accepted here")
    keys_kept: Duration = Field(8 * DAY, description="how long a withdrawn key still verifies older messages")
    keys_grace: Duration = Field(10 * MINUTE, description="how long it still verifies newer messages")
    keys_refreshed: Duration = Field(5 * MINUTE, description="how often the keys are fetched, to notice a withdrawal")


class ProcessSettings(FromFiles):
    """What every process has."""

    environment: Literal["production", "development"] = "production"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    http_host: str = Field("127.0.0.1", description="where /metrics, /live and /ready listen")
    http_port: int = Field(description="their port")
    effective_delay: Duration = Field(30 * MINUTE, description="how long after its acceptance a request takes effect")
    clock_offset: Duration = Field(0, description="makes this process's clock fast, in development, for fault tests")

    @model_validator(mode="after")
    def _development_only(self) -> Self:
        if self.clock_offset and self.environment != "development":
            raise ValueError("CLOCK_OFFSET is for fault tests: it is refused outside development")
        return self

    def clock(self) -> Clock:
        """Return the clock of this process."""
        return SystemClock(self.clock_offset)
