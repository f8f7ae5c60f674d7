"""The seam to MongoDB: the only module that imports Motor.

Motor was asked for; its maker has replaced it by PyMongo's `AsyncMongoClient`. Moving there changes this file alone.
"""

from contextlib import AbstractContextManager
from typing import Any

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
"""What MongoDB says of a document that no second try will make better; all else may pass."""

__all__ = [
    "ASCENDING",
    "DESCENDING",
    "DUPLICATE_KEY",
    "NAMESPACE_EXISTS",
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
    "weakly",
]


def connect(settings: MongoSettings, *, retry_writes: bool = True, patience: int | None = None) -> Any:
    """Return this process's own database: writes are acknowledged by a majority and journaled.

    The driver tries a write again by itself unless the caller does: for that MongoDB keeps a record of every single
    write of a bulk, which costs a fifth of it. With `patience` (ms) every operation ends by then, whatever it needs:
    a PyMongoError says that it was in vain.
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
    """Return why what was to be written can never be stored, without any of its values; None when that may pass.

    MongoDB tells of one document of a bulk by its place, or fails the whole bulk for it (a document too large to be
    sent, or nested too deep); the driver fails the whole bulk too for what BSON can't hold.
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


def patiently() -> AbstractContextManager[None, bool | None]:
    """Let the operations inside take as long as they need, such as those that build an index."""
    return pymongo.timeout(None)


def weakly(collection: Any) -> Any:
    """Return the same collection for writes whose loss only makes work be done again, such as clearing a mark."""
    return collection.with_options(write_concern=WriteConcern(w=1), read_concern=ReadConcern("local"))
