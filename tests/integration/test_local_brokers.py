"""The local brokers are real, closed to strangers, keep their data, and are never left behind."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaConnectionError, TopicAuthorizationFailedError
from confluent_kafka.admin import (
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from dev.brokers import BrokerFailed, LocalBrokers, PortBusy, Ports
from dev.brokers.ports import HOST, check_free, free_ports, is_free, is_listening
from dev.brokers.process import BrokerProcess

ROOT = Path(__file__).resolve().parents[2]
PORTS = Ports.free()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("brokers") / "data"


@pytest.fixture(scope="module")
def brokers(folder: Path) -> Iterator[LocalBrokers]:
    with LocalBrokers.open(folder, PORTS) as running:
        yield running


def sasl(brokers: LocalBrokers, user: str | None = None, password: str | None = None) -> dict[str, str]:
    admin, admin_password = brokers.kafka_admin
    return {
        "bootstrap_servers": brokers.kafka_bootstrap,
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": user or admin,
        "sasl_plain_password": password or admin_password,
    }


async def create_topic(brokers: LocalBrokers, name: str) -> None:
    admin = AIOKafkaAdminClient(**sasl(brokers))
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, num_partitions=1, replication_factor=1)])
    finally:
        await admin.close()


async def publish(brokers: LocalBrokers, topic: str, value: bytes) -> None:
    async with AIOKafkaProducer(**sasl(brokers), enable_idempotence=True) as producer:
        await producer.send_and_wait(topic, value)


async def read_one(brokers: LocalBrokers, topic: str, group: str) -> bytes | None:
    settings = sasl(brokers)
    async with AIOKafkaConsumer(topic, group_id=group, auto_offset_reset="earliest", **settings) as consumer:
        value: bytes | None = (await consumer.getone()).value
        return value


def eventually(condition: Callable[[], bool], within: float = 10.0) -> bool:
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


async def test_kafka_carries_a_message_of_who_has_the_password(brokers: LocalBrokers) -> None:
    await create_topic(brokers, "carried")
    await publish(brokers, "carried", b"a message")
    assert await read_one(brokers, "carried", "a-group") == b"a message"


async def test_kafka_refuses_a_wrong_password(brokers: LocalBrokers) -> None:
    producer = AIOKafkaProducer(**sasl(brokers, password="guessed"))
    with pytest.raises(KafkaConnectionError):
        await producer.start()
    await producer.stop()


async def test_kafka_refuses_what_no_acl_allows(brokers: LocalBrokers) -> None:
    await create_topic(brokers, "closed")
    user = UserScramCredentialUpsertion("stranger", ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096), b"known")
    admin = AdminClient(brokers.kafka.admin_settings())
    for altered in admin.alter_user_scram_credentials([user]).values():
        altered.result()
    async with AIOKafkaProducer(**sasl(brokers, "stranger", "known")) as producer:
        with pytest.raises(TopicAuthorizationFailedError):
            await producer.send_and_wait("closed", b"forged")


def test_mongodb_keeps_services_apart(brokers: LocalBrokers) -> None:
    with MongoClient[dict[str, object]](brokers.service_mongo_uri("one")) as one:
        one["one"]["things"].create_index("name", unique=True)
        one["one"]["things"].insert_one({"name": "mine"})
    with MongoClient[dict[str, object]](brokers.service_mongo_uri("other")) as other:
        with pytest.raises(OperationFailure, match="not authorized on one"):
            other["one"]["things"].find_one()
        with pytest.raises(OperationFailure, match="not authorized on one"):
            other["one"]["things"].insert_one({})


def test_mongodb_refuses_who_has_no_name(brokers: LocalBrokers) -> None:  # noqa: ARG001
    uri = f"mongodb://{HOST}:{PORTS.mongo[0]}/?directConnection=true"
    with (
        MongoClient[dict[str, object]](uri) as anybody,
        pytest.raises(OperationFailure, match="requires authentication"),
    ):
        anybody["one"]["things"].find_one()


def test_the_address_of_a_service_can_be_returned_again(brokers: LocalBrokers) -> None:
    assert brokers.service_mongo_uri("again") == brokers.service_mongo_uri("again")


def test_a_paused_broker_does_not_answer_until_it_is_resumed(brokers: LocalBrokers) -> None:
    with MongoClient[dict[str, object]](brokers.mongo_admin_uri, timeoutMS=300) as client:
        client.admin.command("ping")
        brokers.mongo.pause()
        with pytest.raises(PyMongoError):
            client.admin.command("ping")
        assert brokers.mongo.is_running
        brokers.mongo.resume()

        def answers() -> bool:
            try:
                return bool(client.admin.command("ping")["ok"])
            except PyMongoError:
                return False

        assert eventually(answers)


async def test_data_survive_kill_9(brokers: LocalBrokers, folder: Path) -> None:
    uri = brokers.service_mongo_uri("kept")
    with MongoClient[dict[str, object]](uri) as client:
        client.get_database()["things"].insert_one({"_id": "kept"})
    await create_topic(brokers, "kept")
    await publish(brokers, "kept", b"kept")
    brokers.kill()
    assert not brokers.kafka.is_running
    assert not brokers.mongo.is_running
    brokers.start()
    with MongoClient[dict[str, object]](uri) as client:
        assert client.get_database()["things"].find_one() == {"_id": "kept"}
    assert await read_one(brokers, "kept", "another-group") == b"kept"
    assert LocalBrokers.open(folder, PORTS).kafka_admin == brokers.kafka_admin


def test_secrets_are_readable_by_their_owner_alone(brokers: LocalBrokers, folder: Path) -> None:
    password = brokers.kafka_admin[1].encode()
    files = [path for path in folder.rglob("*") if path.is_file()]
    holders = [path for path in files if password in path.read_bytes()]
    assert folder / "secret" in files
    assert folder / "kafka" / "1" / "server.properties" in holders
    assert {stat.filemode(path.stat().st_mode) for path in [folder / "secret", *holders]} == {"-rw-------"}


def test_a_frozen_broker_can_be_stopped_and_moved_to_another_port(brokers: LocalBrokers, folder: Path) -> None:
    """The last test of the shared brokers: a folder is started again on other ports, with its data."""
    brokers.mongo.pause()
    brokers.stop()
    moved = LocalBrokers.open(folder, Ports.free()).mongo
    moved.start()
    try:
        with MongoClient[dict[str, object]](moved.admin_uri) as client:
            assert client["one"]["things"].count_documents({"name": "mine"}) == 1
    finally:
        moved.stop()


STARTER = """
import sys, threading, time
from pathlib import Path
from dev.brokers import LocalBrokers, Ports
brokers = LocalBrokers.open(Path(sys.argv[1]), Ports(mongo=(int(sys.argv[2]),)))
starting = threading.Thread(target=brokers.mongo.start)
starting.start()
starting.join()
print(brokers.mongo.nodes[0].pid, flush=True)
time.sleep(600)
"""


def test_brokers_die_with_who_started_them_and_not_with_its_thread(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    with subprocess.Popen(
        [sys.executable, "-c", STARTER, str(tmp_path / "data"), str(port)], cwd=ROOT, stdout=subprocess.PIPE
    ) as starter:
        try:
            assert starter.stdout is not None
            assert starter.stdout.readline().strip().isdigit(), "mongod did not start"
            # The thread that started it has ended: a death bound to the thread would have come by now.
            assert not eventually(lambda: not is_listening(port), within=0.5)
        finally:
            starter.kill()
    assert eventually(lambda: is_free(port), within=5)


def process(tmp_path: Path, *argv: str, ready: Callable[[], bool] = lambda: False) -> BrokerProcess:
    return BrokerProcess("A broker", argv, tmp_path, prepare=lambda: None, ready=ready)


def test_a_broker_that_fails_shows_the_end_of_its_log(tmp_path: Path) -> None:
    broker = process(tmp_path, "/bin/sh", "-c", "echo disk full; exit 3")
    broker.start()
    with pytest.raises(BrokerFailed, match=r"A broker stopped while it was starting(?s:.*)disk full"):
        broker.wait_ready()
    broker.stop()


def test_a_broker_that_is_not_ready_in_time_is_reported(tmp_path: Path) -> None:
    broker = process(tmp_path, "/bin/sleep", "600")
    broker.start()
    try:
        with pytest.raises(BrokerFailed, match="was not ready"):
            broker.wait_ready(within=0.1)
    finally:
        broker.kill()
    assert not broker.is_running


def test_a_program_that_can_not_be_started_is_reported(tmp_path: Path) -> None:
    with pytest.raises(BrokerFailed, match=r"could not be started(?s:.*)No such file"):
        process(tmp_path, "/no/such/program").start()


@pytest.mark.skipif(sys.platform != "linux", reason="Only Linux ends a process whose parent was killed.")
def test_a_broker_dies_with_its_watchdog(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    server = f"import socket; s = socket.create_server(('{HOST}', {port})); s.accept(); s.accept()"
    broker = process(tmp_path, sys.executable, "-c", server, ready=lambda: is_listening(port))
    broker.start()
    broker.wait_ready()
    parent = int(Path(f"/proc/{broker.pid}/stat").read_text(encoding="ascii").split()[3])
    os.kill(parent, signal.SIGKILL)
    assert eventually(lambda: is_free(port))
    broker.stop()


def test_a_busy_port_names_the_setting_to_change() -> None:
    with socket.create_server((HOST, 0)) as server:
        port = int(server.getsockname()[1])
        with pytest.raises(PortBusy, match=rf"{port}.*MONGO_PORT"):
            check_free(port, "MONGO_PORT", patience=0)
