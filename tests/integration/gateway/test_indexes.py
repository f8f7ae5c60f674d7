"""Every question to the read model is served by an index: none reads a whole collection, none sorts what it need not.

A gateway answers every reading route and a writing one, over collections that hold much; what it has asked MongoDB for
is then explained.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping
from functools import partial
from typing import Any

import orjson
import pytest
import pytest_asyncio
from pymongo.monitoring import CommandListener

from dev.brokers import Brokers
from gateway.app import PROCESS
from gateway.projections import structure
from gateway.queries import paging
from gateway.read_model import request_records
from gateway.read_model.versioned_upsert import VersionedUpsert
from shared.clock import iso
from shared.mongo import client as mongo
from shared.runtime.settings import MongoSettings
from tests.integration.gateway.conftest import replica
from tests.integration.gateway.stack import ADMIN, Issuer, Stack

STRUCTURES = 3_000
MEMBER, STRANGER, ADMINISTRATOR = "member-of-many", "stranger-to-all", "administrator-of-all"
ASKED = frozenset({"find", "aggregate", "update", "delete", "findAndModify", "count", "distinct"})
NARROWING = ("'grams'", "'city'", "'record.address.postcode'", "'_id': {'$in': []}")
"""What finds little, or nothing, by an index in the order of which no list is shown."""

SORTS = ("name", "-name", "created_at", "-created_at", "id", "-id")
FILTERS: tuple[Mapping[str, str], ...] = (
    {},
    {"status": "inactive"},
    {"sphere": "state"},
    {"identifier_type": "SIRET"},
    {"city": "ville 7"},
    {"postcode": "69"},
    {"q": "structure 17"},
    {"q": "ru"},
    {"q": "structure", "status": "active", "sphere": "state", "city": "ville"},
)


class Watched(CommandListener):
    """The queries of the collections of one generation."""

    def __init__(self, generation: str) -> None:
        self._generation = generation
        self.commands: dict[str, dict[str, Any]] = {}
        """One for each shape of a question, by that shape."""

    def started(self, event: Any) -> None:
        command = dict(event.command)
        if event.command_name not in ASKED or not str(command[event.command_name]).endswith(self._generation):
            return
        for update in command.get("updates", [{}]):
            one = {name: value for name, value in command.items() if not name.startswith("$") and name not in _SESSION}
            if update:
                one["updates"] = [update]
            shape = {"q": _shape(_filter(one)), "sort": one.get("sort"), "what": command[event.command_name]}
            self.commands[orjson.dumps(shape).decode()] = one

    def succeeded(self, event: Any) -> None: ...

    def failed(self, event: Any) -> None: ...


_SESSION = frozenset({"lsid", "txnNumber", "maxTimeMS", "writeConcern", "readConcern"})


def _filter(command: Mapping[str, Any]) -> Any:
    if "pipeline" in command:
        return command["pipeline"][0]["$match"]
    return command["updates"][0]["q"] if "updates" in command else command.get("filter", command.get("query"))


def _shape(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _shape(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_shape(inner) for inner in value[:2]]
    return type(value).__name__


def stages(plan: Any) -> Iterator[str]:
    """Give the names of the stages of what MongoDB would do; what it would not is left out."""
    if isinstance(plan, Mapping):
        if "stage" in plan:
            yield plan["stage"]
        for name, inner in plan.items():
            if name != "rejectedPlans":
                yield from stages(inner)
    elif isinstance(plan, list):
        for inner in plan:
            yield from stages(inner)


def a_structure(number: int) -> VersionedUpsert:
    """A structure as the read model keeps it: of some member each, one in ten private."""
    return structure.structure(
        {
            "id": number,
            "version": 2,
            "identifier": {"type": ("AUTRE", "SIRET")[number % 2], "value": f"X{number}"},
            "sphere": ("private", "state", "public_non_state")[number % 10 and 1 + number % 2],
            "status": ("active", "inactive")[number % 3 == 0],
            "created_at": iso(number * 1_000),
            "name": f"Structure {number}",
            "address": {"postcode": f"{69_000 + number}", "city": f"Ville {number % 50}"},
            "principal": MEMBER if number % 4 == 0 else f"principal-{number}",
            "possible_requests": ["activate", "correct-sphere", "modify"],
        }
    )


def a_request(number: int) -> VersionedUpsert:
    """A request as the read model keeps it: many of one structure, many of one person."""
    return request_records.write(
        {
            "owner": "structure",
            "request_id": f"r{number}",
            "actor": MEMBER if number % 2 else f"principal-{number % 40}",
            "type": "structure.modify.v1",
            "status": ("applied", "rejected")[number % 5 == 0],
            "code": "applied",
            "version": 2 if number % 100 == 4 else 1,
            "at": iso(number * 1_000),
            "reference": {"structure": {"id": number % 100}},
            "before": {"label": "a"},
            "after": {"label": "b"},
        },
        journal=True,
    )


@pytest_asyncio.fixture
async def gateway(
    gateway_brokers: Brokers, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[str, Watched, Any]]:
    """A gateway with a full read model of its own: its address, what it queries, and that database."""
    generation = f"x{secrets.token_hex(4)}"
    settings = MongoSettings(uri=gateway_brokers.service_mongo_uri(PROCESS), database=PROCESS)
    database = mongo.connect(settings)
    for name, writes in (
        ("structures", map(a_structure, range(STRUCTURES))),
        ("requests", map(a_request, range(STRUCTURES))),
    ):
        await database[f"{name}_{generation}"].insert_many([{"_id": w.id, **w.fresh} for w in writes])
    watched = Watched(generation)
    monkeypatch.setattr(mongo, "AsyncIOMotorClient", partial(mongo.Client, event_listeners=[watched]))
    async with replica(gateway_brokers, issuer, READ_MODEL=generation) as (api, _):
        yield api, watched, database
    database.client.close()


async def test_no_question_reads_a_whole_collection_nor_sorts_in_vain(
    stack: Stack, issuer: Issuer, gateway: tuple[str, Watched, Any]
) -> None:
    api, watched, database = gateway
    for subject, scope in ((MEMBER, ""), (STRANGER, ""), (ADMINISTRATOR, ADMIN)):
        headers = {"Authorization": f"Bearer {issuer.token(subject, scope=scope)}"}
        async with stack.client(api, headers=headers) as client:
            answers = await asyncio.gather(*(client.get(path, params=params) for path, params in _questions()))
            assert {answer.status_code for answer in answers} <= {200, 403, 404}
            assert any(answer.json().get("items") for answer in answers)
            assert (await client.post("/structures/4/activate")).status_code in {202, 403, 404}
    assert len(watched.commands) > 40

    bad = []
    for command in watched.commands.values():
        plan = await database.command({"explain": command, "verbosity": "queryPlanner"})
        found = set(stages(plan))
        assert found, "the plan is read"
        if "COLLSCAN" in found or ("SORT" in found and not _must_sort(command)):
            bad.append(f"{sorted(found)}: {_filter(command)}, sorted by {command.get('sort')}")
    assert not bad, "\n".join(bad)


def _must_sort(command: Mapping[str, Any]) -> bool:
    """Tell whether MongoDB has to sort what an index found: what words and places find, and one person's structures."""
    fields = repr(command["filter"])
    return any(name in fields for name in NARROWING) or ("access" in fields and "sort" not in command["sort"])


