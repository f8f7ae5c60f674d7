"""Kafka and MongoDB as containers, by testcontainers: the same brokers as `dev/brokers`' processes, node by node.

All nodes of both brokers share the network of one further container, which publishes their ports on 127.0.0.1 alone.
So a node has the address 127.0.0.1:port for its clients and for the other nodes, as a process has, and it keeps it when
it is killed and started again.
"""

import base64
import contextlib
import json
import os
import secrets
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Self

import docker.errors
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer

from dev.brokers import BrokerError, BrokerFailed, Brokers, Ports
from dev.brokers.jars import KAFKA_VERSION
from dev.brokers.kafka import Kafka, Layout, Tls, admin_credential, new_cluster_id, server_properties
from dev.brokers.mongo import ADMIN, REPLICA_SET, Mongo, client_of, mongod_options
from dev.brokers.ports import HOST
from dev.brokers.secret_files import derive

KAFKA_IMAGE = f"apache/kafka:{KAFKA_VERSION}"
MONGO_IMAGE = "mongo:8.0"
LABEL = "structures.brokers"

_WITHOUT = "TEST_BROKERS=local runs the brokers without containers."
_REAPER = Path(__file__).with_name("container_reaper.py")

# What configures a node comes by its environment: a file would have to be readable by the image's own user.
_RUN_KAFKA = """
set -e; umask 077
printf %s "$SERVER_PROPERTIES" >/tmp/server.properties
[ -e /tmp/data/meta.properties ] || /opt/kafka/bin/kafka-storage.sh format \\
    --config /tmp/server.properties --cluster-id "$CLUSTER" --add-scram "$CREDENTIAL" >/dev/null
exec /opt/kafka/bin/kafka-server-start.sh /tmp/server.properties
"""
_RUN_MONGOD = """
umask 077
printf %s "$KEY" >/tmp/key
exec mongod "$@"
"""
# A node that has no user yet takes this from anybody on its own machine, which is the network that all share. Any of
# several nodes may be elected.
_FORM = """
rs.initiate(JSON.parse(process.env.CONFIG));
let primary;
do {
  sleep(50);
  const elected = db.hello().primary;
  primary = elected && connect("mongodb://" + elected + "/admin");
} while (!primary || !primary.hello().isWritablePrimary);
primary.createUser({user: process.env.NAME, pwd: process.env.PASSWORD, roles: ["root"]});
"""


class ContainerNode:
    """One node as a container; see `dev.brokers.cluster.Node`."""

    def __init__(
        self,
        name: str,
        log: Path,
        container: DockerContainer,
        *,
        prepare: Callable[[], None],
        ready: Callable[[], bool],
    ) -> None:
        self.name = name
        self.log = log
        self._container = container
        self._prepare = prepare
        self._ready = ready

    @property
    def is_running(self) -> bool:
        """Whether it exists; a frozen one does."""
        return self._state("Running") is True

    @property
    def pid(self) -> int:
        """Its process id on the engine's machine. Raises BrokerFailed when it doesn't run."""
        if not self.is_running:
            raise BrokerFailed(f"{self.name} is not running.", self.log)
        return int(self._state("Pid"))

    def start(self) -> None:
        """Start it, without waiting for it to be ready. Does nothing when it runs already."""
        try:
            if not self._is_made:
                self._prepare()
                self._container.start()
            elif not self.is_running:
                self._made.start()
        except docker.errors.DockerException as error:
            raise BrokerError(f"{self.name} can't be a container: {error}. {_WITHOUT}") from error

    def ask_to_stop(self) -> None:
        """Ask it to end. Does nothing when it doesn't run."""
        # A frozen process would leave the request for later.
        self.resume()
        self._signal("SIGTERM")

    def wait_stopped(self, patience: float = 10.0) -> None:
        """Wait until it has ended; kill it if it hasn't after `patience` seconds."""
        deadline = time.monotonic() + patience
        while self.is_running and time.monotonic() < deadline:
            time.sleep(0.05)
        self.kill()

    def stop(self) -> None:
        """Ask it to end and wait for it."""
        self.ask_to_stop()
        self.wait_stopped()

    def kill(self) -> None:
        """End it at once (SIGKILL). Does nothing when it doesn't run."""
        self._signal("SIGKILL")
        while self.is_running:
            time.sleep(0.01)

    def pause(self) -> None:
        """Freeze it: its connections stay open and nothing answers."""
        self._made.pause()

    def resume(self) -> None:
        """Let it go on. Does nothing when it isn't frozen."""
        if self._state("Paused"):
            self._made.unpause()

    def wait_ready(self, within: float = 120.0) -> None:
        """Wait until it serves its clients. Raises BrokerFailed when it ends before that, or after `within` seconds."""
        deadline = time.monotonic() + within
        while not self._ready():
            if not self.is_running:
                self._fail("stopped while it was starting")
            if time.monotonic() > deadline:
                self._fail(f"was not ready after {within:.0f} s")
            time.sleep(0.05)

    def run(self, command: list[str], environment: Mapping[str, str]) -> None:
        """Run a command in the container. Raises BrokerFailed with what it said when it fails."""
        code, said = self._made.exec_run(command, environment=dict(environment))
        if code:
            self._fail(f"could not run {command[0]}: {said.decode(errors='replace')}")

    def _fail(self, what: str) -> None:
        self.log.write_bytes(self._made.logs())
        raise BrokerFailed(f"{self.name}, a container, {what}. {_WITHOUT}", self.log)

    def _signal(self, name: str) -> None:
        if self.is_running:
            # It may end by itself between the question and the signal.
            with contextlib.suppress(docker.errors.APIError):
                self._made.kill(name)

    @property
    def _is_made(self) -> bool:
        return self._container.status != "not_started"

    @property
    def _made(self) -> Any:
        return self._container.get_wrapped_container()

    def _state(self, field: str) -> Any:
        if not self._is_made:
            return None
        self._made.reload()
        return self._made.attrs["State"][field]


