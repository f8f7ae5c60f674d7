"""Forwarded as it is, in order, when it is due and never before."""

import asyncio
import random

from aiokafka import AIOKafkaProducer

from bench.delay_harness import header, lateness, trigger_headers
from shared.contracts.topics import delay_topic
from shared.kafka.clients import connection
from shared.kafka.partitioner import key_hash
from tests.integration.delay.conftest import DELAY, TARGET, Delay, now
from tests.support.odd_records import PLACEHOLDER, make_odd
from tests.support.until import until


async def test_nothing_is_early_nothing_is_lost_and_the_order_of_each_key_is_kept(delay: Delay) -> None:
    await delay.worker()
    reader = await delay.reader()
    dice = random.Random(20261123)
    keys = [dice.randrange(40) for _ in range(600)]

    for start in range(0, 600, 20):
        accepted_at = now()
        await delay.sent([(n, accepted_at + DELAY) for n in range(start, start + 20)], keys=keys[start : start + 20])
    forwarded = await reader.until(600, within=20)

    assert min(lateness(forwarded)) >= 0
    by_key: dict[bytes, list[int]] = {}
    for record in forwarded:
        by_key.setdefault(record.key, []).append(int(record.value))
    assert by_key == {delay.key(k): [n for n in range(600) if keys[n] == k] for k in set(keys)}


async def test_a_record_is_forwarded_as_it_is_but_for_its_target(delay: Delay) -> None:
    await delay.worker()
    reader = await delay.reader()
    due_at = now() + 500
    headers = [
        ("ce_id", b"17"),
        ("due_at", b"%d" % due_at),
        ("x", b"\xff\x00"),
        ("target", TARGET.encode()),
        ("y", b""),
    ]

    await delay.producer.send_and_wait(
        delay_topic(DELAY), key=delay.key(17), value=b"\x00\xffany bytes", headers=headers
    )
    (record,) = await reader.until(1, within=20)

    assert (record.key, record.value) == (delay.key(17), b"\x00\xffany bytes")
    assert list(record.headers) == [header for header in headers if header[0] != "target"]
    assert record.partition == key_hash(delay.key(17)) % 12


async def test_a_header_with_a_name_that_is_no_text_keeps_nothing_from_being_forwarded(delay: Delay) -> None:
    await delay.worker()
    reader = await delay.reader()
    await delay.send(1, now(), key=7)
    (place,) = await reader.until(1, within=20)

    async with AIOKafkaProducer(**connection(delay.operator)) as producer:
        batch = make_odd(producer.create_batch())
        for number, name in ((2, "fine"), (3, PLACEHOLDER), (4, "fine")):
            headers = [*trigger_headers(now(), TARGET), (name, b"x")]
            batch.append(key=delay.key(7), value=b"%d" % number, timestamp=None, headers=headers)
        await (await producer.send_batch(batch, delay_topic(DELAY), partition=place.partition))
    await delay.send(5, now(), key=7)
    records = await reader.until(5, within=20)

    assert [record.value for record in records] == [b"1", b"2", b"3", b"4", b"5"]
    assert dict(records[2].headers)[r"\xff\xfe\xfd"] == b"x"


async def test_what_is_due_already_is_forwarded_at_once(delay: Delay) -> None:
    await delay.worker()
    reader = await delay.reader()

    sent_at = now()
    await delay.send(1, sent_at - 3_600_000)
    (record,) = await reader.until(1, within=20)

    assert record.timestamp - sent_at < DELAY


async def test_what_became_due_while_no_process_ran_is_forwarded_when_one_does(delay: Delay) -> None:
    reader = await delay.reader()
    await delay.sent([(n, now() + n) for n in range(200)])
    await asyncio.sleep(0.3)

    worker = await delay.worker()
    forwarded = await reader.until(200, within=20)

    assert sorted(int(record.value) for record in forwarded) == list(range(200))
    # The last ones can be read a moment before their acknowledgement has reached the process.
    await until(lambda: worker.metric("delay_lateness_seconds_count") == 200, within=20)
    assert worker.metric("delay_forwarded_total") == 200


async def test_much_more_than_a_window_holds_waits_in_kafka_and_not_in_memory(delay: Delay) -> None:
    reader = await delay.reader()
    worker = await delay.worker(DELAY_WINDOW="20")
    read_ahead = 20 * len({key_hash(delay.key(k)) % 12 for k in range(7)})
    due_at = now() + 8_000

    # The first window is full of these for seconds; the others behind them are read only when there is room again.
    await delay.sent([(n, due_at + n // 10) for n in range(9_000)], keys=[n % 7 for n in range(9_000)])
    await until(lambda: worker.metric("delay_window_records") >= read_ahead, within=20)
    held = worker.metric("delay_window_records")
    forwarded = await reader.until(9_000, within=40)

    assert held == read_ahead
    assert min(lateness(forwarded)) >= 0
    for k in range(7):
        assert [int(r.value) for r in forwarded if r.key == delay.key(k)] == list(range(k, 9_000, 7))
    assert header(forwarded[0], "due_at") == b"%d" % due_at