def _questions() -> Iterator[tuple[str, Mapping[str, str]]]:
    for sort in SORTS:
        for wanted in FILTERS:
            yield "/structures", {**wanted, "sort": sort}
        for possible in ({}, {"possible": "activate"}, {"possible": "correct-sphere"}):
            yield "/me/structures", {**possible, "sort": sort}
    for narrowing in ({}, {"status": "applied"}, {"type": "structure.modify.v1"}):
        yield "/requests", narrowing
        yield "/structures/4/requests", narrowing
    yield "/requests", {"structure": "4"}
    yield "/structures/4/requests", {"actor": MEMBER}
    yield "/structures/4/history", {}
    yield "/structures/4/members", {}
    yield "/structures/4", {}
    yield "/structures/4", {"min_version": "1"}
    yield "/structures/4", {"at": "2026-01-01T00:00:00Z"}
    yield "/structures/by-identifier/AUTRE/X4", {}
    yield "/requests/r1", {}
    yield "/requests/r1", {"actor": MEMBER}
    yield "/me", {}
    yield f"/users/{MEMBER}", {}


async def test_a_list_is_counted_as_far_as_is_worth_it_and_says_when_there_is_more(
    stack: Stack, issuer: Issuer, gateway: tuple[str, Watched, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    api, _, _ = gateway
    headers = {"Authorization": f"Bearer {issuer.token(ADMINISTRATOR, scope=ADMIN)}"}
    async with stack.client(api, headers=headers) as client:
        whole = (await client.get("/structures")).json()
        monkeypatch.setattr(paging, "MOST_COUNTED", STRUCTURES - 1)
        cut = (await client.get("/structures", params={"page": 150, "size": 20})).json()
    assert (whole["total"], whole["more"]) == (STRUCTURES, False)
    assert (cut["total"], cut["more"]) == (STRUCTURES - 1, True)
    assert len(cut["items"]) == 20, "what is not counted can be read all the same"
