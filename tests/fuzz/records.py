"""Real records of every topic, their bytes spoilt, on every topic: nobody stops, and a bystander's are as they were."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from ops.dlq.dead_letters import read
from shared.clock import duration
from shared.contracts import topics
from shared.kafka.clients import connection
from tests.fuzz.mutate import spoilt_bytes, spoilt_headers
from tests.fuzz.stack import DELAY, PARTITIONS, Stack
from tests.fuzz.standing import Record, everything
from tests.fuzz.tries import tries
from tests.support.acls import operator, user
from tests.support.odd_records import PLACEHOLDER, make_odd

TOPICS = {topic.name: topic for topic in topics.table(duration(DELAY))}
_OF_EACH_KIND = 3
_AT_ONCE = 3
"""Records of one topic in one example, at most."""


def fuzz(stack: Stack, seed: int, examples: int) -> None:
    """Spoil what the topics hold now, and put it on them."""
    real = _real(stack)
    drawn = st.fixed_dictionaries({name: st.lists(_spoilt(real, name), max_size=_AT_ONCE) for name in TOPICS})
    tries(seed, examples, drawn.map(lambda found: [r for some in found.values() for r in some]), _test(stack))
    stack.is_intact()
    asyncio.run(_dead_letters_can_be_read(stack))


def _test(stack: Stack) -> Any:
    named = str(stack.bystander).encode()

    def test(records: Sequence[Record]) -> None:
        # One that can be read and names the bystander's would be no rubbish but a lie of whom is trusted.
        asyncio.run(_send(stack, [r for r in records if named not in (r.key or b"") + (r.value or b"")]))
        bystanders = stack.submit_as_bystander()
        stack.producer.flush(30)
        stack.decided(set(), bystanders)

    return test


def _real(stack: Stack) -> Mapping[str, Sequence[Record]]:
    """Return a few records of each kind, by topic; first let there be some. Afterwards there is rubbish too."""
    if stack.real:
        return stack.real
    with stack.system.as_("alice") as api:
        path = f"/structures/{stack.structure}"
        for _ in range(2):
            request = api.patch(path, json={"label": stack.mark()[:100]}).json()
            assert "request_id" in request, request
        api.post(f"/requests/{request['request_id']}/cancel").raise_for_status()
        assert api.get("/insee/00010001600013").status_code == 200
    stack.send(topics.name("structure", topics.REQUESTS), b"{", [("authorization", stack.bearer("alice"))], b"x", 0)
    stack.producer.flush(30)
    kinds: dict[tuple[str, bytes], list[Record]] = defaultdict(list)
    for record in everything(stack.admin, list(TOPICS)):
        type_ = dict(record.headers).get("ce_type", b"")
        if str(stack.bystander).encode() not in (record.key or b"") + (record.value or b""):
            kinds[record.topic, type_].append(record)
    found = stack.real
    for (topic, _), records in sorted(kinds.items()):
        found.setdefault(topic, []).extend(records[:_OF_EACH_KIND])
    return found


@st.composite
def _spoilt(draw: DrawFn, real: Mapping[str, Sequence[Record]], topic: str) -> Record:
    own = real.get(topic) and draw(st.integers(0, 4))
    record = draw(st.sampled_from(real[topic] if own else [r for records in real.values() for r in records]))
    value, key, headers = record.value or b"", record.key, record.headers
    what = draw(st.sampled_from(["value", "value", "headers", "headers", "key", "all", "nothing"]))
    if what in {"value", "all"}:
        value = draw(spoilt_bytes(value))
    if what in {"headers", "all"}:
        headers = draw(spoilt_headers(headers))
    if topic.endswith((".dlq", f".{topics.OUTCOMES}")):  # What reads these here would itself die of such names.
        headers = tuple((name.replace(PLACEHOLDER, "odd"), text) for name, text in headers)
    compacted = TOPICS[topic].config["cleanup.policy"] == "compact"  # The broker takes nothing there without a key.
    if what in {"key", "all"}:
        key = draw(spoilt_bytes(key or b"") | st.binary(max_size=30) | st.just(b"k" * 9_000))
        if not compacted and draw(st.booleans()):
            key = None
    if compacted and key is None:
        key = b""
    gone = what == "nothing" and draw(st.booleans())
    return Record(topic, key, None if gone else value, headers)


async def _send(stack: Stack, records: Sequence[Record]) -> None:
    settings = {**connection(operator(stack.system.brokers)), "max_request_size": 2_000_000}
    async with AIOKafkaProducer(**settings) as producer:
        for number, record in enumerate(records):
            batch = make_odd(producer.create_batch())
            headers = list(record.headers)
            assert batch.append(key=record.key, value=record.value, timestamp=None, headers=headers) is not None
            partition = number % min(TOPICS[record.topic].partitions, PARTITIONS)
            await (await producer.send_batch(batch, record.topic, partition=partition))


async def _dead_letters_can_be_read(stack: Stack) -> None:
    """Operators list every dead letter, whatever stands between them."""
    for process in topics.PROCESSES:
        async for dead_letter in read(user(stack.system.brokers, topics.OPS), process):
            assert dead_letter.summary()["place"]
