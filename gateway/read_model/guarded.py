"""Writes that a newer value, or another process, may have overtaken."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from shared.mongo import DUPLICATE_KEY, BulkWriteError, UpdateOne


class Guarded(NamedTuple):
    """A write of one document, that may come late and several times.

    `fresh` is the document when there is none; else `update` changes the one there is, where `older` holds of it.
    Of several writes with a `version` for one document only the newest is made.
    """

    id: Any
    fresh: Mapping[str, Any]
    update: Any
    older: Mapping[str, Any] = {}
    version: int | None = None


async def write(collection: Any, writes: Sequence[Guarded]) -> None:
    """Make the writes, in any order. One that finds a newer value in its place changes nothing."""
    wanted = _newest(writes)
    if not wanted:
        return
    # MongoDB inserts for a tenth of what an upsert costs it, and most requests are new.
    found = await collection.find({"_id": {"$in": [w.id for w in wanted]}}, {"_id": 1}).to_list(None)
    there = {raw["_id"] for raw in found}
    fresh: dict[Any, Guarded] = {}
    changes: list[Guarded] = []
    for each in wanted:
        if each.id in there or each.id in fresh:
            changes.append(each)
        else:
            fresh[each.id] = each
    changes += await _insert(collection, list(fresh.values()))
    if changes:
        await collection.bulk_write([UpdateOne({"_id": w.id, **w.older}, w.update) for w in changes], ordered=False)


def _newest(writes: Sequence[Guarded]) -> list[Guarded]:
    newest: dict[Any, Guarded] = {}
    for each in writes:
        if each.version is not None and (each.id not in newest or each.version > (newest[each.id].version or 0)):
            newest[each.id] = each
    return [each for each in writes if each.version is None] + list(newest.values())


async def _insert(collection: Any, writes: Sequence[Guarded]) -> list[Guarded]:
    """Insert documents; return the writes of those that somebody else has just inserted."""
    if not writes:
        return []
    try:
        await collection.insert_many([{"_id": w.id, **w.fresh} for w in writes], ordered=False)
    except BulkWriteError as error:
        failed = error.details.get("writeErrors", ())
        if error.details.get("writeConcernErrors") or any(e["code"] != DUPLICATE_KEY for e in failed):
            raise
        return [writes[e["index"]] for e in failed]
    return []
