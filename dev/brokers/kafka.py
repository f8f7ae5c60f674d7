"""A real Apache Kafka in KRaft mode, one combined node or three for fault tests: the part independent of where it runs.

Clients and brokers authenticate by SCRAM-SHA-512, controllers by PLAIN (a controller can't verify a SCRAM password
before it has read the log with it). Whatever no ACL allows is denied to all but the administrator.
"""

from __future__ import annotations

import base64
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from dev.brokers.cluster import Cluster, Node
from dev.brokers.ports import HOST, is_listening

ADMIN = "admin"
SCRAM = "SCRAM-SHA-512"

MakeNode = Callable[[int, Callable[[], bool]], Node]
"""Makes the node of a number, from 1; the function returns whether it is ready."""


@dataclass(frozen=True)
class Tls:
    """TLS for clients: the CA's file, and the brokers' certificate and private key (PKCS#8) as PEM."""

    ca: Path
    certificate: str
    key: str


@dataclass(frozen=True)
class Layout:
    """The configuration that the nodes of a cluster share.

    There is one client port and one controller port per node. `admin_password` has only letters, digits, `-` and `_`.
    """

    client_ports: tuple[int, ...]
    controller_ports: tuple[int, ...]
    admin_password: str
    tls: Tls | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[\w-]+", self.admin_password, re.ASCII):
            raise ValueError("the administrator's password may hold letters, digits, - and _ only")

    @property
    def protocol(self) -> str:
        """The security protocol of clients."""
        return "SASL_SSL" if self.tls else "SASL_PLAINTEXT"

    def admin_settings(self, bootstrap: str) -> dict[str, str | int | float | bool]:
        """The administrator's settings for a client of librdkafka."""
        settings: dict[str, str | int | float | bool] = {
            "bootstrap.servers": bootstrap,
            "security.protocol": self.protocol,
            "sasl.mechanism": SCRAM,
            "sasl.username": ADMIN,
            "sasl.password": self.admin_password,
        }
        return settings | ({"ssl.ca.location": str(self.tls.ca)} if self.tls else {})

    def is_ready(self, number: int) -> bool:
        """Whether a node serves its clients."""
        port = self.client_ports[number - 1]
        if not is_listening(port):
            return False
        try:
            # A node that is still fenced answers, but isn't among the brokers.
            admin = AdminClient({**self.admin_settings(f"{HOST}:{port}"), "log_level": "0"})
            return number in admin.list_topics(timeout=5).brokers
        except KafkaException:
            return False


class Kafka(Cluster):
    """A cluster with one node per client port."""

    def __init__(self, layout: Layout, make_node: MakeNode) -> None:
        self.bootstrap = ",".join(f"{HOST}:{port}" for port in layout.client_ports)
        self.admin_password = layout.admin_password
        self.layout = layout
        numbers = range(1, len(layout.client_ports) + 1)
        super().__init__([make_node(number, partial(layout.is_ready, number)) for number in numbers])

    def admin_settings(self, bootstrap: str | None = None) -> dict[str, str | int | float | bool]:
        """The administrator's settings for a client of librdkafka."""
        return self.layout.admin_settings(bootstrap or self.bootstrap)


def new_cluster_id() -> str:
    """A random cluster id, so that nodes of two clusters never mix."""
    raw = uuid.uuid4().bytes
    # An id that begins with a dash would be taken for an option.
    raw = bytes([raw[0] & 0x7F]) + raw[1:]
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def server_properties(layout: Layout, number: int, *, data: str, listen: str = HOST) -> str:
    """The configuration file of a node which keeps its logs in the folder `data` and listens to clients on `listen`."""
    lines = _properties(layout, number, data, listen) | (_tls(layout.tls) if layout.tls else {})
    return "".join(f"{key}={value}\n" for key, value in lines.items())


def admin_credential(password: str) -> str:
    """The administrator as the argument of `kafka-storage format --add-scram`."""
    return f"{SCRAM}=[name={ADMIN},password={password}]"


def _properties(layout: Layout, number: int, data: str, listen: str) -> dict[str, str | int]:
    client, controller = layout.client_ports[number - 1], layout.controller_ports[number - 1]
    copies = min(3, len(layout.client_ports))
    in_sync = 2 if copies == 3 else 1
    login = f'username="{ADMIN}" password="{layout.admin_password}"'
    security = "org.apache.kafka.common.security"
    return {
        "process.roles": "broker,controller",
        "node.id": number,
        "controller.quorum.voters": ",".join(
            f"{voter}@{HOST}:{port}" for voter, port in enumerate(layout.controller_ports, 1)
        ),
        "log.dirs": data,
        "listeners": f"CLIENT://{listen}:{client},CONTROLLER://{HOST}:{controller}",
        "advertised.listeners": f"CLIENT://{HOST}:{client}",
        "listener.security.protocol.map": f"CLIENT:{layout.protocol},CONTROLLER:SASL_PLAINTEXT",
        "inter.broker.listener.name": "CLIENT",
        "controller.listener.names": "CONTROLLER",
        "sasl.mechanism.inter.broker.protocol": SCRAM,
        "sasl.mechanism.controller.protocol": "PLAIN",
        "listener.name.client.sasl.enabled.mechanisms": SCRAM,
        "listener.name.client.scram-sha-512.sasl.jaas.config": (f"{security}.scram.ScramLoginModule required {login};"),
        "listener.name.controller.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.controller.plain.sasl.jaas.config": (
            f'{security}.plain.PlainLoginModule required {login} user_{ADMIN}="{layout.admin_password}";'
        ),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": f"User:{ADMIN}",
        "allow.everyone.if.no.acl.found": "false",
        "auto.create.topics.enable": "false",
        "default.replication.factor": copies,
        "min.insync.replicas": in_sync,
        "offsets.topic.replication.factor": copies,
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": in_sync,
        "share.coordinator.state.topic.replication.factor": copies,
        "share.coordinator.state.topic.min.isr": in_sync,
        # Few partitions of offsets and no wait for more members: the first consumers of a new broker start sooner.
        "offsets.topic.num.partitions": 8,
        "transaction.state.log.num.partitions": 8,
        "group.initial.rebalance.delay.ms": 0,
        # A node that was killed must wait, before it starts again, until its old session expires: 9 s by default.
        "broker.session.timeout.ms": 3000,
        "broker.heartbeat.interval.ms": 500,
        # The default of 128 MB is for a large server.
        "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
    }


def _tls(tls: Tls) -> dict[str, str | int]:
    def one_line(pem: str) -> str:
        return pem.replace("\n", "\\n")

    return {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.certificate.chain": one_line(tls.certificate),
        "ssl.keystore.key": one_line(tls.key),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.certificates": one_line(tls.ca.read_text(encoding="ascii")),
    }
