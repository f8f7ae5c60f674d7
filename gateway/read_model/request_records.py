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

Told = Mapping[str, Any]

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


def order(told: Told) -> int:
    """Return where a step stands in the life of its request: by the document's version, then by status."""
    return int(told["version"]) * _RANKS + _RANK[told["status"]]


def received(
    owner: str, request: Request, actor: str, request_id: str, reference: Told, now: int, correlation: str
) -> dict[str, Any]:
    """Return the first step, which only the gateway tells: the request is on its way to its owner (`now` in ms)."""
    at = iso(now)
    return {
        "owner": owner,
        "request_id": request_id,
        "actor": actor,
        "type": request.type,
        "status": "received",
        "code": "received",
        "reference": reference,
        "version": 0,
        "at": at,
        "received_at": at,
        "correlation_id": correlation,
    }


def is_repeat(known: Told, told: Told) -> bool:
    """Tell whether a request had come before the message of which `told` was received, by whichever door.

    What a row says was said of the message that came first, and a message has a correlation id of its own.
    """
    return bool(known.get("correlation_id") != told["correlation_id"])


def key(owner: str, actor: str, request_id: str) -> str:
    """Return the id of a row. Two owners may have been sent the same id, which none of them can know."""
    return f"{request_key(actor, request_id)}|{owner}"


def write(told: Told, *, journal: bool, body_hash: str | None = None) -> VersionedUpsert:
    """Return the write of a step. The journal's own wins over an outcome of the same step: it tells what changed.

    `body_hash` is kept from the first who gives it, and tells a repeat from an id used for another request.
    """
    place = order(told) * 2 + journal
    wins = {"$lt": [{"$ifNull": ["$order", -1]}, place]}
    shown, is_now = _step(told), row(told)
    fresh = {"order": place, "row": is_now, "steps": {told["status"]: shown}}
    step: dict[str, Any] = {"$literal": shown}
    path = f"steps.{told['status']}"
    values: dict[str, Any] = {
        "order": {"$max": ["$order", place]},
        "row": {"$cond": [wins, {"$literal": is_now}, "$row"]},
        # Sent again, a request was still received when it came first.
        path: {"$ifNull": [f"${path}", step]} if told["status"] == "received" else step,
    }
    if body_hash is not None:
        values["body_hash"] = {"$ifNull": ["$body_hash", body_hash]}
        fresh["body_hash"] = body_hash
    return VersionedUpsert(key(told["owner"], told["actor"], told["request_id"]), fresh, [{"$set": values}])


def row(told: Told) -> dict[str, Any]:
    """Return a request as its step tells it."""
    kept = {name: told[name] for name in _KEPT if told.get(name) not in (None, {})}
    kept.setdefault("received_at", told["at"])
    # Names of fields are paths with dots, which MongoDB takes for paths of its own: they are a list here.
    kept["wrong"] = [[field, code] for field, code in (told.get("fields") or {}).items()]
    kept["structure"] = _structure(told)
    return kept


def _structure(told: Told) -> int | None:
    """Return the id of the structure a request is about; who was refused as a stranger may have named it otherwise."""
    named: int | None = ((told.get("reference") or {}).get("structure") or {}).get("id")
    kind, _, number = (told.get("document") or "").partition(":")
    return int(number) if named is None and kind == "structure" and number.isdecimal() else named


def _step(told: Told) -> dict[str, Any]:
    step = {name: told[name] for name in ("status", "code", "details", "at", "effective_at", "version") if name in told}
    return {**step, "order": order(told)}
