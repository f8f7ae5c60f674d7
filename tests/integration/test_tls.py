"""Kafka by TLS, as `KAFKA_TLS_CA` says: our clients and `ops` come, and refuse a broker that is not authenticated."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError
from pydantic import SecretStr

from dev.brokers import Brokers
from dev.brokers.kafka import Tls
from dev.brokers.ports import HOST
from shared.kafka.clients import build_broker, build_consumer, build_producer, subscribe
from shared.runtime.settings import KafkaSettings
from tests.support.brokers import open_brokers
from tests.support.certificates import Authority

TOPIC = "structure.requests"


@pytest.fixture(scope="module")
def brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Brokers]:
    """A Kafka whose clients come by TLS; its certificate is for 127.0.0.1, and for no name."""
    folder = tmp_path_factory.mktemp("tls")
    authority = Authority("those who run Kafka")
    (folder / "ca.pem").write_text(authority.pem, encoding="ascii")
    (folder / "other.pem").write_text(Authority("somebody else").pem, encoding="ascii")
    opened = open_brokers(folder / "data", tls=Tls(folder / "ca.pem", *authority.issue(HOST)))
    try:
        opened.kafka.start()
        done = ops(settings(opened))
        assert done.returncode == 0, done.stderr
        yield opened
    finally:
        opened.close()


def settings(brokers: Brokers, *, host: str = HOST, **more: Any) -> KafkaSettings:
    """How the administrator reaches Kafka, unless something is changed."""
    name, password = brokers.kafka_admin
    port = brokers.kafka_bootstrap.rpartition(":")[2]
    values = {"bootstrap": f"{host}:{port}", "user": name, "password": SecretStr(password), "tls_ca": brokers.kafka_ca}
    return KafkaSettings(**{**values, **more})


def ops(kafka: KafkaSettings) -> subprocess.CompletedProcess[str]:
    """Run the operators' command with these settings."""
    environment = {
        "KAFKA_BOOTSTRAP": kafka.bootstrap,
        "KAFKA_USER": kafka.user,
        "KAFKA_PASSWORD": kafka.password.get_secret_value(),
        "KAFKA_TLS_CHECK_HOSTNAME": str(kafka.tls_check_hostname),
        "TOPIC_PARTITIONS": "1",
        **({"KAFKA_TLS_CA": str(kafka.tls_ca)} if kafka.tls_ca else {}),
    }
    return subprocess.run(
        [sys.executable, "-m", "ops", "topics", "provision"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@asynccontextmanager
async def consuming(kafka: KafkaSettings) -> AsyncIterator[list[bytes]]:
    """Read the topic as our services do."""
    seen: list[bytes] = []

    async def take(records: Any) -> None:
        seen.extend(record.value for record in records)

    broker = build_broker(kafka)
    subscribe(broker, [TOPIC], take, group=None)
    try:
        await broker.start()
        yield seen
    finally:
        await broker.stop()


async def carries(kafka: KafkaSettings, value: bytes) -> None:
    """Send a value and read it with each of our clients."""
    async with build_producer(kafka) as producer:
        await producer.send_and_wait(TOPIC, value)
    async with asyncio.timeout(60):
        async with build_consumer(kafka, TOPIC, group=None) as consumer:
            while (await consumer.getone()).value != value:
                pass
        async with consuming(kafka) as seen:
            while value not in seen:  # noqa: ASYNC110 - what is waited for says nothing when it changes.
                await asyncio.sleep(0.05)


async def turns_back(kafka: KafkaSettings) -> None:
    """None of our clients talks to this broker, and neither does `ops`."""
    for client in (build_producer(kafka), build_consumer(kafka, TOPIC, group=None)):
        with pytest.raises(KafkaConnectionError):
            await client.start()
        await client.stop()
    with pytest.raises(KafkaConnectionError):
        async with consuming(kafka):
            pass
    done = await asyncio.to_thread(ops, kafka)
    assert (done.returncode, "Kafka does not answer" in done.stderr) == (1, True), done.stderr


async def test_a_broker_that_its_authority_vouches_for_is_talked_to(brokers: Brokers) -> None:
    await carries(settings(brokers), b"by TLS")


async def test_a_broker_of_another_authority_is_not(brokers: Brokers) -> None:
    assert brokers.kafka_ca is not None
    await turns_back(settings(brokers, tls_ca=brokers.kafka_ca.with_name("other.pem")))


async def test_a_broker_whose_certificate_is_for_another_address_is_not(brokers: Brokers) -> None:
    await turns_back(settings(brokers, host="localhost"))


async def test_names_may_be_left_unchecked_where_they_can_not_be_right(brokers: Brokers) -> None:
    kafka = settings(brokers, host="localhost", tls_check_hostname=False)
    await carries(kafka, b"by another name")
    assert ops(kafka).returncode == 0


async def test_nobody_comes_without_tls(brokers: Brokers) -> None:
    await turns_back(settings(brokers, tls_ca=None))
