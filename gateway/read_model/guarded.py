"""Writes that a newer value, or another process, may have overtaken."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from shared.mongo import DUPLICATE_KEY, BulkWriteError, UpdateOne


class Guarded(NamedTuple):
    """An upsert whose filter says which older values it may replace."""

    filter: Mapping[str, Any]
    update: Any


async def write(collection: Any, writes: Sequence[Guarded]) -> None:
    """Carry out upserts, in any order. One that finds a newer value in its place changes nothing.

    A duplicate key says that the document exists: either it is newer, or somebody inserted it at this very moment.
    Asking again without inserting tells the two apart.
    """
    if not writes:
        return
    try:
        await collection.bulk_write([UpdateOne(w.filter, w.update, upsert=True) for w in writes], ordered=False)
    except BulkWriteError as error:
        failed = error.details.get("writeErrors", ())
        if error.details.get("writeConcernErrors") or any(e["code"] != DUPLICATE_KEY for e in failed):
            raise
        again = [writes[e["index"]] for e in failed]
        await collection.bulk_write([UpdateOne(w.filter, w.update) for w in again], ordered=False)
