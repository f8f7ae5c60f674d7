"""Telling partners on a real Kafka, whatever becomes of their topics: what is ours goes out, and nobody waits for long.

« For long » is less than the ten seconds after which the producer itself would give up.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

import pytest
import pytest_asyncio
from confluent_kafka.admin import AdminClient

from dev.brokers import Brokers
from ops.acls import Partner
from ops.provision import plan_partner
from ops.settings import AdminSettings
from shared.contracts.messages.cloudevents import Message
from shared.contracts.topics import partner_outcomes, partner_topic
from shared.engine.runtime.partner_bus import PartnerBus
from shared.kafka.clients import build_producer, topics_seen
from shared.kafka.producer import KafkaBus
from shared.runtime import metrics
from shared.runtime.health import Health
from tests.integration.partners.conftest import Run
from tests.support.acls import Writing, operator, user
from tests.support.kafka import Reader, Seen

OWNER = "structure_svc"
OURS = "structure.outcomes"
MANY = 60
"""More messages than the bus sends one by one."""


class Publisher:
    """A process that publishes outcomes, and what has come of them so far."""

    def __init__(self, bus: PartnerBus, health: Health, reader: Reader) -> None:
        self.bus, self.health, self._reader = bus, health, reader
        self._count = 0

    async def publish(self, *clients: str, count: int = 1, seconds: float = 8) -> list[str]:
        """Publish outcomes to the gateway and to each of the clients; return their marks, one for each."""
        marks = [f"{self._count + n}" for n in range(count)]
        self._count += count
        lots = [
            [Message(topic, m.encode(), b'{"m": "%s"}' % m.encode(), ()) for m in marks] for topic in self._to(clients)
        ]
        async with asyncio.timeout(seconds):
            await self.bus.publish([message for lot in zip(*lots, strict=True) for message in lot])
        return marks

    @staticmethod
    def _to(clients: Sequence[str]) -> list[str]:
        return [OURS, *map(partner_outcomes, clients)]

    async def came(self, marks: Sequence[str], *topics: str) -> None:
        """Wait until all of it stands on these topics, in order."""
        for topic in topics:
            for mark in marks:
                await asyncio.to_thread(self._reader.until, _is(topic, mark))

    def seen(self, topic: str) -> list[str]:
        return [s["m"] for s in self._reader.seen if s["topic"] == topic]


def _is(topic: str, mark: str) -> Callable[[Seen], bool]:
    return lambda seen: (seen["topic"], seen.get("m")) == (topic, mark)


def unpublished(why: str) -> float:
    return float(metrics.OUTCOMES_UNSENT.labels(why)._value.get())


@pytest.fixture(scope="module")
def partners(run: Run) -> None:
    run("add", "partner", "--client", "facturier")
    run("add", "autre")


@pytest_asyncio.fixture
async def publisher(provisioned: Brokers, partners: None) -> AsyncIterator[Publisher]:
    del partners
    reader = Reader(provisioned.kafka.admin_settings(), OURS, "outcomes.facturier", "outcomes.autre")
    health = Health()
    async with (
        build_producer(user(provisioned, OWNER)) as producer,
        build_producer(user(provisioned, OWNER), once=False) as other,
    ):
        bus = PartnerBus(KafkaBus(producer, health), KafkaBus(other, health, name="other"), lambda: topics_seen(other))
        yield Publisher(bus, health, reader)
        assert health.ended() == [], "neither producer is spent"
    reader.close()


@pytest.mark.parametrize("count", [1, MANY])
async def test_each_receives_its_own_outcomes_and_the_gateway_all(publisher: Publisher, count: int) -> None:
    first = await publisher.publish("facturier", count=count)
    second = await publisher.publish("autre", count=count)
    third = await publisher.publish(count=count)
    await publisher.came([*first, *second, *third], OURS)
    await publisher.came(first, "outcomes.facturier")
    await publisher.came(second, "outcomes.autre")
    assert sorted(publisher.seen("outcomes.facturier")) == sorted(first)
    assert sorted(publisher.seen("outcomes.autre")) == sorted(second)


@pytest.mark.parametrize("client", ["portal", "x" * 200, ".", ".."])
async def test_a_client_without_a_topic_receives_nothing_and_holds_up_nobody(publisher: Publisher, client: str) -> None:
    before = unpublished("no_topic")
    marks = await publisher.publish(client, "facturier", count=3)
    await publisher.came(marks, OURS, "outcomes.facturier")
    assert unpublished("no_topic") == before + 3


async def test_a_topic_that_is_made_meanwhile_is_found(publisher: Publisher, run: Run) -> None:
    await publisher.publish("nouveau")
    await asyncio.to_thread(run, "add", "nouveau")
    is_unsent = True
    async with asyncio.timeout(30):
        while is_unsent:  # It is looked for once a second at most.
            before = unpublished("no_topic")
            await publisher.publish("nouveau")
            is_unsent = unpublished("no_topic") > before
            await asyncio.sleep(0.1)
    await asyncio.to_thread(run, "remove", "nouveau", "--yes")


@pytest.mark.parametrize("count", [1, MANY])
async def test_a_topic_that_goes_away_while_it_is_written_to(
    publisher: Publisher, run: Run, admin: AdminClient, provisioned: Brokers, count: int
) -> None:
    """As when a partner is removed while changes of its are pending: they are due half an hour later."""
    await publisher.publish("autre", "facturier", count=count)
    admin.delete_topics(["outcomes.autre"], operation_timeout=30)["outcomes.autre"].result(30)
    before = unpublished("topic_gone") + unpublished("no_topic")
    marks = await publisher.publish("autre", "facturier", count=count)
    await publisher.came(marks, OURS, "outcomes.facturier")
    assert unpublished("topic_gone") + unpublished("no_topic") == before + count
    for _ in range(3):
        again = await publisher.publish("autre", "facturier", count=count)
        await publisher.came(again, OURS, "outcomes.facturier")
    settings = AdminSettings(kafka=operator(provisioned), topic_partitions=3)
    wanted = await asyncio.to_thread(plan_partner, admin, settings, Partner("autre", "autre"), "")
    assert [topic.topic for topic in wanted.topics] == [partner_topic("autre").name]
    await asyncio.to_thread(run, "add", "autre")


async def test_a_topic_that_may_not_be_written_to(publisher: Publisher, provisioned: Brokers) -> None:
    writing = Writing(provisioned.kafka.admin_settings(), OWNER, "outcomes.autre")
    await publisher.publish("autre")
    await asyncio.to_thread(writing.revoke)
    try:
        before = unpublished("denied")
        while unpublished("denied") == before:  # The broker needs a moment to know.
            marks = await publisher.publish("autre", "facturier")
        await publisher.came(marks, OURS, "outcomes.facturier")
    finally:
        await asyncio.to_thread(writing.grant)
    while unpublished("denied") > before:
        before = unpublished("denied")
        marks = await publisher.publish("autre")
    await publisher.came(marks, "outcomes.autre")
