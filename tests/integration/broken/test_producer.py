"""A producer that a broker refuses for good is seen: its process must not go on trying, looking alive."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiokafka.errors import KafkaError, OutOfOrderSequenceNumber, TopicAuthorizationFailedError

from dev.brokers import Brokers
from shared.contracts.messages.cloudevents import Message
from shared.kafka.clients import build_producer
from shared.kafka.producer import KafkaBus
from shared.runtime.health import Health
from tests.support.acls import Writing, provision, user
from tests.support.brokers import as_new

PROCESS, TOPIC = "insee_adapter", "insee.outcomes"
MESSAGE = Message(TOPIC, b"key", b"{}", ())


@pytest.fixture(scope="module")
def brokers(session_kafka: Brokers) -> Brokers:
    provision(as_new(session_kafka), [PROCESS], partitions=1)
    return session_kafka


@pytest_asyncio.fixture
async def producer(brokers: Brokers) -> AsyncIterator[Any]:
    async with build_producer(user(brokers, PROCESS)) as producer:
        yield producer


async def until_not(bus: KafkaBus, error: type[KafkaError] | None) -> KafkaError | None:
    """Publish until it ends otherwise, since brokers hear of an ACL a moment later; return how."""
    for _ in range(100):
        try:
            await bus.publish([MESSAGE])
        except KafkaError as other:
            if type(other) is not error:
                return other
        else:
            if error is not None:
                return None
    raise AssertionError(f"it went on with {error}")


async def test_a_gap_in_its_numbers_is_for_ever_and_is_seen(brokers: Brokers, producer: Any) -> None:
    health, acl = Health(), Writing(brokers.kafka.admin_settings(), PROCESS, TOPIC)
    bus = KafkaBus(producer, health)
    await bus.publish([MESSAGE])
    acl.revoke()
    try:
        assert isinstance(await until_not(bus, None), TopicAuthorizationFailedError)
        assert health.live() == [], "an ACL can be restored: what is denied is tried again"
    finally:
        acl.grant()
    assert isinstance(await until_not(bus, TopicAuthorizationFailedError), OutOfOrderSequenceNumber)
    assert health.ended() == health.live() == ["producer has stopped"]
    with pytest.raises(OutOfOrderSequenceNumber):
        await bus.publish([MESSAGE])

    async with build_producer(user(brokers, PROCESS)) as another:
        anew = Health()
        await KafkaBus(another, anew).publish([MESSAGE])
        assert anew.live() == []


async def test_a_producer_whose_own_task_ended_is_seen(producer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    health = Health()
    bus = KafkaBus(producer, health)
    await bus.publish([MESSAGE])
    with monkeypatch.context() as broken:
        # As by a fault of aiokafka's own: whatever it does not know ends the task that sends.
        broken.setattr(producer._message_accumulator, "drain_by_nodes", lambda **_: 1 / 0)
        with pytest.raises(KafkaError):
            await bus.publish([MESSAGE])
    with pytest.raises(KafkaError):
        await bus.publish([MESSAGE])
    assert health.ended() == ["producer has stopped"]
