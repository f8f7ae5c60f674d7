"""Kafka and MongoDB as processes of this machine, in one folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dev.brokers.jars import KAFKA_VERSION, fetch_jars, have_jars
from dev.brokers.kafka import Layout, Tls
from dev.brokers.local_kafka import local_kafka
from dev.brokers.local_mongo import local_mongo
from dev.brokers.secret_files import derive, root_secret
from dev.brokers.stack import Brokers, Ports
from dev.brokers.tools import find_tools


@dataclass(frozen=True)
class LocalBrokers(Brokers):
    """Both brokers of one folder, made by `open`. They end with this process, and their data stay."""

    @classmethod
    def open(
        cls, folder: Path, ports: Ports, report: Callable[[str], None] = lambda _: None, *, tls: Tls | None = None
    ) -> LocalBrokers:
        """Prepare the brokers of `folder`, without starting them. The folder may be new or of an earlier run.

        Kafka's jars are fetched when they are missing; that is announced by `tell`, since it takes long. Raises
        MissingTools.
        """
        tools = find_tools(with_mvn=not have_jars())
        if tools.mvn and not have_jars():
            report(f"Fetching Apache Kafka {KAFKA_VERSION} with Maven (once)")
            fetch_jars(tools.mvn)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        root = root_secret(folder)
        layout = Layout(ports.kafka, ports.kafka_controller, derive(root, "kafka/admin"), tls)
        mongo = local_mongo(
            folder / "mongo",
            tools.mongod,
            admin_password=derive(root, "mongo/admin"),
            key=derive(root, "mongo/key"),
            ports=ports.mongo,
        )
        return cls(local_kafka(folder / "kafka", tools.java, layout), mongo, root)
