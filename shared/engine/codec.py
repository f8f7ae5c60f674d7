"""How documents and rows are written down, the same in MongoDB and in memory."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from pydantic import BaseModel, ValidationError

from shared.auth import Actor
from shared.engine.document import Document, Write
from shared.engine.incoming import Incoming, Row
from shared.engine.rules import Owner, Pending
from shared.engine.step import Step

WAITING_ONLY = ("incoming", "waits_for", "deadline", "ask_at", "ask")
"""Fields of a row that go once it is decided."""


def pending_out(pending: Pending) -> dict[str, Any]:
    """Return a pending change as stored."""
    return {
        **pending.more,
        "step": pending.step.raw,
        "change": dict(pending.change),
        "reserves": list(pending.reserves),
        "poke_at": pending.poke_at or pending.due_at,
    }


_ACTOR = frozenset(field.name for field in fields(Actor))
_PENDING = frozenset({"step", "change", "reserves", "poke_at"})


def _pending_in(raw: Mapping[str, Any]) -> Pending:
    more = {name: value for name, value in raw.items() if name not in _PENDING} if len(raw) > len(_PENDING) else {}
    return Pending(Step(raw["step"]), raw["change"], tuple(raw["reserves"]), raw["poke_at"], more)


def document_in(owner: Owner[Any], raw: Mapping[str, Any]) -> Document:
    """Read a stored document. Fields of a newer version are tolerated, and a write leaves them where they are."""
    kind = raw["_id"].partition(":")[0]
    state: BaseModel | None = None
    if raw.get("state") is not None:
        state = owner.state(kind).model_validate(raw["state"], extra="allow")
    return Document(
        id=raw["_id"],
        version=raw["version"],
        state=state,
        pending=[_pending_in(p) for p in raw.get("pending", ())],
        outbox=[Step(s) for s in raw.get("outbox", ())],
        keys=tuple(raw.get("keys", ())),
        decided=raw.get("decided"),
    )


def write_out(write: Write, now: int, settle_after: int) -> dict[str, Any]:
    """Return a guarded write as an update: it sets and pushes fields, and never replaces the document."""
    values: dict[str, Any] = {"version": write.version, "batch": write.batch}
    if write.state is not None:
        values |= {f"state.{name}": value for name, value in write.state.items()}
    push: dict[str, Any] = {"outbox": {"$each": [s.raw for s in write.steps]}}
    if write.pending is not None:
        values["pending"] = [pending_out(p) for p in write.pending]
    elif write.appended:
        push["pending"] = {"$each": [pending_out(p) for p in write.appended]}
    gone: dict[str, str] = {}
    if write.keys:
        values["keys"] = list(write.keys)
    elif write.keys is not None:
        gone["keys"] = ""  # An empty array would stand in the unique index, where there is room for one.
    if write.decided is not None and write.base == 0:
        values["decided"] = write.decided
    if write.changed:
        values["dirty_at"] = now
        values["settle_at"] = now + settle_after
    update = {"$set": values, "$push": push}
    return update | {"$unset": gone} if gone else update


def document_out(write: Write, now: int, settle_after: int) -> dict[str, Any]:
    """Return the document that a write makes when there was none."""
    update = write_out(write, now, settle_after)
    values = {name: value for name, value in update["$set"].items() if not name.startswith("state.")}
    if write.state is not None:
        values["state"] = dict(write.state)
    return {"_id": write.id, **values, **{name: pushed["$each"] for name, pushed in update["$push"].items()}}


def row_out(step: Step) -> dict[str, Any]:
    """Return the row of a decided request as stored."""
    return {"version": step.version, "status": step.status, "document": step.document, "step": step.raw}


def waiting_out(row: Row) -> dict[str, Any]:
    """Return a waiting row as stored: with all that is needed to decide it later, in any replica. Never the token."""
    incoming = row.incoming
    assert incoming is not None  # noqa: S101 - a waiting row always carries its request.
    return {
        "version": 0,
        "status": "waiting",
        "step": row.step.raw,
        "waits_for": row.waits_for,
        "deadline": row.deadline,
        "ask_at": row.ask_at,
        "ask": dict(row.ask) if row.ask else None,
        "incoming": {
            "request_id": incoming.request_id,
            "actor": {**asdict(incoming.actor), "scopes": sorted(incoming.actor.scopes)},
            "type": incoming.request.type,
            "data": incoming.request.model_dump(exclude_unset=True),
            "body_hash": incoming.body_hash,
            "received_at": incoming.received_at,
            "correlation_id": incoming.correlation_id,
            "traceparent": incoming.traceparent,
            "waited": [[k, v] for k, v in incoming.waited.items()],
            "known": [[k, v] for k, v in incoming.known.items()],
        },
    }


def row_in(owner: Owner[Any], raw: Mapping[str, Any]) -> Row:
    """Read a stored row."""
    step = Step(raw["step"])
    if raw["status"] != "waiting":
        return Row(step)
    incoming = _incoming_in(owner, raw["incoming"])
    return Row(step, raw["waits_for"], raw["deadline"], raw["ask_at"], raw["ask"], incoming)


def _incoming_in(owner: Owner[Any], kept: Mapping[str, Any]) -> Incoming | None:
    """Read the request of a waiting row; None for one of a newer version, which is left to the processes that know it.

    While a new version is rolled out, both look at the same rows: raised here, it would stop all that this one does.
    """
    model = owner.types.get(kept["type"])
    if model is None:
        return None
    try:
        request = model.model_validate(kept["data"], strict=False)  # MongoDB gives tuples back as lists.
    except ValidationError:
        return None
    actor = {name: value for name, value in kept["actor"].items() if name in _ACTOR}
    return Incoming(
        request_id=kept["request_id"],
        actor=Actor(**{**actor, "scopes": frozenset(actor["scopes"])}),
        request=request,
        body_hash=kept["body_hash"],
        received_at=kept["received_at"],
        correlation_id=kept["correlation_id"],
        traceparent=kept["traceparent"],
        waited=dict(kept["waited"]),
        known=dict(kept["known"]),
        waiting=True,
    )
