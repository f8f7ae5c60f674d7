"""Versioned upserts: writes that may come late and several times. One that can't be made harms no other."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from shared.mongo.client import DUPLICATE_KEY, BulkWriteError, UpdateOne, never_stored


class VersionedUpsert(NamedTuple):
    """A write of one document that may come late and several times.

    `fresh` is the document to insert when there is none. Otherwise `update` is applied to the stored one, if `older`
    matches it. Of several writes with a `version` for one document only the newest is made.
    """

    id: Any
    fresh: Mapping[str, Any]
    update: Any
    older: Mapping[str, Any] = {}
    version: int | None = None


async def write(collection: Any, writes: Sequence[VersionedUpsert]) -> dict[int, str]:
    """Make the writes, in any order. One that finds a newer version changes nothing.

    Returns the indexes of those that can never be made, each with the reason; an older version of the same document is
    then written instead. Raises what the database raises when the whole may be tried again.
    """
    refused: dict[int, str] = {}
    left: Iterable[int] = range(len(writes))
    while places := _newest(writes, left):
        failed = await _each_apart(collection, writes, places)
        refused |= failed
        harmed = {writes[place].id for place in failed}
        left = [place for place in left if writes[place].id in harmed and place not in refused]
    return refused


async def _each_apart(collection: Any, writes: Sequence[VersionedUpsert], places: Sequence[int]) -> dict[int, str]:
    """Make the writes at these indexes. A bulk fails as a whole: by halves, find those that can never be made."""
    try:
        await _make(collection, [writes[place] for place in places])
    except Exception as error:
        why = never_stored(error)
        if why is None:
            raise
        if len(places) == 1:
            return {places[0]: why}
    else:
        return {}
    half = len(places) // 2
    first = await _each_apart(collection, writes, places[:half])
    return first | await _each_apart(collection, writes, places[half:])


async def _make(collection: Any, wanted: Sequence[VersionedUpsert]) -> None:
    # In MongoDB an insert costs a tenth of an upsert, and most requests are new.
    found = await collection.find({"_id": {"$in": [w.id for w in wanted]}}, {"_id": 1}).to_list(None)
    there = {raw["_id"] for raw in found}
    fresh: dict[Any, VersionedUpsert] = {}
    changes: list[VersionedUpsert] = []
    for each in wanted:
        if each.id in there or each.id in fresh:
            changes.append(each)
        else:
            fresh[each.id] = each
    changes += await _insert(collection, list(fresh.values()))
    if changes:
        await collection.bulk_write([UpdateOne({"_id": w.id, **w.older}, w.update) for w in changes], ordered=False)


def _newest(writes: Sequence[VersionedUpsert], places: Iterable[int]) -> list[int]:
    """Return those of these indexes whose writes are to be made."""
    newest: dict[Any, int] = {}
    unversioned = []
    for place in places:
        each = writes[place]
        if each.version is None:
            unversioned.append(place)
        elif each.id not in newest or each.version > (writes[newest[each.id]].version or 0):
            newest[each.id] = place
    return unversioned + list(newest.values())


async def _insert(collection: Any, writes: Sequence[VersionedUpsert]) -> list[VersionedUpsert]:
    """Insert documents; return the writes of those that another process has just inserted."""
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
