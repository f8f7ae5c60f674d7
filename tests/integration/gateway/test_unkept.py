"""A record that MongoDB can't keep is a dead letter: its neighbours are written, and nothing waits for it."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson
import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer

from dev.brokers import Brokers
from gateway import metrics as gateway_metrics
from gateway.app import PROCESS
from gateway.projections.request_writer import RequestWriter
from gateway.queries.paging import Page, listed
from gateway.queries.requests import shown
from gateway.read_model import request_records, versioned_upsert
from gateway.read_model.schema import ReadModel
from gateway.read_model.versioned_upsert import VersionedUpsert
from shared.clock import iso
from shared.contracts.messages.cloudevents import build
from shared.errors import Poison
from shared.kafka.clients import connection
from shared.mongo import client as mongo
from shared.mongo.client import PyMongoError
from shared.runtime import metrics
from shared.runtime.settings import MongoSettings
from tests.integration.gateway.stack import Stack, fresh_id, fresh_user, readable, until

MILLION = 1_000_000


def nested(depth: int) -> dict[str, Any]:
    """Objects in objects."""
    inner: dict[str, Any] = {}
    for _ in range(depth):
        inner = {"a": inner}
    return inner


UNKEPT: dict[str, Callable[[], Any]] = {
    "larger than MongoDB keeps": lambda: [0] * 1_600_000,  # 3 MB as JSON, 20 MB as BSON, which numbers its items.
    "nested deeper than MongoDB takes": lambda: nested(196),
    "nested deeper than the driver goes": lambda: nested(3_000),
    "a name with a NUL": lambda: {"a\0b": 1},
    "an integer of 65 bits": lambda: 2**65,
    "half of a character": lambda: "\ud800",
}
"""What no second try will make better."""


@pytest_asyncio.fixture
async def database(gateway_brokers: Brokers) -> AsyncIterator[Any]:
    """The gateway's own database."""
    settings = MongoSettings(uri=gateway_brokers.service_mongo_uri(PROCESS), database=PROCESS)
    connected = mongo.connect(settings)
    yield connected
    connected.client.close()


@pytest_asyncio.fixture
async def collection(database: Any) -> AsyncIterator[Any]:
    """An empty collection."""
    made = database[f"unkept_{secrets.token_hex(4)}"]
    yield made
    await made.drop()


def versioned(id_: int, version: int, value: Any) -> VersionedUpsert:
    values = {"version": version, "value": value}
    return VersionedUpsert(id_, values, {"$set": values}, {"version": {"$lt": version}}, version)


def merged(id_: int, value: Any) -> VersionedUpsert:
    """A write as those of requests: without a version, by a pipeline."""
    return VersionedUpsert(id_, {"value": value}, [{"$set": {"value": {"$literal": value}}}])


async def values(collection: Any) -> dict[int, Any]:
    return {raw["_id"]: raw["value"] async for raw in collection.find({})}


@pytest.mark.parametrize("kind", UNKEPT)
@pytest.mark.parametrize("there_already", [False, True], ids=["new", "known"])
async def test_of_many_writes_only_the_one_that_can_never_be_made_is_not(
    collection: Any, kind: str, *, there_already: bool
) -> None:
    if there_already:
        assert await versioned_upsert.write(collection, [versioned(id_, 1, "old") for id_ in range(20)]) == {}
    writes = [versioned(id_, 2, UNKEPT[kind]() if id_ in {7, 8} else "new") for id_ in range(10)]
    writes += [merged(id_, UNKEPT[kind]() if id_ == 15 else "new") for id_ in range(10, 20)]

    refused = await versioned_upsert.write(collection, writes)

    assert set(refused) == {7, 8, 15}
    assert all(refused.values()), "it says why"
    stored = await values(collection)
    assert {id_ for id_, value in stored.items() if value == "new"} == set(range(20)) - {7, 8, 15}


async def test_an_older_version_is_kept_where_the_newest_can_not_be(collection: Any) -> None:
    writes = [versioned(1, 3, "x" * 17 * MILLION), versioned(1, 2, "two"), versioned(1, 1, "one"), versioned(2, 1, "b")]

    assert set(await versioned_upsert.write(collection, writes)) == {0}
    assert await values(collection) == {1: "two", 2: "b"}


async def test_a_document_that_would_grow_too_large_stays_as_it_was(collection: Any) -> None:
    assert await versioned_upsert.write(collection, [versioned(1, 1, "x" * 9 * MILLION)]) == {}
    other = {"team": "x" * 9 * MILLION}
    writes = [VersionedUpsert(1, other, {"$set": other}), versioned(2, 1, "b")]

    assert set(await versioned_upsert.write(collection, writes)) == {0}
    assert (await values(collection))[2] == "b"


async def test_what_may_pass_is_raised_and_nothing_is_refused(database: Any) -> None:
    forbidden = database.client["structure_svc"]["documents"]  # Another's database: the gateway has no access there.

    with pytest.raises(PyMongoError):
        await versioned_upsert.write(forbidden, [versioned(1, 1, "a"), versioned(2, 1, "b")])


