"""Partners are told without a burden on anybody: nothing is lost while Kafka is away, and it is asked once for all.

What becomes of their topics is tried on a real Kafka (`tests/integration/partners`).
"""

import asyncio
from collections.abc import Sequence

import pytest
from aiokafka.errors import KafkaConnectionError, KafkaError

from shared.contracts.messages.cloudevents import Message
from shared.contracts.topics import partner_outcomes
from shared.engine.runtime.partner_bus import PartnerBus
from shared.runtime import metrics

OURS = "structure.outcomes"


def undelivered(why: str) -> float:
    return float(metrics.OUTCOMES_UNSENT.labels(why)._value.get())


class Broken:
    """A bus that can't send."""

    async def publish(self, messages: Sequence[Message]) -> None:
        if messages:
            raise KafkaConnectionError


class Kept:
    """A bus that keeps what it is given."""

    def __init__(self) -> None:
        self.sent: list[Message] = []

    async def publish(self, messages: Sequence[Message]) -> None:
        self.sent += messages


async def test_while_kafka_does_not_answer_nothing_is_dropped_and_the_batch_is_tried_again() -> None:
    async def nobody() -> list[str]:
        raise KafkaConnectionError

    async def somebody() -> list[str]:
        return ["outcomes.facturier"]

    messages = [Message(topic, b"k", b"{}", ()) for topic in (OURS, "outcomes.facturier")]
    before = [undelivered(why) for why in ("no_topic", "topic_gone", "denied")]
    ours = Kept()
    for bus in (
        PartnerBus(ours, Kept(), nobody),
        PartnerBus(ours, Broken(), somebody),
        PartnerBus(Broken(), Kept(), somebody),
    ):
        with pytest.raises(KafkaError):
            await bus.publish(messages)
    assert [m.topic for m in ours.sent] == [OURS, OURS]
    assert [undelivered(why) for why in ("no_topic", "topic_gone", "denied")] == before


async def test_what_many_ask_at_once_is_looks_of_kafka_once() -> None:
    looks = 0

    async def topics() -> list[str]:
        nonlocal looks
        looks += 1
        await asyncio.sleep(0.05)
        return ["outcomes.facturier"]

    theirs = Kept()
    bus = PartnerBus(Kept(), theirs, topics)
    for client in ("facturier", "portal"):
        message = Message(partner_outcomes(client), b"k", b"{}", ())
        await asyncio.gather(*(bus.publish([message]) for _ in range(20)))
    assert (looks, len(theirs.sent)) == (1, 20)
