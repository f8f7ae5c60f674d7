"""Guarded writes in bulk: which were not made, and why.

MongoDB answers a bulk as a whole. For each write that was not made, the error says whether another write was first
(then it can be decided again) or whether it can never be made (then only its own document is harmed). Any other error
means that the database does not work, and the whole bulk is tried again.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.errors import Transient
from shared.mongo.client import DUPLICATE_KEY, BSONError, BulkWriteError, OperationFailure

NEVER = frozenset(
    {
        2,  # BadValue
        9,  # FailedToParse
        14,  # TypeMismatch
        28,  # PathNotViable
        40,  # ConflictingUpdateOperators
        52,  # DollarPrefixedFieldName
        56,  # EmptyFieldName
        57,  # DottedFieldName
        10334,  # BSONObjectTooLarge
        17280,  # KeyTooLong
        17419,  # the document would be larger than MongoDB keeps
        17420,  # the same, of a replacement
    }
)
"""MongoDB's error codes of writes that fail at every try."""


async def write(collection: Any, operations: Sequence[Any]) -> Mapping[int, frozenset[str] | None]:
    """Run an unordered bulk; return the indexes of the writes not made.

    Each has the unique keys that conflicted (none when it was the document's version), or None when it can never be
    made. Raises Transient when the database did not execute the bulk.
    """
    if not operations:
        return {}
    try:
        await collection.bulk_write(operations, ordered=False)
    except BulkWriteError as error:
        return _failures(error)
    except (BSONError, OverflowError):  # One of them can't even be sent; others may have been.
        return await _one_by_one(collection, operations)
    except OperationFailure as error:
        if error.code not in NEVER:
            raise
        return await _one_by_one(collection, operations)  # One of them fails the whole command, before any is made.
    return {}


async def _one_by_one(collection: Any, operations: Sequence[Any]) -> Mapping[int, frozenset[str] | None]:
    """Find the write that fails a whole bulk: it is the one that fails alone, too."""
    if len(operations) == 1:
        return {0: None}
    return {
        place: why
        for place, operation in enumerate(operations)
        for why in (await write(collection, [operation])).values()
    }


def _failures(error: BulkWriteError) -> Mapping[int, frozenset[str] | None]:
    failures = error.details.get("writeErrors", [])
    if error.details.get("writeConcernErrors") or any(f["code"] not in {DUPLICATE_KEY, *NEVER} for f in failures):
        raise Transient("the database did not take the write") from error
    return {f["index"]: _in_the_way(f) if f["code"] == DUPLICATE_KEY else None for f in failures}


def _in_the_way(failure: Mapping[str, Any]) -> frozenset[str]:
    """Return the unique keys that another document of the collection has."""
    value = failure.get("keyValue", {}).get("keys")
    return frozenset({value}) if isinstance(value, str) else frozenset()
