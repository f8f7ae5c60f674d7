"""The settings of a local run; each is an environment variable of the same name in capitals."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from dev.brokers import Ports
from shared.clock import duration

Port = Annotated[int, Field(ge=1, le=65535)]


def _is_duration(text: str) -> str:
    duration(text)
    return text


class RunSettings(BaseSettings):
    """The folder of the data, and every port. A short `EFFECTIVE_DELAY` such as 5s makes a demonstration quick."""

    model_config = SettingsConfigDict(extra="ignore")

    run_data: Path = Field(Path(".data/run"), description="brokers' data, secrets and logs")
    effective_delay: Annotated[str, AfterValidator(_is_duration)] = "30m"
    topic_partitions: int = Field(12, ge=1, le=1000)

    kafka_port: Port = 9092
    kafka_controller_port: Port = 9093
    mongo_port: Port = 27017
    issuer_port: Port = 8190
    insee_port: Port = 8191
    api_port: Port = 8000
    gateway_port: Port = 8100
    structure_svc_port: Port = 8101
    manager_svc_port: Port = 8102
    insee_adapter_port: Port = 8103
    delay_svc_port: Port = 8104

    insee_api_key: str | None = Field(None, description="with a key, the real INSEE is asked instead of the simulator")

    @model_validator(mode="after")
    def _each_its_own(self) -> Self:
        taken: dict[int, str] = {}
        for name, port in self.all_ports().items():
            if (other := taken.setdefault(port, name)) != name:
                raise ValueError(f"{other} and {name} are both {port}: give each a port of its own")
        return self

    @property
    def issuer(self) -> str:
        """Return the issuer's URL."""
        return f"http://127.0.0.1:{self.issuer_port}"

    @property
    def api(self) -> str:
        """Return the API's URL."""
        return f"http://127.0.0.1:{self.api_port}"

    def broker_ports(self) -> Ports:
        """Return the ports of Kafka and MongoDB."""
        return Ports((self.kafka_port,), (self.kafka_controller_port,), (self.mongo_port,))

    def ports(self) -> dict[str, int]:
        """Return every port of our own processes, by the name of its setting."""
        return {name: port for name, port in self.all_ports().items() if not name.startswith(("KAFKA", "MONGO"))}

    def all_ports(self) -> dict[str, int]:
        """Return every port, by the name of its setting."""
        return {name.upper(): port for name, port in self.model_dump().items() if name.endswith("_port")}
