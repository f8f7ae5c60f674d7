"""The only module that imports the MongoDB driver, Motor.

Motor is a requirement, although MongoDB has replaced it by PyMongo's `AsyncMongoClient`. Moving there would change this
file alone.
"""

import os
from contextlib import AbstractContextManager
from typing import Any

# Motor has five threads a processor, and a write that meets an open transaction keeps one until that has ended: with
# few threads such writes would keep the transaction itself from going on.
os.environ.setdefault("MOTOR_MAX_WORKERS", "64")

import pymongo
from bson.errors import BSONError
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection, AsyncIOMotorDatabase
from pymongo import ASCENDING, DESCENDING, InsertOne, ReturnDocument, UpdateMany, UpdateOne, WriteConcern
from pymongo.errors import BulkWriteError, DuplicateKeyError, OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern

from shared.runtime.settings import MongoSettings

Client = AsyncIOMotorClient
Collection = AsyncIOMotorCollection
Database = AsyncIOMotorDatabase

DUPLICATE_KEY = 11000
WRITE_CONFLICT = 112
SNAPSHOT = ReadConcern("snapshot")
JOURNALED = WriteConcern("majority", j=True)
NAMESPACE_EXISTS = 48

_OF_THE_DOCUMENT = {
    2: "BadValue",
    9: "FailedToParse",
    14: "TypeMismatch",
    15: "Overflow: nested too deep",
    22: "InvalidBSON",
    28: "PathNotViable",
    40: "ConflictingUpdateOperators",
    52: "DollarPrefixedFieldName",
    53: "InvalidIdField",
    55: "InvalidDBRef",
    56: "EmptyFieldName",
    57: "DottedFieldName",
    171: "CannotIndexParallelArrays",
    10334: "BSONObjectTooLarge",
    17280: "KeyTooLong",
    17419: "the document would be larger than MongoDB keeps",
    17420: "the document would be larger than MongoDB keeps",
}
"""MongoDB's errors about a document that fails at every try; any other error may pass."""

__all__ = [
    "ASCENDING",
    "DESCENDING",
    "DUPLICATE_KEY",
    "JOURNALED",
    "NAMESPACE_EXISTS",
    "SNAPSHOT",
    "BSONError",
    "BulkWriteError",
    "Client",
    "Collection",
    "Database",
    "DuplicateKeyError",
    "InsertOne",
    "OperationFailure",
    "PyMongoError",
    "ReturnDocument",
    "UpdateMany",
    "UpdateOne",
    "connect",
    "never_stored",
    "patiently",
    "was_overtaken",
    "weakly",
]


def connect(settings: MongoSettings, *, retry_writes: bool = True, patience: int | None = None) -> Any:
    """Return this process's own database: writes are acknowledged by a majority and journaled.

    The driver retries writes by itself, unless `retry_writes` is false because the caller does: for retries MongoDB
    keeps a record of every single write of a bulk, which costs a fifth of its time. With `patience` (ms) every
    operation ends within that time, with a PyMongoError if it did not succeed.
    """
    client: Any = AsyncIOMotorClient(
        settings.uri.get_secret_value(),
        w="majority",
        journal=True,
        retryWrites=retry_writes,
        retryReads=True,
        readConcernLevel="majority",
        serverSelectionTimeoutMS=5_000,
        connectTimeoutMS=3_000,
        socketTimeoutMS=20_000,
        appname=settings.database,
        timeoutMS=patience,
    )
    return client[settings.database]


def never_stored(error: BaseException) -> str | None:
    """Return why a document can never be stored, without any of its values; None when the error may pass.

    MongoDB names a document of a bulk by its index, or fails the whole bulk for it (a document too large to be sent, or
    nested too deep). The driver fails the whole bulk too for values that BSON can't represent.
    """
    if isinstance(error, BulkWriteError):
        details = error.details or {}
        codes = {failure["code"] for failure in details.get("writeErrors", ())} - {DUPLICATE_KEY}
        may_pass = not codes or details.get("writeConcernErrors") or not codes <= _OF_THE_DOCUMENT.keys()
        return None if may_pass else ", ".join(_OF_THE_DOCUMENT[code] for code in sorted(codes))
    if isinstance(error, OperationFailure):
        return _OF_THE_DOCUMENT.get(error.code or 0)
    if isinstance(error, BSONError | OverflowError | UnicodeError | RecursionError):
        return f"{type(error).__name__}: BSON can't hold it"
    return None


def was_overtaken(error: OperationFailure) -> bool:
    """Return whether a transaction failed since another writer was first, or has a key that it wants."""
    if error.has_error_label("TransientTransactionError"):
        return True
    details = error.details or {}
    codes = {failure.get("code") for failure in details.get("writeErrors", ())} | {error.code}
    return bool(codes & {DUPLICATE_KEY, WRITE_CONFLICT})


def patiently() -> AbstractContextManager[None, bool | None]:
    """Lift the time limit from the operations inside, such as those that build an index."""
    return pymongo.timeout(None)


def weakly(collection: Any) -> Any:
    """Return the collection for writes whose loss only repeats work, such as clearing a mark: one node confirms."""
    return collection.with_options(write_concern=WriteConcern(w=1), read_concern=ReadConcern("local"))
