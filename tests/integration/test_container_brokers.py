"""The brokers in containers: closed to other machines, like a process to a fault test, and never left behind."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import PyMongoError
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.docker_client import DockerClient

from dev.brokers import BrokerError, BrokerFailed, Ports
from dev.brokers.ports import HOST, is_free
from tests.support.brokers import CONTAINERS, choice
from tests.support.containers import LABEL, MONGO_IMAGE, ContainerBrokers, ContainerNode
from tests.support.system import until

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(
    choice()[0] != CONTAINERS, reason=f"The brokers in use are not containers: {choice()[1]}."
)


@pytest.fixture(autouse=True)
def _no_further_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(testcontainers_config, "_ryuk_disabled", True)


@pytest.fixture
def engine() -> Iterator[Any]:
    """The Docker engine."""
    client = DockerClient().client
    yield client.api
    client.close()


def containers(engine: Any, *ports: int) -> list[dict[str, Any]]:
    """Every container that has to do with brokers on these ports."""
    found = engine.containers(all=True, filters={"label": LABEL})
    pods = {c["Labels"][LABEL] for c in found if {p.get("PublicPort") for p in c["Ports"]} & set(ports)}
    return [c for c in found if c["Labels"][LABEL] in pods]


def test_a_node_is_killed_frozen_and_started_again_with_its_data_then_gone(tmp_path: Path, engine: Any) -> None:
    ports = Ports.free()
    brokers = ContainerBrokers.open(tmp_path, ports)
    node = brokers.mongo.nodes[0]
    try:
        brokers.mongo.start()
        made = containers(engine, *ports.mongo)
        published = [(p["IP"], p["PublicPort"]) for c in made for p in c["Ports"] if "PublicPort" in p]
        assert sorted(published) == [(HOST, port) for port in sorted((*ports.kafka, *ports.mongo))]

        with MongoClient[dict[str, object]](brokers.service_mongo_uri("kept"), timeoutMS=20_000) as client:
            client["kept"]["things"].insert_one({"_id": "kept"})
            node.kill()
            assert not node.is_running
            with pytest.raises(BrokerFailed, match="mongod 1 is not running"):
                _ = node.pid
            brokers.mongo.start()
            assert client["kept"]["things"].find_one() == {"_id": "kept"}

            node.pause()
            assert node.is_running
            with MongoClient[dict[str, object]](brokers.mongo_admin_uri, timeoutMS=500) as other:
                with pytest.raises(PyMongoError):
                    other.admin.command("ping")
                node.resume()
                until(lambda: answers(other))

            node.pause()
            node.stop()
            assert not node.is_running
    finally:
        brokers.close()
    assert not {c["Id"] for c in made} & {c["Id"] for c in engine.containers(all=True)}


def answers(client: MongoClient[dict[str, object]]) -> bool:
    try:
        return bool(client.admin.command("ping")["ok"])
    except PyMongoError:
        return False


def test_a_node_that_fails_shows_the_end_of_its_log(tmp_path: Path) -> None:
    with DockerContainer(MONGO_IMAGE).with_kwargs(entrypoint=["sh", "-c", "echo disk full; exit 3"]) as container:
        node = ContainerNode("A node", tmp_path / "log", container, prepare=lambda: None, ready=lambda: False)
        with pytest.raises(
            BrokerFailed, match=r"stopped while it was starting(?s:.*)TEST_BROKERS=local(?s:.*)disk full"
        ):
            node.wait_ready()


def test_a_container_that_can_not_be_made_is_reported(tmp_path: Path) -> None:
    container = DockerContainer(MONGO_IMAGE).with_kwargs(network_mode="container:none-of-this-name")
    node = ContainerNode("A node", tmp_path / "log", container, prepare=lambda: None, ready=lambda: False)
    with pytest.raises(BrokerError, match=r"A node can't be a container(?s:.*)TEST_BROKERS=local"):
        node.start()
    container.stop()


STARTER = """
import sys, time
from pathlib import Path
from dev.brokers import Ports
from tests.support.containers import ContainerBrokers
brokers = ContainerBrokers.open(Path(sys.argv[1]), Ports(mongo=(int(sys.argv[2]),), kafka=(int(sys.argv[3]),)))
brokers.mongo.nodes[0].start()
print("started", flush=True)
time.sleep(600)
"""


def test_containers_are_removed_when_who_started_them_is_killed(tmp_path: Path, engine: Any) -> None:
    ports = Ports.free()
    command = [sys.executable, "-c", STARTER, str(tmp_path), str(ports.mongo[0]), str(ports.kafka[0])]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == b"started\n"
        ids = {c["Id"] for c in containers(engine, *ports.mongo)}
        assert len(ids) == 2
        starter.send_signal(signal.SIGKILL)
    until(lambda: not ids & {c["Id"] for c in engine.containers(all=True)}, 60, what="their removal")
    until(lambda: is_free(ports.mongo[0]), what="their port free")
