"""Requests as the read model keeps them: one row each, from the journal and from what this replica was told. Pure.

Steps come in any order and several times: from the journal, from an outcome this replica waited for, from the gateway
itself (`received`). The row is the highest of them, and every step it went through is kept beside.
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
    "correlation_id",
    "version",
    "before",
    "after",
)

NOT_OF_THE_JOURNAL: Mapping[str, Any] = {"order": {"$mod": [2, 0]}}
"""The MongoDB condition of a row that an outcome made: the journal's entry of the same step has still to come."""


def order(outcome: Outcome) -> int:
    """Return where a step stands in the life of its request: by the document's version, then by status."""
    return int(outcome["version"]) * _RANKS + _RANK[outcome["status"]]


def received(request: Request, actor: str, request_id: str, now: int, correlation: str) -> dict[str, Any]:
    """Return the first step, which only the gateway tells: the request is on its way to its owner (`now` in ms)."""
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
    """Tell whether a request had come before the message of which `told` was received, by whichever door.

    What a row says was said of the message that came first, and a message has a correlation id of its own.
    """
    return bool(known.get("correlation_id") != outcome["correlation_id"])


def key(owner: str, actor: str, request_id: str) -> str:
    """Return the id of a row. Two owners may have been sent the same id, which none of them can know."""
    return f"{request_key(actor, request_id)}|{owner}"


def write(outcome: Outcome, *, journal: bool, body_hash: str | None = None) -> VersionedUpsert:
    """Return the write of a step. The journal's own wins over an outcome of the same step: it tells what changed.

    `body_hash` is kept from the first who gives it, and tells a repeat from an id used for another request.
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
        # Sent again, a request was still received when it came first.
        path: {"$ifNull": [f"${path}", step]} if outcome["status"] == "received" else step,
    }
    if body_hash is not None:
        values["body_hash"] = {"$ifNull": ["$body_hash", body_hash]}
        fresh["body_hash"] = body_hash
    return VersionedUpsert(key(outcome["owner"], outcome["actor"], outcome["request_id"]), fresh, [{"$set": values}])


def record(outcome: Outcome) -> dict[str, Any]:
    """Return a request as its step tells it."""
    kept = {name: outcome[name] for name in _KEPT if outcome.get(name) not in (None, {})}
    kept.setdefault("received_at", outcome["at"])
    # Names of fields are paths with dots, which MongoDB takes for paths of its own: they are a list here.
    kept["wrong"] = [[field, code] for field, code in (outcome.get("fields") or {}).items()]
    kept["structure"] = _structure(outcome)
    return kept


def _structure(outcome: Outcome) -> int | None:
    """Return the id of the structure a request is about; who was refused as a stranger may have named it otherwise."""
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
