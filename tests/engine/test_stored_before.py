"""Structures stored under older rules are found, changed and published as before, by the old writing and by today's."""

from typing import Any

import pytest
from pymongo.read_concern import ReadConcern

from services.structure_svc import rules
from shared.clock import HOUR, MINUTE
from shared.contracts.messages import cloudevents, records
from shared.contracts.messages.common import Request
from shared.contracts.messages.structure import CreateStructure, ModifyStructure
from shared.engine.core.decide import COPY, Timing
from shared.engine.core.incoming import Incoming
from shared.engine.runtime.engine import Engine
from shared.engine.storage.memory import MemoryBus, MemoryStore
from shared.engine.storage.mongo import MongoStore
from tests.support.toy import ALICE, ManualClock

OWNER = rules.owner(HOUR)
TIMING = Timing(30 * MINUTE, {COPY: 2_000, **OWNER.waits})
BEFORE = {
    "sphere": "private",
    "status": "active",
    "created_at": 1_700_000_000_000,
    "name": "Parádeigma  AE",
    "address": {"country": "UK"},
    "phone": "----",
    "email": "a,b@y.fr",
    "label": " e\u0301te\u0301\u200b",
    "parameters": {"moa_only": True},
    "billing_mandate": {"mandatary": {"type": "AUTRE", "value": "X"}, "start": "2026-02-30", "attachments": [""]},
    "creator": "alice",
    "principal": "alice",
}
WRITINGS = [
    ("UE_HORS_FRANCE", "GR094019245", "GR 094 019 245"),
    ("UE_HORS_FRANCE", "GR094019245", "EL094019245"),
    ("UE_HORS_FRANCE", "IE8Z49289F", "IE0492898F"),
    ("RIDET", "711030001", "0 711 030.001"),
    ("RIDET", "711030001", "711030001"),
    ("RIDET", "0711030001", "711030001"),
    ("RIDET", "ABC711030", "abc 711 030"),
    ("TAHITI", "ABCDEFGHI", "ABCDEFGHI"),
    ("HORS_UE", "CH EXEMPLE SA", "chexemple sa"),
    ("HORS_UE", "DEMUSTER GMBH", "DE MUSTER GMBH"),
    ("HORS_UE", "WF EXEMPLE", "FRWFEXEMPLE"),
    ("AUTRE", "41816609600069", "41816609600069\u200b"),
]


class Bench:
    """The owner of structures, on a storage that holds one structure as an older version stored it."""

    def __init__(self, store: Any) -> None:
        self.bus = MemoryBus()
        self.clock = ManualClock()
        self.store = store
        self.engine = Engine(OWNER, store, self.bus, self.clock, TIMING, process="structure_svc")

    async def submit(self, request: Request, request_id: str = "r1") -> dict[str, Any]:
        await self.engine.requests([Incoming(request_id, ALICE, request, "hash", self.clock.now())])
        return self.last_outcome()

    def last_outcome(self) -> dict[str, Any]:
        """Return the last outcome."""
        outcome: dict[str, Any] = cloudevents.read(_Record(self.bus.on("structure.outcomes")[-1])).data
        return outcome


class _Record:
    """A message as a consumer gives it."""

    partition = offset = timestamp = 0

    def __init__(self, message: cloudevents.Message) -> None:
        self.topic = message.topic
        self.key: bytes | None = message.key
        self.value: bytes | None = message.value
        self.headers = message.headers


@pytest.fixture(params=["memory", "mongo"])
def bench(request: pytest.FixtureRequest) -> Bench:
    if request.param == "memory":
        return Bench(MemoryStore(OWNER))
    database = request.getfixturevalue("mongo_database").with_options(read_concern=ReadConcern("local"))
    return Bench(MongoStore(database, OWNER))


