"""The collections of the read model: one a kind, and one set of them a generation.

A generation is a whole read model with consumer groups of its own. Gateways that start with a new generation build it
from the topics, while those with the old one go on serving. Then the old one is dropped: a rebuild without downtime.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.mongo.client import ASCENDING, DESCENDING, weakly

_UP, _DOWN = ASCENDING, DESCENDING
_BY_NAME = (("sort", _UP), ("_id", _UP))
_NEWEST_FIRST = (("record.received_at", _DOWN), ("_id", _UP))

COLLECTIONS: Mapping[str, Mapping[str, Sequence[tuple[str, int]]]] = {
    "structures": {
        "keys": [("keys", _UP)],
        "grams": [("grams", _UP)],
        "sort": _BY_NAME,
        "created": [("record.created_at", _UP), ("_id", _UP)],
        "public_sort": [("public", _UP), *_BY_NAME],
        "access_sort": [("access.user", _UP), *_BY_NAME],
        "status_sort": [("record.status", _UP), *_BY_NAME],
        "sphere_sort": [("record.sphere", _UP), *_BY_NAME],
        "type_sort": [("record.identifier.type", _UP), *_BY_NAME],
        "city": [("city", _UP)],
        "postcode": [("record.address.postcode", _UP)],
    },
    "users": {},
    "requests": {
        "actor_newest": [("record.actor", _UP), *_NEWEST_FIRST],
        "structure_newest": [("record.structure", _UP), *_NEWEST_FIRST],
        "structure_version": [("record.structure", _UP), ("record.owner", _UP), ("record.version", _DOWN)],
    },
}
"""The indexes of each collection, by name.

An index ends with the fields by which its list is sorted, the tie-breaker included: otherwise MongoDB reads all that
matches and sorts it in memory. An index that changes gets a new name.
"""


class ReadModel:
    """The collections of one generation."""

    def __init__(self, database: Any, generation: str) -> None:
        self.generation = generation
        self._collections = {name: database[f"{name}_{generation}"] for name in COLLECTIONS}
        self._weak = {name: weakly(collection) for name, collection in self._collections.items()}

    def collection(self, name: str) -> Any:
        """Return a collection whose writes a majority acknowledges, since offsets are committed after them."""
        return self._collections[name]

    def reader(self, name: str) -> Any:
        """Return a collection for reading, and for records that would come again from a topic if they were lost."""
        return self._weak[name]

    def group(self, topic: str) -> str:
        """Return the consumer group of this generation for a topic."""
        return f"gateway.{self.generation}.{topic}"

    async def prepare(self) -> None:
        """Create the indexes; does nothing when they are there."""
        for name, indexes in COLLECTIONS.items():
            for index, fields in indexes.items():
                await self._collections[name].create_index(list(fields), name=index)

    async def drop(self) -> None:
        """Drop this generation, once no gateway uses it any more."""
        for collection in self._collections.values():
            await collection.drop()
