"""The whole system as real processes on free ports: what tests and benchmarks talk to."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2

from dev.brokers import LocalBrokers, Ports
from dev.brokers.ports import free_ports
from dev.issuer.accounts import PASSWORD, PEOPLE
from dev.run.__main__ import provision
from dev.run.settings import RunSettings
from dev.run.supervisor import Supervisor
from dev.run.table import table

_OURS = ("issuer", "insee", "api", "gateway", "structure_svc", "manager_svc", "insee_adapter", "delay_svc")
KAFKA_AUDIENCE = "structures-kafka"


class System:
    """Brokers and processes in one folder. `with` starts and stops them."""

    def __init__(self, folder: Path, *, delay: str = "2s", environment: Mapping[str, str] | None = None) -> None:
        ports = Ports.free()
        ours: dict[str, Any] = {f"{name}_port": port for name, port in zip(_OURS, free_ports(len(_OURS)), strict=True)}
        self.settings = RunSettings(
            run_data=folder,
            effective_delay=delay,
            topic_partitions=3,
            kafka_port=ports.kafka[0],
            kafka_controller_port=ports.kafka_controller[0],
            mongo_port=ports.mongo[0],
            insee_api_key=None,
            **ours,
        )
        self.brokers = LocalBrokers.open(folder / "brokers", ports)
        self._environment = environment or {}
        self.supervisor: Supervisor

    def __enter__(self) -> "System":
        """Start everything and wait until it is ready."""
        self.brokers.start()
        try:
            provision(self.settings, self.brokers)
            self.supervisor = Supervisor(
                table(self.settings, self.brokers),
                self.settings.run_data / "logs",
                environment=self._environment,
                tell=lambda _: None,
            )
            self.supervisor.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop everything."""
        if hasattr(self, "supervisor"):
            self.supervisor.stop()
        self.brokers.stop()

    @property
    def api(self) -> str:
        """Return the address of the API."""
        return f"http://127.0.0.1:{self.settings.api_port}/api/v1"

    @property
    def issuer(self) -> str:
        """Return the issuer's address."""
        return f"http://127.0.0.1:{self.settings.issuer_port}"

    def token(self, who: str, audience: str = "structures-http", expires_in: int = 3600) -> str:
        """Return a token of a demo person or client."""
        form = {"audience": audience, "expires_in": str(expires_in)}
        if who in PEOPLE:
            form |= {"grant_type": "password", "username": who, "password": PASSWORD}
        else:
            secret = self.brokers.password("issuer/clients")
            form |= {"grant_type": "client_credentials", "client_id": who, "client_secret": secret}
        return str(httpx2.post(f"{self.issuer}/token", data=form).raise_for_status().json()["access_token"])

    def as_(self, who: str, *, wait: int | None = 20) -> httpx2.Client:
        """Return a client of the API with somebody's token; it waits for decisions that long."""
        headers = {"Authorization": f"Bearer {self.token(who)}"}
        if wait is not None:
            headers["Prefer"] = f"wait={wait}"
        return httpx2.Client(base_url=self.api, headers=headers, timeout=40)

    def partner(self) -> dict[str, Any]:
        """Return librdkafka's settings of another system."""
        return {
            "bootstrap.servers": self.brokers.kafka_bootstrap,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": "partner",
            "sasl.password": self.brokers.password("kafka/partner"),
        }
