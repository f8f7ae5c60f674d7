"""Views for operators: ids, types and dates of an owner's pending changes and waiting requests.

They are MongoDB views, created by the owner in its own database. An operator's user may read these and no collection,
so that it can't read any value of a document, not even by mistake.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.mongo.client import NAMESPACE_EXISTS, OperationFailure

PENDING, WAITING = "pending", "waiting"


def name(owner: str, what: str) -> str:
    """Return the name of a view of an owner, such as `structure_pending`."""
    return f"{owner}_{what}"


def names(owner: str) -> tuple[str, ...]:
    """Return the names of an owner's views, which an operator's user may read."""
    return tuple(name(owner, what) for what in (PENDING, WAITING))


_TRANSITION = ("type", "request_id", "actor", "code", "document", "received_at", "accepted_at", "effective_at")
# Fields are only left out, never renamed or computed: so MongoDB can still use the owner's indexes.
_SHOWN: Mapping[str, Sequence[str]] = {
    PENDING: ("pending.due_at", "pending.next_trigger_at", *(f"pending.transition.{field}" for field in _TRANSITION)),
    WAITING: ("status", "waits_for", "deadline", *(f"transition.{field}" for field in _TRANSITION)),
}
_SOURCES = {PENDING: "documents", WAITING: "requests"}


async def prepare(database: Any, owner: str) -> None:
    """Create or replace the views of an owner, unless they are up to date. Replicas may do it at the same time."""
    listed = await database.command({"listCollections": 1, "filter": {"type": "view"}})
    there = {view["name"]: view["options"] for view in listed["cursor"]["firstBatch"]}
    for what, shown in _SHOWN.items():
        only: list[Mapping[str, Any]] = [{"$match": {"status": "waiting"}}] if what == WAITING else []
        view = {"viewOn": f"{owner}_{_SOURCES[what]}", "pipeline": [*only, {"$project": dict.fromkeys(shown, 1)}]}
        known = there.get(name(owner, what))
        if known == view:
            continue
        if known is not None:  # An owner's user may drop and create a view, but not modify one.
            await database[name(owner, what)].drop()
        try:
            await database.command({"create": name(owner, what), **view})
        except OperationFailure as error:
            if error.code != NAMESPACE_EXISTS:
                raise
