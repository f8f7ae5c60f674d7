"""The whole system as real processes on free ports, for tests and benchmarks."""

import itertools
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from dev.brokers import Brokers, LocalBrokers, Ports
from dev.brokers.ports import free_ports
from dev.run import environments
from dev.run.__main__ import provision
from dev.run.clients import KAFKA_AUDIENCE, Channels
from dev.run.settings import RunSettings
from dev.run.supervisor import Running, Supervisor
from dev.run.table import table

__all__ = ["KAFKA_AUDIENCE", "System"]


class System(Channels):
    """Brokers and processes in one folder. `with` starts and stops them; given `brokers` run already."""

    def __init__(
        self,
        folder: Path,
        *,
        delay: str = "2s",
        environment: Mapping[str, str] | None = None,
        brokers: Brokers | None = None,
    ) -> None:
        names = [name for name in RunSettings.model_fields if name.endswith("_port")]
        ports: dict[str, Any] = dict(zip(names, free_ports(len(names)), strict=True))
        self.settings = RunSettings(
            run_data=folder,
            effective_delay=delay,
            topic_partitions=3,
            insee_api_key=None,
            **ports,
        )
        self._own_brokers = brokers is None
        self.brokers = brokers or LocalBrokers.open(folder / "brokers", Ports.free())
        super().__init__(
            api=f"{self.settings.api}/api/v1",
            issuer=self.settings.issuer,
            client_secret=self.brokers.password("issuer/clients"),
            kafka=self.brokers.kafka_bootstrap,
            partner_password=self.brokers.password("kafka/partner"),
        )
        self._environment = environment or {}
        self.supervisor: Supervisor

    def __enter__(self) -> "System":
        """Start everything and wait until it is ready."""
        if self._own_brokers:
            self.brokers.start()
        try:
            provision(self.settings, self.brokers)
            processes = table(self.settings, self.brokers)
            environments.write(self.settings, self.brokers, processes)
            self.supervisor = Supervisor(
                processes,
                self.settings.run_data / "logs",
                environment=self._environment,
                report=lambda _: None,
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
        if self._own_brokers:
            self.brokers.close()

    def replica(self, of: str, **environment: str) -> Running:
        """Start one more process like `of`, on ports of its own; does not wait until it is ready."""
        one = self.supervisor[of].process
        port, api_port = free_ports(2)
        own = {"HTTP_PORT": str(port), **({"API_PORT": str(api_port)} if "API_PORT" in one.env else {})}
        name = next(n for n in (f"{of}.{k}" for k in itertools.count(2)) if n not in self.supervisor.processes)
        replica = replace(one, name=name, port=port, env={**one.env, **own, **environment})
        return self.supervisor.add(replica)
