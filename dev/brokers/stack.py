"""Kafka and MongoDB together, wherever they run: the base of `make run`, the tests and the benchmarks."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from dev.brokers.kafka import ADMIN, Kafka
from dev.brokers.mongo import Mongo
from dev.brokers.ports import free_ports
from dev.brokers.secret_files import derive


@dataclass(frozen=True)
class Ports:
    """One port per node; Kafka has a second one per node, for its controllers."""

    kafka: tuple[int, ...] = (9092,)
    kafka_controller: tuple[int, ...] = (9093,)
    mongo: tuple[int, ...] = (27017,)

    @classmethod
    def free(cls, nodes: int = 1) -> Ports:
        """Ports that are free now, for `nodes` nodes of each broker."""
        found = tuple(free_ports(3 * nodes))
        return cls(found[:nodes], found[nodes : 2 * nodes], found[2 * nodes :])


@dataclass(frozen=True)
class Brokers:
    """Both brokers. `with` starts them and, at its end, closes them."""

    kafka: Kafka
    mongo: Mongo
    _root_secret: str = field(repr=False)

    @property
    def kafka_bootstrap(self) -> str:
        """Kafka's bootstrap servers, `host:port` separated by commas."""
        return self.kafka.bootstrap

    @property
    def kafka_admin(self) -> tuple[str, str]:
        """Name and password of Kafka's administrator (SCRAM-SHA-512)."""
        return ADMIN, self.kafka.admin_password

    @property
    def kafka_ca(self) -> Path | None:
        """The file of the CA of Kafka's certificate, when clients use TLS."""
        return self.kafka.layout.tls.ca if self.kafka.layout.tls else None

    @property
    def mongo_admin_uri(self) -> str:
        """MongoDB's URI for its administrator."""
        return self.mongo.admin_uri

    def service_mongo_uri(self, service: str) -> str:
        """MongoDB's URI for a service: its own user and database, both named after it, created if needed."""
        return self.mongo.ensure_service(service, self.password(f"mongo/{service}"))

    def operator_mongo_uri(self, service: str, views: Sequence[str]) -> str:
        """MongoDB's URI for an operator, whose user may read only these views of a service's database."""
        return self.mongo.ensure_reader("ops", self.password(f"mongo/ops/{service}"), service, views)

    def password(self, purpose: str) -> str:
        """The password for `purpose`, always the same in one folder; for instance that of a process on Kafka."""
        return derive(self._root_secret, purpose)

    def start(self) -> None:
        """Start both at the same time and wait until they are ready. After a failure neither is left running."""
        try:
            with ThreadPoolExecutor(max_workers=2) as threads:  # A Ctrl-C may come while it waits.
                starting = [threads.submit(self.kafka.start), threads.submit(self.mongo.start)]
            for start in starting:
                start.result()
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """Stop both, at the same time."""
        with ThreadPoolExecutor(max_workers=2) as threads:
            stopping = [threads.submit(self.kafka.stop), threads.submit(self.mongo.stop)]
        for stop in stopping:
            stop.result()

    def kill(self) -> None:
        """Kill both (SIGKILL)."""
        self.kafka.kill()
        self.mongo.kill()

    def close(self) -> None:
        """Stop both and release their resources; they are not started again."""
        self.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