class Pod:
    """The containers of both brokers: the nodes, and the one that holds their network and publishes their ports."""

    def __init__(self, folder: Path, ports: Ports, key: str) -> None:
        self._folder = folder
        self._key = base64.b64encode(key.encode()).decode()
        self._name = f"structures-brokers-{uuid.uuid4().hex[:12]}"
        self._lock = threading.Lock()
        self._reaper: subprocess.Popen[bytes] | None = None
        self._clients: list[Any] = []
        self._mongods: list[ContainerNode] = []
        self._formed = False
        # The image is one that is needed anyway.
        self._network = self._container(MONGO_IMAGE, ["sleep", "infinity"], name=self._name)
        published: Any = self._network.ports
        published.update({f"{port}/tcp": (HOST, port) for port in (*ports.kafka, *ports.mongo)})

    def _make_network(self) -> None:
        with self._lock:
            if self._reaper is not None:
                return
            # It removes the containers once we say so, or once this process has ended, however it ended: it is
            # testcontainers' own reaper without a further image, and without the engine's socket in a container.
            testcontainers_config.ryuk_disabled = True
            self._reaper = subprocess.Popen(
                [sys.executable, _REAPER, f"{LABEL}={self._name}"], stdin=subprocess.PIPE, start_new_session=True
            )
            self._network.start()

    def remove(self) -> None:
        """Remove every container."""
        if self._reaper is not None:
            self._reaper.communicate(b"done", timeout=60)
        for client in self._clients:
            client.close()

    def kafka(self, layout: Layout, cluster: str, number: int, ready: Callable[[], bool]) -> ContainerNode:
        """A node of Kafka."""
        environment = {
            "SERVER_PROPERTIES": server_properties(layout, number, data="/tmp/data", listen="0.0.0.0"),  # noqa: S104, S108
            "CREDENTIAL": admin_credential(layout.admin_password),
            "CLUSTER": cluster,
            "KAFKA_HEAP_OPTS": "-Xms256m -Xmx512m",
            "KAFKA_LOG_LEVEL": "warn",
            "JAVA_TOOL_OPTIONS": os.environ.get("JAVA_TOOL_OPTIONS", ""),
        }
        container = self._container(KAFKA_IMAGE, ["bash", "-c", _RUN_KAFKA], environment)
        return self._node(f"Kafka {number}", container, ready)

    def mongod(self, number: int, port: int, ready: Callable[[], bool]) -> ContainerNode:
        """A node of MongoDB."""
        options = [*mongod_options(port), "--keyFile", "/tmp/key", "--bind_ip_all"]  # noqa: S108
        command = ["bash", "-c", _RUN_MONGOD, "mongod", *options]
        container = self._container(MONGO_IMAGE, command, {"KEY": self._key}, user="mongodb")
        node = self._node(f"mongod {number}", container, ready)
        self._mongods.append(node)
        return node

    def form_replica_set(self, mongo: Mongo) -> None:
        """Make the replica set and its administrator, once: they last as long as the containers."""
        if not self._formed:
            environment = {
                "CONFIG": json.dumps({"_id": REPLICA_SET, "members": mongo.members()}),
                "NAME": ADMIN,
                "PASSWORD": mongo.admin_password,
            }
            self._mongods[0].run(["mongosh", "--quiet", "--port", str(mongo.ports[0]), "--eval", _FORM], environment)
            self._formed = True
        with client_of(mongo.admin_uri) as admin:
            admin.admin.command("ping")  # It waits until there is a primary.

    def _node(self, name: str, container: DockerContainer, ready: Callable[[], bool]) -> ContainerNode:
        log = self._folder / f"{name.replace(' ', '-')}.txt"
        return ContainerNode(name, log, container, prepare=self._make_network, ready=ready)

    def _container(
        self, image: str, command: list[str], environment: Mapping[str, str] | None = None, **more: Any
    ) -> DockerContainer:
        if command[0] == "bash":
            more["network_mode"] = f"container:{self._name}"
        container = DockerContainer(image, env=dict(environment or {}), name=more.pop("name", None))
        self._clients.append(container.get_docker_client().client)
        # Without `network` testcontainers may choose one by itself.
        return container.with_kwargs(entrypoint=command, labels={LABEL: self._name}, network=None, **more)


@dataclass(frozen=True)
class ContainerBrokers(Brokers):
    """Both brokers as containers, made by `open`. They are gone after `close`, or when this process ends."""

    _pod: Pod = field(repr=False)

    @classmethod
    def open(cls, folder: Path, ports: Ports, *, tls: Tls | None = None) -> Self:
        """Prepare brokers with these ports, without starting them; `folder` gets the log of a node that fails."""
        folder.mkdir(parents=True, exist_ok=True)
        root = secrets.token_hex(32)
        pod = Pod(folder, ports, root)
        layout = Layout(ports.kafka, ports.kafka_controller, derive(root, "kafka/admin"), tls)
        kafka = Kafka(layout, partial(pod.kafka, layout, new_cluster_id()))
        mongo = Mongo(ports.mongo, derive(root, "mongo/admin"), pod.mongod, pod.form_replica_set)
        return cls(kafka, mongo, root, pod)

    def close(self) -> None:
        """Remove every container, with what it held."""
        self._pod.remove()
