"""The settings of a local run; each is an environment variable of the same name in capitals."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from dev.brokers import Ports


class RunSettings(BaseSettings):
    """Where data lives, and every port. A short `EFFECTIVE_DELAY` such as 5s makes a demonstration quick."""

    model_config = SettingsConfigDict(extra="ignore")

    run_data: Path = Field(Path(".data/run"), description="brokers' data, secrets and logs")
    effective_delay: str = "30m"
    topic_partitions: int = 12

    kafka_port: int = 9092
    kafka_controller_port: int = 9093
    mongo_port: int = 27017
    issuer_port: int = 8190
    insee_port: int = 8191
    api_port: int = 8000
    gateway_port: int = 8100
    structure_svc_port: int = 8101
    manager_svc_port: int = 8102
    insee_adapter_port: int = 8103
    delay_svc_port: int = 8104

    insee_api_key: str | None = Field(None, description="with a key, the real INSEE is asked instead of the simulator")

    @property
    def issuer(self) -> str:
        """Return the issuer's address."""
        return f"http://127.0.0.1:{self.issuer_port}"

    @property
    def api(self) -> str:
        """Return the API's address."""
        return f"http://127.0.0.1:{self.api_port}"

    def broker_ports(self) -> Ports:
        """Return the ports of Kafka and MongoDB."""
        return Ports((self.kafka_port,), (self.kafka_controller_port,), (self.mongo_port,))

    def ports(self) -> dict[str, int]:
        """Return every port of our own processes, by the name of its setting."""
        return {
            name.upper(): port
            for name, port in self.model_dump().items()
            if name.endswith("_port") and not name.startswith(("kafka", "mongo"))
        }
