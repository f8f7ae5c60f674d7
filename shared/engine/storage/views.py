"""What an operator may see of an owner's requests: ids, types and dates of what is pending and of what waits.

They are views of MongoDB, made by the owner in its own database. An operator's user is given these and no collection,
so that no value of a document can be read with it, not even by mistake.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.mongo.client import NAMESPACE_EXISTS, OperationFailure

PENDING, WAITING = "pending", "waiting"


def name(owner: str, what: str) -> str:
    """Return the name of a view of an owner, such as `structure_pending`."""
    return f"{owner}_{what}"


def names(owner: str) -> tuple[str, ...]:
    """Return the names of an owner's views: what an operator's user may read."""
    return tuple(name(owner, what) for what in (PENDING, WAITING))


_TRANSITION = ("type", "request_id", "actor", "code", "document", "received_at", "accepted_at", "effective_at")
# Fields are only left out, never renamed or computed: MongoDB can then still use the owner's indexes.
_SHOWN: Mapping[str, Sequence[str]] = {
    PENDING: ("pending.due_at", "pending.next_trigger_at", *(f"pending.transition.{field}" for field in _TRANSITION)),
    WAITING: ("status", "waits_for", "deadline", *(f"transition.{field}" for field in _TRANSITION)),
}
_SOURCES = {PENDING: "documents", WAITING: "requests"}


async def prepare(database: Any, owner: str) -> None:
    """Make the views of an owner as they are defined here; nothing when they are so. Replicas may do it at once."""
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
