"""How the operator reaches Kafka, and the passwords given to its users."""

import re
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from ops.errors import OpsError
from shared.clock import MINUTE, Duration
from shared.settings import FromFiles, KafkaSettings, OidcSettings
from shared.topics import DEFAULT_PARTITIONS, OPS, PARTNERS, PROCESSES


class AdminSettings(FromFiles):
    """The administrator of Kafka, from the environment."""

    kafka: KafkaSettings = Field(default_factory=KafkaSettings)
    effective_delay: Duration = Field(30 * MINUTE, description="the delay in use; its topic is made")
    topic_partitions: int = Field(DEFAULT_PARTITIONS, ge=1, le=1000, description="of each topic that carries the load")
    replication_factor: int | None = Field(None, ge=1, description="three, or as many as there are brokers")
    kafka_partners: str = Field("partner", description="users of other systems, separated by commas")
    kafka_passwords: Path | None = Field(None, description="a folder with one file a user, holding its password")

    @model_validator(mode="after")
    def _partners_are_strangers(self) -> Self:
        for name in self.partners:
            if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
                # `*` would be everybody, and with a dot a name could reach into another's consumer groups.
                raise ValueError(f"KAFKA_PARTNERS: {name!r} may hold letters, digits, - and _ only")
            if name in {*PROCESSES, OPS, PARTNERS, self.kafka.user}:
                raise ValueError(f"KAFKA_PARTNERS: {name} is a user of our own, it can't be another system's")
        return self

    def users(self) -> dict[str, str]:
        """Return the users whose password is known here, with it. `KAFKA_PASSWORDS` names a folder of them."""
        if self.kafka_passwords is None:
            return {}
        names = (*PROCESSES, OPS, *self.partners)
        files = {name: self.kafka_passwords / name for name in names}
        found = {name: file.read_text().strip() for name, file in files.items() if file.is_file()}
        for name, password in found.items():
            if not password:
                raise OpsError(f"KAFKA_PASSWORDS: {files[name]} holds no password")
        return found

    @property
    def partners(self) -> tuple[str, ...]:
        """Return the users of other systems."""
        return tuple(name.strip() for name in self.kafka_partners.split(",") if name.strip())

    def client(self) -> dict[str, str | bool]:
        """Return librdkafka's settings."""
        password: SecretStr = self.kafka.password
        settings: dict[str, str | bool] = {
            "bootstrap.servers": self.kafka.bootstrap,
            "security.protocol": "SASL_SSL" if self.kafka.tls_ca else "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": self.kafka.user,
            "sasl.password": password.get_secret_value(),
        }
        if self.kafka.tls_ca:
            settings["ssl.ca.location"] = str(self.kafka.tls_ca)
            settings["ssl.endpoint.identification.algorithm"] = "https" if self.kafka.tls_check_hostname else "none"
        return settings


class OperatorSettings(FromFiles):
    """The operator's own account at the issuer, which a replay needs: `OPS_*` and `OIDC_*`."""

    model_config = SettingsConfigDict(env_prefix="OPS_")

    oidc: OidcSettings = Field(default_factory=OidcSettings)
    client_id: str = Field("ops", description="it must carry the scope structures:act-for")
    client_secret: SecretStr = Field(description="its secret")
