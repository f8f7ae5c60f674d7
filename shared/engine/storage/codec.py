"""The stored form of documents and request records, the same in MongoDB and in memory."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from pydantic import BaseModel

from shared.domain.actor import Actor
from shared.engine.core.document import Document, Write
from shared.engine.core.incoming import Incoming, RequestRecord
from shared.engine.core.rules import Owner, Pending
from shared.engine.core.transition import Transition
from shared.engine.storage.models import construct, construct_whole

WAITING_ONLY = ("incoming", "waits_for", "deadline", "look_up_at", "look_up", "claimed_until")
"""Fields of a request record that are removed once it is decided."""


def pending_out(pending: Pending) -> dict[str, Any]:
    """Return a pending change as stored."""
    return {
        **pending.more,
        "transition": pending.transition.raw,
        "change": dict(pending.change),
        "reserves": list(pending.reserves),
        "due_at": pending.due_at,
        "next_trigger_at": pending.next_trigger_at,
        "size": pending.size,
    }


_ACTOR = frozenset(field.name for field in fields(Actor))
_PENDING = frozenset({"transition", "change", "reserves", "due_at", "next_trigger_at", "size"})


def _pending_in(raw: Mapping[str, Any]) -> Pending:
    more = {name: value for name, value in raw.items() if name not in _PENDING} if len(raw) > len(_PENDING) else {}
    times = (raw["due_at"], raw["next_trigger_at"])
    return Pending(_transition_in(raw["transition"]), raw["change"], tuple(raw["reserves"]), *times, raw["size"], more)


_REQUIRED = frozenset({"owner", "request_id", "type", "status", "code", "at", "version"})
"""Fields that every transition of a document must have to be published."""


def _transition_in(raw: Mapping[str, Any]) -> Transition:
    if not raw.keys() >= _REQUIRED or not isinstance(raw["version"], int) or not isinstance(raw["at"], int):
        raise ValueError("a transition that can't be published")
    return Transition(raw)


def document_in(owner: Owner[Any], raw: Mapping[str, Any]) -> Document:
    """Read a stored document. Fields of a newer version are tolerated, and a write leaves them where they are.

    One that can't be read has the error in `broken`: raised here, it would stop all others that are read with it.
    """
    try:
        return _document_in(owner, raw)
    except Exception as error:  # noqa: BLE001 - an invalid document must not harm the others.
        keys, version = raw.get("keys"), raw.get("version")
        return Document(
            id=raw["_id"],
            version=version if isinstance(version, int) else 0,
            keys=tuple(keys) if isinstance(keys, list) else (),
            idempotency_key=raw.get("idempotency_key"),
            broken=error,
        )


def _document_in(owner: Owner[Any], raw: Mapping[str, Any]) -> Document:
    kind = raw["_id"].partition(":")[0]
    state: BaseModel | None = None
    if raw.get("state") is not None:
        state = construct(owner.state(kind), raw["state"])
    return Document(
        id=raw["_id"],
        version=raw["version"],
        state=state,
        pending=[_pending_in(p) for p in raw.get("pending", ())],
        outbox=[_transition_in(transition) for transition in raw.get("outbox", ())],
        keys=tuple(raw.get("keys", ())),
        refs=tuple(raw.get("refs", ())),
        idempotency_key=raw.get("idempotency_key"),
        followed={entry["key"]: entry["version"] for entry in raw.get("followed", ())},
    )


def write_out(write: Write, now: int, republish_after: int) -> dict[str, Any]:
    """Return a guarded write as an update: it sets and pushes fields, and never replaces the document."""
    values: dict[str, Any] = {"version": write.version, "batch": write.batch_id}
    if write.state is not None:
        values |= {f"state.{name}": value for name, value in write.state.items()}
    push: dict[str, Any] = {"outbox": {"$each": [s.raw for s in write.transitions]}}
    if write.pending is not None:
        values["pending"] = [pending_out(p) for p in write.pending]
    elif write.appended:
        push["pending"] = {"$each": [pending_out(p) for p in write.appended]}
    gone: dict[str, str] = {}
    if write.keys:
        values["keys"] = list(write.keys)
    elif write.keys is not None:
        gone["keys"] = ""  # The unique index would hold an empty array too, of one document only.
    if write.refs:
        values["refs"] = list(write.refs)
    elif write.refs is not None:
        gone["refs"] = ""
    if write.idempotency_key is not None and write.base == 0:
        values["idempotency_key"] = write.idempotency_key
    if write.followed is not None:
        values["followed"] = [{"key": key, "version": version} for key, version in write.followed.items()]
    if write.changed:
        values["unpublished_since"] = now
        values["republish_at"] = now + republish_after
    update = {"$set": values, "$push": push}
    return update | {"$unset": gone} if gone else update


def document_out(write: Write, now: int, republish_after: int) -> dict[str, Any]:
    """Return the document that a write creates when there was none."""
    update = write_out(write, now, republish_after)
    values = {name: value for name, value in update["$set"].items() if not name.startswith("state.")}
    if write.state is not None:
        values["state"] = dict(write.state)
    return {"_id": write.id, **values, **{name: pushed["$each"] for name, pushed in update["$push"].items()}}


def record_out(transition: Transition) -> dict[str, Any]:
    """Return the record of a decided request as stored."""
    return {
        "version": transition.version,
        "status": transition.status,
        "document": transition.document,
        "transition": transition.raw,
    }


def waiting_out(record: RequestRecord) -> dict[str, Any]:
    """Return a waiting request's record as stored, with all that any replica needs to decide it. Never the token."""
    incoming = record.incoming
    assert incoming is not None  # noqa: S101 - a waiting record always has its request.
    return {
        "version": 0,
        "status": "waiting",
        "transition": record.transition.raw,
        "waits_for": record.waits_for,
        "claimed_until": 0,
        "deadline": record.deadline,
        "look_up_at": record.look_up_at,
        "look_up": dict(record.look_up) if record.look_up else None,
        "incoming": {
            "request_id": incoming.request_id,
            "actor": {**asdict(incoming.actor), "scopes": sorted(incoming.actor.scopes)},
            "type": incoming.request.type,
            "data": incoming.request.model_dump(exclude_unset=True),
            "body_hash": incoming.body_hash,
            "received_at": incoming.received_at,
            "correlation_id": incoming.correlation_id,
            "traceparent": incoming.traceparent,
            "also_answer": list(incoming.also_answer),
            "rounds": incoming.rounds,
            "source": list(incoming.source) if incoming.source else None,
            "waited": [[k, v] for k, v in incoming.waited.items()],
            "known": [[k, v] for k, v in incoming.known.items()],
        },
    }


