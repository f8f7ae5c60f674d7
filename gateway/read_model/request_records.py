"""Request records of the read model, from journal entries and from outcomes that this replica heard. Pure.

Steps come in any order and several times: from the journal, from an outcome for which this replica waited, from the
gateway itself (`received`). A record has the fields of the highest of them, and every step beside.
"""

from collections.abc import Mapping
from typing import Any

from gateway.read_model.versioned_upsert import VersionedUpsert
from shared.clock import iso
from shared.contracts.messages.common import Request
from shared.contracts.messages.life import request_key

Outcome = Mapping[str, Any]

_RANK = {"received": 0, "waiting": 1, "accepted": 2, "rejected": 3, "applied": 3, "failed": 3, "cancelled": 3}
_RANKS = 4
_KEPT = (
    "request_id",
    "actor",
    "owner",
    "type",
    "status",
    "code",
    "details",
    "reference",
    "at",
    "received_at",
    "accepted_at",
    "effective_at",
    "follow_up",
    "part_of",
    "correlation_id",
    "version",
    "before",
    "after",
)

NOT_OF_THE_JOURNAL: Mapping[str, Any] = {"order": {"$mod": [2, 0]}}
"""The MongoDB condition of a record made by an outcome, while the journal entry of the same step has not come yet."""


def order(outcome: Outcome) -> int:
    """Return the order of a step in the life of its request: by the document's version, then by status."""
    return int(outcome["version"]) * _RANKS + _RANK[outcome["status"]]


def received(request: Request, actor: str, request_id: str, now: int, correlation: str) -> dict[str, Any]:
    """Return the first step, which only the gateway makes: the request is on its way to its owner (`now` in ms)."""
    at = iso(now)
    return {
        "owner": request.owner,
        "request_id": request_id,
        "actor": actor,
        "type": request.type,
        "status": "received",
        "code": "received",
        "reference": request.reference(actor),
        "version": 0,
        "at": at,
        "received_at": at,
        "correlation_id": correlation,
    }


def is_repeat(known: Outcome, outcome: Outcome) -> bool:
    """Tell whether a request had come before the message that caused `outcome`, by whichever channel.

    A record is about the message that came first, and each message has a correlation id of its own.
    """
    return bool(known.get("correlation_id") != outcome["correlation_id"])


def key(owner: str, actor: str, request_id: str) -> str:
    """Return the id of a record. It has the owner, since a client may send the same id to two owners."""
    return f"{request_key(actor, request_id)}|{owner}"


def write(outcome: Outcome, *, journal: bool, body_hash: str | None = None) -> VersionedUpsert:
    """Return the write of a step. A journal entry wins over an outcome of the same step, since it says what changed.

    The first `body_hash` is kept; by it a repeat differs from a reused id.
    """
    place = order(outcome) * 2 + journal
    wins = {"$lt": [{"$ifNull": ["$order", -1]}, place]}
    shown, is_now = _step(outcome), record(outcome)
    fresh = {"order": place, "record": is_now, "steps": {outcome["status"]: shown}}
    step: dict[str, Any] = {"$literal": shown}
    path = f"steps.{outcome['status']}"
    values: dict[str, Any] = {
        "order": {"$max": ["$order", place]},
        "record": {"$cond": [wins, {"$literal": is_now}, "$record"]},
        # Of a repeat, the time it was first received is kept.
        path: {"$ifNull": [f"${path}", step]} if outcome["status"] == "received" else step,
    }
    if body_hash is not None:
        values["body_hash"] = {"$ifNull": ["$body_hash", body_hash]}
        fresh["body_hash"] = body_hash
    return VersionedUpsert(key(outcome["owner"], outcome["actor"], outcome["request_id"]), fresh, [{"$set": values}])


def record(outcome: Outcome) -> dict[str, Any]:
    """Return the fields of a request's record according to one step."""
    kept = {name: outcome[name] for name in _KEPT if outcome.get(name) not in (None, {})}
    kept.setdefault("received_at", outcome["at"])
    # Paths of fields contain dots, which MongoDB would read as paths of its own. So they are a list.
    kept["wrong"] = [[field, code] for field, code in (outcome.get("fields") or {}).items()]
    kept["structure"] = _structure(outcome)
    return kept


def _structure(outcome: Outcome) -> int | None:
    """Return the id of a request's structure, if it may be known: a stranger may have named it by its identifier."""
    named: int | None = ((outcome.get("reference") or {}).get("structure") or {}).get("id")
    kind, _, number = (outcome.get("document") or "").partition(":")
    return int(number) if named is None and kind == "structure" and number.isdecimal() else named


def _step(outcome: Outcome) -> dict[str, Any]:
    step = {
        name: outcome[name]
        for name in ("status", "code", "details", "at", "effective_at", "version")
        if name in outcome
    }
    return {**step, "order": order(outcome)}
