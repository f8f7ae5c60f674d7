"""Kafka and MongoDB together, in one folder: what `make run`, the tests and the benchmarks stand on."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from dev.brokers.jars import KAFKA_VERSION, fetch_jars, have_jars
from dev.brokers.kafka import ADMIN, Kafka
from dev.brokers.mongo import Mongo
from dev.brokers.ports import free_ports
from dev.brokers.secret_files import derive, root_secret
from dev.brokers.tools import find_tools


@dataclass(frozen=True)
class Ports:
    """One port per node; Kafka has a second one per node, for its controllers."""

    kafka: tuple[int, ...] = (9092,)
    kafka_controller: tuple[int, ...] = (9093,)
    mongo: tuple[int, ...] = (27017,)

    @classmethod
    def free(cls, nodes: int = 1) -> Ports:
        """Ports that nobody uses now, for `nodes` nodes of each broker."""
        found = tuple(free_ports(3 * nodes))
        return cls(found[:nodes], found[nodes : 2 * nodes], found[2 * nodes :])


@dataclass(frozen=True)
class LocalBrokers:
    """Both brokers of one folder. Made by `open`; `with` starts and stops them."""

    kafka: Kafka
    mongo: Mongo
    _root_secret: str = field(repr=False)

    @classmethod
    def open(cls, folder: Path, ports: Ports, tell: Callable[[str], None] = lambda _: None) -> LocalBrokers:
        """Prepare the brokers of `folder`, without starting them. The folder may be new or from an earlier run.

        Kafka's jars are fetched when they lack; what takes long is said to `tell` first. Raises MissingTools.
        """
        tools = find_tools(with_mvn=not have_jars())
        if tools.mvn and not have_jars():
            tell(f"Fetching Apache Kafka {KAFKA_VERSION} with Maven (once)")
            fetch_jars(tools.mvn)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        root = root_secret(folder)
        kafka = Kafka(
            folder / "kafka",
            tools.java,
            derive(root, "kafka/admin"),
            client_ports=ports.kafka,
            controller_ports=ports.kafka_controller,
        )
        mongo = Mongo(
            folder / "mongo",
            tools.mongod,
            admin_password=derive(root, "mongo/admin"),
            key=derive(root, "mongo/key"),
            ports=ports.mongo,
        )
        return cls(kafka, mongo, root)

    @property
    def kafka_bootstrap(self) -> str:
        """Where Kafka's clients connect first, `host:port` separated by commas."""
        return self.kafka.bootstrap

    @property
    def kafka_admin(self) -> tuple[str, str]:
        """Name and password of Kafka's administrator (SCRAM-SHA-512, without TLS)."""
        return ADMIN, self.kafka.admin_password

    @property
    def mongo_admin_uri(self) -> str:
        """The address of MongoDB for its administrator."""
        return self.mongo.admin_uri

    def service_mongo_uri(self, service: str) -> str:
        """The address of MongoDB for a service: its own user, its own database, both named after it, made if needed."""
        return self.mongo.ensure_service(service, self.password(f"mongo/{service}"))

    def password(self, purpose: str) -> str:
        """A password for `purpose`, always the same in one folder; for instance that of a process on Kafka."""
        return derive(self._root_secret, purpose)

    def start(self) -> None:
        """Start both at the same time and wait until they are ready. On a failure none is left running."""
        with ThreadPoolExecutor(max_workers=2) as threads:
            starting = [threads.submit(self.kafka.start), threads.submit(self.mongo.start)]
        try:
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

    def __enter__(self) -> LocalBrokers:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