def record_in(owner: Owner[Any], raw: Mapping[str, Any]) -> RequestRecord:
    """Read a stored request record; one that can't be read has the error in `broken`."""
    try:
        return _record_in(owner, raw)
    except Exception as error:  # noqa: BLE001 - an invalid record must not harm the others.
        actor, _, request_id = raw["_id"].rpartition("|")
        return RequestRecord(Transition({"actor": actor, "request_id": request_id, "status": "failed"}), broken=error)


def _record_in(owner: Owner[Any], raw: Mapping[str, Any]) -> RequestRecord:
    transition = Transition(raw["transition"])
    if raw["status"] != "waiting":
        return RequestRecord(transition)
    incoming = _incoming_in(owner, raw["incoming"])
    return RequestRecord(transition, raw["waits_for"], raw["deadline"], raw["look_up_at"], raw["look_up"], incoming)


def _incoming_in(owner: Owner[Any], kept: Mapping[str, Any]) -> Incoming | None:
    """Read the request of a waiting record; None for one of a newer version, which is left to processes that know it.

    While a new version is rolled out, both versions read the same records: an error would stop all the work of this
    one.
    """
    model = owner.types.get(kept["type"])
    if model is None:
        return None
    try:
        request = construct_whole(model, kept["data"])
    except Exception:  # noqa: BLE001 - an invalid record must not harm the others.
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
        also_answer=tuple(kept["also_answer"]),
        rounds=kept["rounds"],
        source=tuple(kept["source"]) if kept["source"] else None,
        waiting=True,
    )
