"""Where the read model is kept: one collection a kind, one set of collections a generation.

A generation is a whole read model with consumer groups of its own. Gateways that start with a new one build it from
the topics while those of the old one go on serving; the old one is then dropped. That is a rebuild without a pause.
"""

from typing import Any

from shared.mongo import ASCENDING, DESCENDING, weakly


class ReadModel:
    """The collections of one generation.

    `structures`, `users` and `requests` are written through a majority, since offsets are committed after. The
    `read_` ones are for reading, and for rows whose loss a topic makes good.
    """

    def __init__(self, database: Any, generation: str) -> None:
        self.generation = generation
        self.structures = database[f"structures_{generation}"]
        self.users = database[f"users_{generation}"]
        self.requests = database[f"requests_{generation}"]
        self.read_structures = weakly(self.structures)
        self.read_users = weakly(self.users)
        self.read_requests = weakly(self.requests)

    def group(self, topic: str) -> str:
        """Return the consumer group that feeds this generation from a topic."""
        return f"gateway.{self.generation}.{topic}"

    async def prepare(self) -> None:
        """Create the indexes; does nothing when they are there."""
        up, down = ASCENDING, DESCENDING
        for name, collection, fields in (
            ("keys", self.structures, [("keys", up)]),
            ("grams", self.structures, [("grams", up)]),
            ("sort", self.structures, [("sort", up), ("_id", up)]),
            ("created", self.structures, [("record.created_at", up), ("_id", up)]),
            ("access", self.structures, [("access.user", up), ("sort", up)]),
            ("city", self.structures, [("city", up)]),
            ("postcode", self.structures, [("record.address.postcode", up)]),
            ("actor", self.requests, [("row.actor", up), ("row.received_at", down)]),
            ("structure", self.requests, [("row.structure", up), ("row.received_at", down)]),
        ):
            await collection.create_index(fields, name=name)

    async def drop(self) -> None:
        """Remove this generation, once no gateway uses it any more."""
        for collection in (self.structures, self.users, self.requests):
            await collection.drop()
