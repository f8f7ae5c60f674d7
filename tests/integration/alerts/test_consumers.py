"""Consumers that get nowhere, that are late, and messages that nobody can handle."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
import pytest_asyncio
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec
from prometheus_client import generate_latest

from shared.errors import Transient
from shared.kafka import consumer
from shared.kafka.clients import build_broker, build_producer
from shared.kafka.dead_letter_limit import AT_MOST
from shared.runtime.health import Health
from tests.integration.alerts.conftest import Watched
from tests.journeys.builders import new_structure
from tests.support.acls import operator
from tests.support.kafka import Partner
from tests.support.prometheus import EVERY, Timeline, shows
from tests.support.system import until
from tests.support.until import until as until_async

pytestmark = pytest.mark.timeout(400)

CONSUMER = "structure_svc.structure.requests"
STANDS_STILL = f'structures_consumer_stands_still{{consumer="{CONSUMER}"}}'


@shows("ConsumerStandsStill")
def test_a_batch_that_is_tried_in_vain(watched: Watched, timeline: Timeline) -> None:
    path = f"/structures/{new_structure(watched.system)['id']}"
    with watched.system.as_("alice", wait=None) as api:
        with watched.without_access_to_mongodb("structure_svc"):
            assert api.patch(path, json={"label": "in the end"}).status_code == 202
            until(lambda: watched.value("structure_svc", STANDS_STILL) == 1, what="it stands still")
            assert f"{CONSUMER} stands still: OperationFailure" in watched.problems("structure_svc")
            live = watched.get("structure_svc", "/live")
            assert live is not None
            assert live.status_code == 200, "to start it again would not help"
            scraped = watched.scraped()
            timeline.scrape(scraped, minutes=2)
        # Others of the same process stand still too when a trigger comes meanwhile.
        still = re.findall(r'structures_consumer_stands_still{consumer="([^"]+)"} 1', scraped["structure_svc"] or "")
        assert CONSUMER in still
        timeline.fires(ConsumerStandsStill=[{"consumer": consumer} for consumer in still])
        until(lambda: api.get(path).json().get("label") == "in the end", 60, what="it goes on")
    assert watched.problems("structure_svc") == []


@shows("DeadLetters")
def test_what_nobody_can_read(watched: Watched, timeline: Timeline) -> None:
    topic, code = "manager.requests", "message_unreadable"
    Partner(watched.system.partner()).send(topic, b"\xff\xfe")
    series = f'structures_dead_letters_total{{code="{code}",topic="{topic}"}}'
    until(lambda: watched.value("manager_svc", series) == 1, what="the first dead letter")
    timeline.scrape(watched.scraped(), minutes=1)
    timeline.fires(DeadLetters=[{"topic": topic, "code": code}])


@shows("DeadLettersFlood")
def test_much_that_nobody_can_read(watched: Watched, timeline: Timeline) -> None:
    topic, code = "manager.requests", "message_unreadable"
    series = f'structures_dead_letters_total{{code="{code}",topic="{topic}"}}'
    before = watched.value("manager_svc", series) or 0
    producer = Producer({**watched.system.partner(), "acks": "all"})
    for _ in range(150):
        producer.produce(topic, b"\xff\xfe")
    assert producer.flush(30) == 0
    until(lambda: (watched.value("manager_svc", series) or 0) >= before + 150, what="all are put aside")
    timeline.scrape(watched.scraped(), minutes=1)
    timeline.fires(DeadLettersFlood=[{"topic": topic}], DeadLetters=[{"topic": topic, "code": code}])


@shows("DeadLettersAreHeld")
def test_more_than_we_may_dead_letter_by_our_own_fault(watched: Watched, timeline: Timeline) -> None:
    settings = dict(watched.system.brokers.kafka.admin_settings())
    producer = Producer(settings)
    for _ in range(3 * AT_MOST):
        producer.produce("structure.due", b"what no version of ours ever wrote")
    assert producer.flush(30) == 0
    try:
        until(lambda: watched.value("structure_svc", "structures_dead_letters_held") == 1, what="they are held")
        timeline.scrape(watched.scraped(), minutes=1)
    finally:
        # As when what was deployed is taken back, and what it could not handle had never been.
        watched["structure_svc"].stop()
        watched["structure_svc"].join()
        admin = AdminClient(settings)
        places = [TopicPartition("structure.due", number) for number in range(3)]
        ends = admin.list_offsets(dict.fromkeys(places, OffsetSpec.latest()))
        gone = [TopicPartition(p.topic, p.partition, end.result().offset) for p, end in ends.items()]
        for done in admin.delete_records(gone).values():
            done.result(30)
        watched["structure_svc"].start()
    timeline.fires(
        DeadLettersAreHeld=[{}],
        DeadLetters=[{"topic": "structure.due", "code": "message_unreadable"}],
        besides=["ConsumerStandsStill", "DeadLettersFlood"],
    )


class Slow:
    """A consumer of ours in this process, of which the handler does what a test says."""

    topic, name = "insee.outcomes", "test.slow"

    def __init__(self, others: Any, send: Any) -> None:
        self._others = others
        self.send = send
        self.may_go_on = asyncio.Event()
        self.error: Exception | None = None
        self.taken = 0

    async def handle(self, records: Sequence[Any]) -> None:
        if self.error is not None:
            raise self.error
        await self.may_go_on.wait()
        self.taken += len(records)

    def scraped(self) -> Any:
        mine = [line for line in generate_latest().decode().splitlines() if f'consumer="{self.name}"' in line]
        return {**self._others, "slow": "\n".join(mine) + "\n"}


@pytest_asyncio.fixture
async def slow(watched: Watched, timeline: Timeline) -> AsyncIterator[Slow]:
    kafka = operator(watched.system.brokers)
    broker = build_broker(kafka)
    async with build_producer(kafka) as producer:

        async def send(timestamp: int) -> None:
            await producer.send_and_wait(Slow.topic, b"{}", timestamp_ms=timestamp)

        made = Slow(watched.scraped(), send)
        consumer.consume(broker, Health(), [Slow.topic], made.handle, group=made.name)
        await broker.start()
        timeline.scrape(made.scraped(), minutes=20)
        timeline.is_silent()
        yield made
        made.error = None
        made.may_go_on.set()
        await broker.stop()


@shows("ConsumerIsBehind")
async def test_a_batch_in_hand_that_is_old(slow: Slow, timeline: Timeline) -> None:
    await slow.send(int(time.time() - 600) * 1000)
    behind = f'structures_consumer_behind_seconds{{consumer="{slow.name}"}}'
    await until_async(lambda: f"{behind} 6" in slow.scraped()["slow"])
    timeline.scrape(slow.scraped(), minutes=6)
    timeline.fires(ConsumerIsBehind=[{"consumer": slow.name}])
    slow.may_go_on.set()
    await until_async(lambda: f"{behind} 0.0" in slow.scraped()["slow"])
    timeline.scrape(slow.scraped())
    timeline.is_silent()


@shows("BatchesAreTriedAgain")
async def test_a_batch_is_tried_for_minutes(slow: Slow, timeline: Timeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer, "_BACKOFF_S", (0.05,))
    monkeypatch.setattr(consumer, "_STUCK_AFTER", 1_000)  # As if it went on now and then.
    slow.error = Transient("of a test")
    await slow.send(int(time.time()) * 1000)
    for _ in range(11 * 60 // EVERY):
        await asyncio.sleep(0.1)
        timeline.scrape(slow.scraped())
    timeline.fires(BatchesAreTriedAgain=[{"consumer": slow.name}])
