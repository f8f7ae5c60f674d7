"""Looks at what is overdue and what waits, in the views that owners show to operators. No value is in them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from pydantic import SecretStr, create_model

from ops import show
from ops.errors import OpsError
from shared.clock import SECOND
from shared.contracts.topics import OWNERS
from shared.engine.storage import views
from shared.mongo import client as mongo
from shared.runtime.settings import FromFiles, MongoSettings

GRACE = 5 * SECOND
"""A change is overdue when it is later than this: before, the owner may be about to apply it."""

RequestRecord = dict[str, Any]


def chosen(owner: str | None) -> Sequence[str]:
    """Return the owners to look at: the one that is named, or all. Raises OpsError when there is none so named."""
    if owner is not None and owner not in OWNERS:
        raise OpsError(f"there is no owner « {owner} »: choose one of {', '.join(OWNERS)}")
    return [owner] if owner else list(OWNERS)


async def overdue(owner: str, now: int, limit: int, documents: Sequence[str] | None = None) -> list[RequestRecord]:
    """Return the changes of an owner that are past their time and not applied, the latest first. `now` is in ms.

    Those of `limit` documents at most, and of one more when there is one; with `documents`, of these alone.
    """
    late: RequestRecord = {"pending.due_at": {"$lt": now - GRACE}}
    if documents is not None:
        late["_id"] = {"$in": list(documents)}
    async with _view(owner, views.PENDING) as view:
        found = await view.find(late).sort("pending.due_at", 1).limit(limit + 1).to_list(None)
    records = [
        {
            "owner": owner,
            "document": document["_id"],
            "request_id": step["request_id"],
            "type": step["type"],
            "actor": step["actor"],
            "due_at": pending["due_at"],
            "late_for": now - pending["due_at"],
            "next_trigger_in": pending["next_trigger_at"] - now,
        }
        for document in found
        for pending in document["pending"]
        if pending["due_at"] < now - GRACE
        for step in [pending["transition"]]
    ]
    return sorted(records, key=lambda record: record["due_at"])


async def waiting(owner: str, now: int, limit: int) -> list[RequestRecord]:
    """Return the requests of an owner that are not decided yet, the oldest first. `now` is in ms.

    `limit` of them at most, and one more when there is one.
    """
    async with _view(owner, views.WAITING) as view:
        found = await view.find({"status": "waiting"}).sort("deadline", 1).limit(limit + 1).to_list(None)
    records = [
        {
            "owner": owner,
            "document": record["transition"].get("document"),
            "request_id": record["transition"]["request_id"],
            "type": record["transition"]["type"],
            "actor": record["transition"]["actor"],
            "waiting_for": now - record["transition"]["received_at"],
            "why": record["transition"]["code"],
            "waits_for": record.get("waits_for"),
            "decided_within": record["deadline"] - now,
        }
        for record in found
    ]
    return sorted(records, key=lambda record: -record["waiting_for"])


def readable(record: RequestRecord) -> RequestRecord:
    """Return a request record as a person reads it: instants and durations in words."""
    written = dict(record)
    for name in ("due_at",):
        if name in written:
            written[name] = show.moment(written[name])
    for name in ("late_for", "next_trigger_in", "waiting_for", "decided_within"):
        if name in written:
            written[name] = show.since(written[name])
    return written


@asynccontextmanager
async def _view(owner: str, what: str) -> AsyncIterator[Any]:
    database = mongo.connect(_settings(owner))
    try:
        yield database[views.name(owner, what)]
    finally:
        database.client.close()


def _settings(owner: str) -> MongoSettings:
    """Return the address of an owner's MongoDB with the operator's user: `STRUCTURE_SVC_MONGO_URI`, or such a file."""
    process = OWNERS[owner]
    fields: dict[str, Any] = {f"{process}_mongo_uri": (SecretStr | None, None)}
    uri = getattr(create_model("OperatorMongo", __base__=FromFiles, **fields)(), f"{process}_mongo_uri")
    if uri is None:
        raise OpsError(
            f"{process.upper()}_MONGO_URI is not set: it is the address of {process}'s MongoDB, with a user who may "
            "read its views (docs/operate.md says how to make one)"
        )
    return MongoSettings(uri=uri, database=process)
