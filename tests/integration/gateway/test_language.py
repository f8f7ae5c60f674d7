"""What unit tests take MongoDB's language to mean (`tests/unit/gateway/mongo.py`), the real one means too."""

import secrets
from collections.abc import AsyncIterator, Mapping
from itertools import permutations
from typing import Any

import pytest
import pytest_asyncio

from dev.brokers import Brokers
from gateway.app import PROCESS
from gateway.projections import manager, structure
from gateway.queries.structure import Filters
from gateway.read_model import request_records, search_words, versioned_upsert
from gateway.read_model.versioned_upsert import VersionedUpsert
from gateway.visibility.structure import attached, findable
from shared.mongo import client as mongo
from shared.runtime.settings import MongoSettings
from tests.unit.gateway.builders import POSSIBLE, READERS, document, structure_record, team_record
from tests.unit.gateway.mongo import made, meets

STEP = {"owner": "structure", "request_id": "r", "actor": "sam", "type": "t", "at": "2026-01-01T00:00:00.000Z"}
STRUCTURE_WRITES = (
    structure.structure(structure_record(version=4, label="four")),
    structure.structure(structure_record(version=5, label="five")),
    manager.team(team_record(version=2, principal="zoe", members={})),
    manager.team(team_record(version=3)),
)


def step(status: str, version: int, *, journal: bool, **fields: Any) -> VersionedUpsert:
    outcome = {**STEP, "status": status, "code": status, "version": version, **fields}
    return request_records.write(outcome, journal=journal, body_hash=None if journal else f"hash of {status}")


REQUEST_WRITES = (
    step("received", 0, journal=False),
    step("accepted", 2, journal=False),
    step("accepted", 2, journal=True, after={"label": "$record"}),
    step("applied", 3, journal=True, before={"label": None}, after={"label": "b"}),
)

STRUCTURES = [
    document(name="Mairie de Lyon-Été", sphere="state", address={"postcode": "69 001", "city": "Lyon"}),
    document(name="Œuvres d'Ælis", possible_requests=list(POSSIBLE["pending"]), status="active"),
    document(name=None, person={"first_name": "Zoé", "last_name": "Ångström"}, sphere="private", address=None),
    made(manager.team(team_record())),
    made(structure.structure(structure_record(principal="sam", sphere="private"))),
]
SEARCHES = ("mairie", "airi", "ly", "yo", "l.y", "lyonete", "oeuvres aelis", "69 001", "angstrom", "x1", ".*", "-")
CONDITIONS: list[Mapping[str, Any]] = [
    *(findable(actor) for actor in READERS.values()),
    *(attached(actor, possible) for actor in READERS.values() for possible in (None, "modify", "correct-sphere")),
    *(search_words.condition(words) for words in SEARCHES),
    *(
        c
        for f in (Filters(city="lyo", postcode="6900"), Filters(status="active", sphere="state"))
        for c in f.conditions()
    ),
    {"sort": {"$gte": ""}},
    {"keys": "AUTRE:X0"},
    {"team": {"$exists": False}},
]


@pytest_asyncio.fixture
async def collection(gateway_brokers: Brokers) -> AsyncIterator[Any]:
    """An empty collection of the gateway's own database."""
    settings = MongoSettings(uri=gateway_brokers.service_mongo_uri(PROCESS), database=PROCESS)
    connected = mongo.connect(settings)
    opened = connected[f"language_{secrets.token_hex(4)}"]
    yield opened
    await opened.drop()
    connected.client.close()


async def test_a_condition_finds_the_same(collection: Any) -> None:
    kept = [{**each, "_id": number} for number, each in enumerate(STRUCTURES)]
    await collection.insert_many(kept)
    found = [[raw["_id"] async for raw in collection.find(c, {"_id": 1}).sort("_id", 1)] for c in CONDITIONS]
    assert found == [[each["_id"] for each in kept if meets(each, condition)] for condition in CONDITIONS]
    assert any(found)


@pytest.mark.parametrize("writes", [STRUCTURE_WRITES, REQUEST_WRITES], ids=["structures", "requests"])
async def test_writes_make_the_same_document_in_whatever_order(
    collection: Any, writes: tuple[VersionedUpsert, ...]
) -> None:
    for order in permutations(writes):
        for write in order:
            assert await versioned_upsert.write(collection, [write]) == {}
        (stored,) = await collection.find({}).to_list(None)
        assert stored == _as_bson(made(*order))
        half_known = await collection.count_documents(request_records.NOT_OF_THE_JOURNAL)
        assert half_known == meets(stored, request_records.NOT_OF_THE_JOURNAL)
        await collection.delete_many({})


def _as_bson(value: Any) -> Any:
    """Return a value as MongoDB gives it back: it has lists, and no tuples."""
    if isinstance(value, Mapping):
        return {name: _as_bson(each) for name, each in value.items()}
    return [_as_bson(each) for each in value] if isinstance(value, list | tuple) else value
