"""How the operator reaches Kafka, and the passwords given to its users."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from ops.errors import OpsError
from ops.quotas import Quota
from shared.clock import MINUTE, Duration
from shared.contracts.topics import DEFAULT_PARTITIONS
from shared.runtime.settings import FromFiles, KafkaSettings, OidcSettings

MIB = 1024 * 1024


class QuotaSettings(FromFiles):
    """What a user of Kafka may take of each broker: `QUOTA_*`. Only a runaway process of ours reaches its own.

    A partner asks far less than its owners can decide; rates are in bytes per second, as they go over the wire.
    """

    model_config = SettingsConfigDict(env_prefix="QUOTA_")

    ours_producer_byte_rate: float = Field(128 * MIB, gt=0)
    ours_consumer_byte_rate: float = Field(256 * MIB, gt=0)
    ours_request_percentage: float = Field(800, gt=0, description="of one of the broker's threads, of which it has 11")
    partner_producer_byte_rate: float = Field(1 * MIB, gt=0)
    partner_consumer_byte_rate: float = Field(4 * MIB, gt=0)
    partner_request_percentage: float = Field(50, gt=0)

    def of(self, whom: Literal["ours", "partner"]) -> Quota:
        """Return the quota of our own users, or of a partner."""
        limits = ("producer_byte_rate", "consumer_byte_rate", "request_percentage")
        return {name: getattr(self, f"{whom}_{name}") for name in limits}


class AdminSettings(FromFiles):
    """The administrator of Kafka, from the environment."""

    kafka: KafkaSettings = Field(default_factory=KafkaSettings)
    quota: QuotaSettings = Field(default_factory=QuotaSettings)
    effective_delay: Duration = Field(30 * MINUTE, description="the delay in use; its topic is made")
    topic_partitions: int = Field(DEFAULT_PARTITIONS, ge=1, le=1000, description="of each topic that carries the load")
    replication_factor: int | None = Field(None, ge=1, description="three, or as many as there are brokers")
    kafka_passwords: Path | None = Field(None, description="a folder with one file a user, holding its password")

    def passwords(self, users: Iterable[str]) -> dict[str, str]:
        """Return those of the users whose password is known here, with it. `KAFKA_PASSWORDS` names a folder of them."""
        if self.kafka_passwords is None:
            return {}
        files = {name: self.kafka_passwords / name for name in users}
        found = {name: file.read_text().strip() for name, file in files.items() if file.is_file()}
        for name, password in found.items():
            if not password:
                raise OpsError(f"KAFKA_PASSWORDS: {files[name]} holds no password")
        return found

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
