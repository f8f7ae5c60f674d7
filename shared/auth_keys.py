"""Keeps the issuer's public keys in MongoDB, those it has withdrawn included, so that old messages can be checked."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.mongo import UpdateOne


class MongoKeyStore:
    """The collection `issuer_keys`: a key that the issuer no longer publishes is forgotten after `kept` ms."""

    def __init__(self, database: Any, kept: int) -> None:
        self._keys = database["issuer_keys"]
        self._kept = timedelta(milliseconds=kept)

    async def prepare(self) -> None:
        """Create the index that forgets."""
        await self._keys.create_index([("expires_at", 1)], expireAfterSeconds=0, name="expires")

    async def load(self) -> list[Mapping[str, Any]]:
        """Return the keys kept, as JWKs."""
        return [raw["jwk"] for raw in await self._keys.find().to_list(None)]

    async def save(self, keys: list[Mapping[str, Any]]) -> None:
        """Keep the keys the issuer publishes now."""
        until = datetime.now(UTC) + self._kept
        if keys:
            await self._keys.bulk_write(
                [UpdateOne({"_id": k["kid"]}, {"$set": {"jwk": k, "expires_at": until}}, upsert=True) for k in keys]
            )
