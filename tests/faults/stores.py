"""Reads what MongoDB holds: of the owners, who decide what is true, and of the gateway, which shows it."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import orjson
from pymongo import MongoClient

from services.manager_svc import rules as managers
from services.structure_svc import rules as structures
from shared.clock import HOUR, MINUTE
from shared.contracts.topics import OWNERS
from shared.engine.core.document import view
from shared.engine.core.rules import Owner
from shared.engine.storage import codec
from tests.faults.history import Event, document_key

OWNER: Mapping[str, Owner[Any]] = {"structure": structures.owner(HOUR), "manager": managers.owner()}

Client = MongoClient[dict[str, Any]]


def connect(uri: str) -> Client:
    """Return a client of the administrator, who reads every database."""
    return MongoClient(uri, serverSelectionTimeoutMS=30_000, readConcernLevel="majority")


def versions(client: Client) -> dict[str, int]:
    """Return the version of every document, by owner and id."""
    return {
        document_key(name, raw["_id"]): raw["version"]
        for name, process in OWNERS.items()
        for raw in client[process][f"{name}_documents"].find({}, {"version": 1})
    }


SOON = MINUTE
"""What is due later than this belongs to a clock that was made fast: nobody waits for it."""


def under_way(client: Client, now: int) -> list[str]:
    """Return what is under way at the instant `now` (ms)."""
    found = []
    for name, process in OWNERS.items():
        documents, request_records = client[process][f"{name}_documents"], client[process][f"{name}_requests"]
        for what, condition in (
            ("to be published", {"$or": [{"outbox.0": {"$exists": True}}, {"unpublished_since": {"$exists": True}}]}),
            ("due", {"pending.due_at": {"$lte": now + SOON}}),
        ):
            found += [f"{raw['_id']} has something {what}" for raw in documents.find(condition, {"_id": 1}).limit(3)]
        found += [f"{raw['_id']} waits" for raw in request_records.find({"status": "waiting"}, {"_id": 1}).limit(3)]
    return found


def undecided(client: Client, requests: Collection[str]) -> list[str]:
    """Return those of these requests that no owner has decided."""
    decided: set[str] = set()
    for name, process in OWNERS.items():
        request_records = client[process][f"{name}_requests"]
        found = request_records.find({"_id": {"$in": list(requests)}, "status": {"$ne": "waiting"}}, {"_id": 1})
        decided.update(raw["_id"] for raw in found)
    return sorted(set(requests) - decided)


def held(client: Client, documents: Collection[str], requests: Collection[str], now: int) -> Iterator[Event]:
    """Yield what is stored of these documents and requests, and what the gateway shows of them."""
    for name, process in OWNERS.items():
        for raw in client[process][f"{name}_documents"].find({"state": {"$exists": True}}):
            key = document_key(name, raw["_id"])
            if key in documents:
                yield _stored(name, key, raw, now)
        for raw in client[process][f"{name}_requests"].find({"_id": {"$in": list(requests)}}):
            transition = raw["transition"]
            document = transition.get("document")
            about = document_key(name, document) if document else ""
            yield Event(
                "request_record", now, name, raw["_id"], about, raw["version"], raw["status"], transition["code"]
            )
    yield from _shown(client["gateway"], documents, requests, now)


def _stored(name: str, key: str, raw: Mapping[str, Any], now: int) -> Event:
    document = codec.document_in(OWNER[name], raw)
    shown = view(OWNER[name], document)
    more: dict[str, Any] = {"pending": [pending.transition.key for pending in document.pending]}
    if shown is not None:
        more["record"] = orjson.loads(OWNER[name].present(shown))
    if document.outbox:
        more["outbox"] = len(document.outbox)
    if "unpublished_since" in raw:
        more["dirty"] = True
    return Event("stored", now, name, document=key, version=document.version, more=more)


def _shown(database: Any, documents: Collection[str], requests: Collection[str], now: int) -> Iterator[Event]:
    for name in database.list_collection_names():
        kind, _, generation = name.partition("_")
        if kind == "structures":
            for raw in database[name].find({"version": {"$gt": 0}}):
                if (key := f"structure:{raw['_id']}") in documents:
                    record = {"record": raw["record"], "generation": generation}
                    yield Event("shown", now, "gateway", document=key, version=raw["version"], more=record)
        elif kind == "requests":
            for raw in database[name].find({"_id": {"$in": list(requests)}}):
                request_record = raw["record"]
                yield Event(
                    "shown", now, "gateway", raw["_id"], status=request_record["status"], code=request_record["code"]
                )
