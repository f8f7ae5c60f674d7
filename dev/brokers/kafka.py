"""A real Apache Kafka in KRaft mode: one combined node, or three for fault tests.

Everybody authenticates: clients and brokers by SCRAM-SHA-512, controllers by PLAIN (a controller can't check a SCRAM
password before it has read the log that holds it). What no ACL allows is refused to all but the administrator.
"""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
import uuid
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from dev.brokers.errors import BrokerError
from dev.brokers.jars import jars_folder
from dev.brokers.ports import HOST, check_free, is_listening
from dev.brokers.process import BrokerProcess, Cluster
from dev.brokers.secret_files import write_secret

ADMIN = "admin"
SCRAM = "SCRAM-SHA-512"


class Kafka(Cluster):
    """A cluster with one node per client port, its data in `folder`.

    `admin_password`, of letters, digits, `-` and `_`, is fixed by the first start of a folder. There are as many
    controller ports as client ports.
    """

    def __init__(
        self,
        folder: Path,
        java: Path,
        admin_password: str,
        *,
        client_ports: Sequence[int],
        controller_ports: Sequence[int],
    ) -> None:
        if not re.fullmatch(r"[\w-]+", admin_password, re.ASCII):
            raise ValueError("the administrator's password may hold letters, digits, - and _ only")
        self.bootstrap = ",".join(f"{HOST}:{port}" for port in client_ports)
        self.admin_password = admin_password
        self._folder = folder.resolve()
        self._java = java
        self._client_ports = tuple(client_ports)
        self._controller_ports = tuple(controller_ports)
        super().__init__([self._node(number) for number in range(1, len(self._client_ports) + 1)])

    def admin_settings(self, bootstrap: str | None = None) -> dict[str, str | int | float | bool]:
        """The administrator's settings for a client of librdkafka."""
        return {
            "bootstrap.servers": bootstrap or self.bootstrap,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": SCRAM,
            "sasl.username": ADMIN,
            "sasl.password": self.admin_password,
        }

    def _node(self, number: int) -> BrokerProcess:
        folder = self._folder / str(number)
        return BrokerProcess(
            f"Kafka {number}",
            [*self._java_command(), "kafka.Kafka", _properties_file(folder)],
            folder,
            prepare=partial(self._prepare, number, folder),
            ready=partial(self._is_ready, number),
        )

    def _java_command(self) -> list[str | Path]:
        logger = "-Dorg.slf4j.simpleLogger"
        return [
            self._java,
            "-Xms256m",
            "-Xmx512m",
            "-XX:+ExitOnOutOfMemoryError",
            f"{logger}.defaultLogLevel=warn",
            f"{logger}.showDateTime=true",
            f"{logger}.dateTimeFormat=yyyy-MM-dd HH:mm:ss.SSS",
            "-cp",
            f"{jars_folder()}/*",
        ]

    def _prepare(self, number: int, folder: Path) -> None:
        check_free(self._client_ports[number - 1], "KAFKA_PORT")
        check_free(self._controller_ports[number - 1], "KAFKA_CONTROLLER_PORT")
        properties = self._properties(number, folder)
        write_secret(_properties_file(folder), "".join(f"{key}={value}\n" for key, value in properties.items()))
        if not (_data(folder) / "meta.properties").exists():
            self._format(folder)

    def _format(self, folder: Path) -> None:
        """Make the node's storage, with the administrator in it."""
        # An interrupted format leaves files without meta.properties, which is written last.
        shutil.rmtree(_data(folder), ignore_errors=True)
        admin = f"{SCRAM}=[name={ADMIN},password={self.admin_password}]"
        # Java reads its arguments from a file, so that the password is never seen in a list of processes.
        arguments = folder / "format.args"
        words = ["kafka.tools.StorageTool", "format", "--config", str(_properties_file(folder))]
        words += ["--cluster-id", self._cluster_id(), "--add-scram", admin]
        write_secret(arguments, "\n".join(f'"{word}"' for word in words))
        done = subprocess.run([*self._java_command(), f"@{arguments}"], capture_output=True, text=True, check=False)
        arguments.unlink()
        # Its standard output shows the stored password: it is kept nowhere.
        if done.returncode:
            raise BrokerError(f"Kafka's storage could not be made:\n{done.stderr}")

    def _cluster_id(self) -> str:
        """The identifier all nodes of the folder share; random, so that nodes of two clusters never mix."""
        path = self._folder / "cluster-id"
        if not path.exists():
            raw = uuid.uuid4().bytes
            # An identifier that begins with a dash would be taken for an option.
            raw = bytes([raw[0] & 0x7F]) + raw[1:]
            path.write_text(base64.urlsafe_b64encode(raw).decode().rstrip("="), encoding="ascii")
        return path.read_text(encoding="ascii")

    def _properties(self, number: int, folder: Path) -> dict[str, str | int]:
        client, controller = self._client_ports[number - 1], self._controller_ports[number - 1]
        copies = min(3, len(self._client_ports))
        in_sync = 2 if copies == 3 else 1
        login = f'username="{ADMIN}" password="{self.admin_password}"'
        security = "org.apache.kafka.common.security"
        return {
            "process.roles": "broker,controller",
            "node.id": number,
            "controller.quorum.voters": ",".join(
                f"{voter}@{HOST}:{port}" for voter, port in enumerate(self._controller_ports, 1)
            ),
            "log.dirs": str(_data(folder)),
            "listeners": f"CLIENT://{HOST}:{client},CONTROLLER://{HOST}:{controller}",
            "advertised.listeners": f"CLIENT://{HOST}:{client}",
            "listener.security.protocol.map": "CLIENT:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT",
            "inter.broker.listener.name": "CLIENT",
            "controller.listener.names": "CONTROLLER",
            "sasl.mechanism.inter.broker.protocol": SCRAM,
            "sasl.mechanism.controller.protocol": "PLAIN",
            "listener.name.client.sasl.enabled.mechanisms": SCRAM,
            "listener.name.client.scram-sha-512.sasl.jaas.config": (
                f"{security}.scram.ScramLoginModule required {login};"
            ),
            "listener.name.controller.sasl.enabled.mechanisms": "PLAIN",
            "listener.name.controller.plain.sasl.jaas.config": (
                f'{security}.plain.PlainLoginModule required {login} user_{ADMIN}="{self.admin_password}";'
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
            # Few partitions and no wait for further members: the first consumers of a new broker start sooner.
            "offsets.topic.num.partitions": 8,
            "transaction.state.log.num.partitions": 8,
            "group.initial.rebalance.delay.ms": 0,
            # A node killed and started again must wait until its former self is given up: 9 s by default.
            "broker.session.timeout.ms": 3000,
            "broker.heartbeat.interval.ms": 500,
            # The default of 128 MB is made for a large server.
            "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
        }

    def _is_ready(self, number: int) -> bool:
        port = self._client_ports[number - 1]
        if not is_listening(port):
            return False
        try:
            # A node that isn't unfenced yet answers, but isn't among the brokers.
            admin = AdminClient({**self.admin_settings(f"{HOST}:{port}"), "log_level": "0"})
            return number in admin.list_topics(timeout=5).brokers
        except KafkaException:
            return False


def _properties_file(folder: Path) -> Path:
    return folder / "server.properties"


def _data(folder: Path) -> Path:
    return folder / "data"