async def test_a_request_record_that_can_not_be_kept_fails_for_its_caller_alone(database: Any) -> None:
    model = ReadModel(database, f"u{secrets.token_hex(4)}")
    writer = RequestWriter(model)

    try:
        steps = [_step(n, {"x": UNKEPT["a name with a NUL"]()} if n == 3 else {}) for n in range(6)]
        ended = await asyncio.gather(*map(writer.put, steps), return_exceptions=True)
        assert [type(error) for error in ended] == [type(None)] * 3 + [Poison] + [type(None)] * 2
        assert await model.collection("requests").count_documents({}) == 5
    finally:
        await model.drop()


async def test_a_document_that_can_not_be_shown_is_left_out_of_lists_and_its_neighbours_are_listed(
    collection: Any,
) -> None:
    """What is stored may be older than what reads it."""
    good = [{"_id": n, **request_records.write(_step(n, {}), journal=True).fresh} for n in range(3)]
    broken: list[dict[str, Any]] = [{"_id": 3, "record": {}, "steps": {}}, {"_id": 4, "record": {**good[0]["record"]}}]
    await collection.insert_many(good + broken)
    before = _value(gateway_metrics.UNSHOWN)

    page = await listed(collection, {}, Page(), sort=[("_id", 1)], fields={"record": 1, "steps": 1}, show=shown)

    assert [item["request_id"] for item in page["items"]] == ["r0", "r1", "r2"]
    assert page["total"] == 5
    assert _value(gateway_metrics.UNSHOWN) == before + 2


READABLE = ("larger than MongoDB keeps", "nested deeper than MongoDB takes", "a name with a NUL")
"""What a record can hold: the others are no JSON, or refused as it is read."""


@pytest.mark.parametrize("kind", READABLE)
@pytest.mark.parametrize("what", ["structure", "team", "user", "entry"])
async def test_a_record_that_can_not_be_kept_is_a_dead_letter_and_its_neighbours_are_read(
    stack: Stack, what: str, kind: str
) -> None:
    id_, principal, user = fresh_id(), fresh_user("principal"), fresh_user("user")
    unkept = {"unknown": UNKEPT[kind]()}
    structure = await stack.owners.structure(id_, principal)
    member = {"profile": "modification", "state": "valid", "since": iso(0)}
    team = {"structure_id": id_, "sphere": "private", "principal": principal, "members": {user: {**member, **unkept}}}
    step = {"owner": "structure", "actor": principal, "type": "x", "status": "applied", "code": "applied", "at": iso(0)}
    topic, key, record = {
        "structure": ("structure.state", f"structure:{id_}", {**structure, **unkept}),
        "team": ("manager.state", f"structure:{id_}", team),
        "user": ("manager.state", f"user:{user}", {"id": user, "kind": "person", "pigp": False, **unkept}),
        "entry": ("structure.journal", "k", {**step, "request_id": "bad", "after": unkept}),
    }[what]
    mark, tries = f"{what} {kind} {id_}".encode(), _tries()
    await _send_large(stack, topic, key, {**record, "active": True, "version": 9}, mark)
    # Older versions of the same documents, and all else that comes to the same partition.
    await stack.owners.structure(id_, principal, version=8, label="après")
    await stack.owners.team(id_, principal, {user: "consultation"}, version=8)
    await stack.owners.user(user, version=8)
    await stack.owners.send(topic, key, {**step, "request_id": f"r{id_}", "version": 8} if what == "entry" else b"mark")

    async def dead() -> Any:
        return [dead_letter for dead_letter in stack.owners.dead if dead_letter.headers.get("test") == mark]

    (dead_letter,) = await until(dead)
    assert dead_letter.code == "message_invalid"
    assert dead_letter.headers["dlq_reason"].startswith(b"MongoDB can't keep it: ")
    async with stack.admin() as admin:
        assert (await readable(admin, f"/structures/{id_}", min_version=8))["label"] == "après"
        assert (await readable(admin, f"/structures/{id_}/members", min_version=8))["version"] == 8
        assert (await readable(admin, f"/users/{user}", min_version=8))["version"] == 8
        if what == "entry":
            await readable(admin, f"/requests/r{id_}", actor=principal)
    assert _tries() == tries, "no batch was tried again"


def _step(number: int, reference: Any) -> dict[str, Any]:
    common = {"owner": "structure", "request_id": f"r{number}", "actor": "a", "type": "t", "status": "accepted"}
    return {**common, "code": "accepted", "version": 1, "at": iso(0), "reference": reference}


def _tries() -> float:
    return _value(metrics.BATCH_RETRIES)


def _value(counter: Any) -> float:
    samples = [sample for metric in counter.collect() for sample in metric.samples]
    return float(sum(sample.value for sample in samples if sample.name.endswith("_total")))


async def _send_large(stack: Stack, topic: str, key: str, record: dict[str, Any], mark: bytes) -> None:
    """Send a record that Kafka takes since it is small when compressed."""
    message = build(
        topic, key, orjson.dumps(record), event_id=key, event_type="test", source="/test", at=0, extra=(("test", mark),)
    )
    async with AIOKafkaProducer(
        **connection(stack.owners.kafka), max_request_size=30 * MILLION, compression_type="lz4"
    ) as producer:
        await producer.send_and_wait(topic, message.value, key=message.key, headers=list(message.headers))
