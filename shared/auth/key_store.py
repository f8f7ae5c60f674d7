"""Keeps the issuer's public keys in MongoDB, those it has withdrawn included, so that old messages can be checked."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.auth.issuer_keys import IssuerKey
from shared.errors import Transient
from shared.mongo.client import PyMongoError, UpdateOne


class MongoKeyStore:
    """The collection `issuer_keys`: a key that the issuer no longer publishes is forgotten after `kept` ms.

    Only the keys of this issuer are seen: those of a former one verify nothing any more.
    """

    def __init__(self, database: Any, issuer: str, kept: int) -> None:
        self._keys = database["issuer_keys"]
        self._issuer = issuer
        self._kept = timedelta(milliseconds=kept)

    async def prepare(self) -> None:
        """Create the index by which MongoDB removes expired keys."""
        await self._keys.create_index([("expires_at", 1)], expireAfterSeconds=0, name="expires")

    async def load(self) -> list[IssuerKey]:
        """Return the keys kept."""
        try:
            kept = await self._keys.find({"issuer": self._issuer}).to_list(None)
        except PyMongoError as error:
            raise Transient(f"the keys kept can't be read: {type(error).__name__}") from error
        return [IssuerKey(raw["thumbprint"], raw["jwk"], raw.get("withdrawn_at")) for raw in kept]

    async def save(self, keys: Iterable[IssuerKey]) -> None:
        """Keep the keys. The first process that sees a withdrawal dates it; a key published again is as before."""
        until = datetime.now(UTC) + self._kept
        updates = [self._update(key, until) for key in keys]
        try:
            await self._keys.bulk_write(updates, ordered=False)
        except PyMongoError as error:
            raise Transient(f"the keys can't be kept: {type(error).__name__}") from error

    def _update(self, key: IssuerKey, until: datetime) -> UpdateOne:
        known = {"issuer": self._issuer, "thumbprint": key.thumbprint, "jwk": dict(key.jwk)}
        if key.withdrawn_at is None:
            change = {"$set": {**known, "expires_at": until}, "$unset": {"withdrawn_at": ""}}
        else:
            # It expires by the date that was set when it was last published.
            change = {"$setOnInsert": {**known, "expires_at": until}, "$min": {"withdrawn_at": key.withdrawn_at}}
        return UpdateOne({"_id": f"{self._issuer} {key.thumbprint}"}, change, upsert=True)