async def store_structure(bench: Bench, kind: str, value: str) -> None:
    """Store structure 1 with this identifier, as it is."""
    state = {"id": 1, "identifier": {"type": kind, "value": value}, **BEFORE}
    raw = {"_id": "structure:1", "version": 3, "keys": [f"{kind}:{value}"], "state": state, "outbox": []}
    if isinstance(bench.store, MemoryStore):
        bench.store.documents["structure:1"] = raw
    else:
        await bench.store.prepare()
        await bench.store._documents.insert_one(raw)


@pytest.mark.parametrize(("kind", "stored", "written"), WRITINGS)
async def test_it_is_named_by_either_writing(bench: Bench, kind: str, stored: str, written: str) -> None:
    await store_structure(bench, kind, stored)
    for number, value in enumerate((written, stored)):
        named = {"structure": {"identifier": {"type": kind, "value": value}}, "label": f"n° {number}"}
        outcome = await bench.submit(ModifyStructure.read(named), f"r{number}")
        assert (outcome["status"], outcome["reference"]["structure"]["id"]) == ("accepted", 1)
        assert outcome["reference"]["structure"]["identifier"]["value"] == stored


@pytest.mark.parametrize(("kind", "stored", "written"), WRITINGS[:6] + WRITINGS[8:9] + WRITINGS[10:11])
async def test_nobody_else_gets_its_identifier_by_either_writing(
    bench: Bench, kind: str, stored: str, written: str
) -> None:
    await store_structure(bench, kind, stored)
    for number, value in enumerate((written, stored)):
        creation = {"identifier": {"type": kind, "value": value}, "name": "X", "address": {"city": "X"}}
        outcome = await bench.submit(CreateStructure.read(creation), f"r{number}")
        assert (outcome["status"], outcome["code"]) == ("rejected", "identifier_taken")


async def test_what_would_be_refused_today_is_read_published_and_changed(bench: Bench) -> None:
    await store_structure(bench, "UE_HORS_FRANCE", "GR094019245")
    outcome = await bench.submit(ModifyStructure.read({"structure": {"id": 1}, "email": "a@b.fr"}))
    assert outcome["status"] == "accepted"
    shown = records.state("structure", _Record(bench.bus.on("structure.state")[-1])).data
    assert {name: shown[name] for name in ("phone", "email", "label", "address")} == {
        "phone": "----",
        "email": "a,b@y.fr",
        "label": " e\u0301te\u0301\u200b",
        "address": {"country": "UK"},
    }
    bench.clock.pass_(30 * MINUTE)
    await bench.engine.triggers([("structure:1", bench.clock.now())])
    assert bench.last_outcome()["status"] == "applied"
    shown = records.state("structure", _Record(bench.bus.on("structure.state")[-1])).data
    assert (shown["email"], shown["phone"]) == ("a@b.fr", "----")
    assert shown["identifier"] == {"type": "UE_HORS_FRANCE", "value": "GR094019245"}


async def test_a_change_that_was_accepted_before_still_applies(bench: Bench) -> None:
    """It is not looked at again with the rules of today: it was promised."""
    await store_structure(bench, "AUTRE", "A  B")
    outcome = await bench.submit(ModifyStructure.read({"structure": {"id": 1}, "phone": "0102030405"}))
    change = {"phone": "01 02", "address": {"country": "UK"}, "billing_mandate": BEFORE["billing_mandate"]}
    if isinstance(bench.store, MemoryStore):
        bench.store.documents["structure:1"]["pending"][0]["change"] = change
    else:
        await bench.store._documents.update_one({"_id": "structure:1"}, {"$set": {"pending.0.change": change}})
    bench.clock.pass_(30 * MINUTE)
    await bench.engine.triggers([("structure:1", bench.clock.now())])
    assert (outcome["status"], bench.last_outcome()["status"]) == ("accepted", "applied")
    shown = records.state("structure", _Record(bench.bus.on("structure.state")[-1])).data
    assert (shown["phone"], shown["address"]) == ("01 02", {"country": "UK"})
    assert shown["billing_mandate"] == BEFORE["billing_mandate"]
