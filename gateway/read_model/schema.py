"""Where the read model is kept: one collection a kind, one set of collections a generation.

A generation is a whole read model with consumer groups of its own. Gateways that start with a new one build it from
the topics while those of the old one go on serving; the old one is then dropped. That is a rebuild without a pause.
"""

from typing import Any

from shared.mongo.client import ASCENDING, DESCENDING, weakly


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
        """Create the indexes; does nothing when they are there.

        A list is read in its order, so an index ends with what the list is sorted by, the tie-breaker included: else
        MongoDB reads all that matches and sorts it in memory. A change of an index is a new name for it.
        """
        up, down = ASCENDING, DESCENDING
        by_name = [("sort", up), ("_id", up)]
        newest_first = [("record.received_at", down), ("_id", up)]
        for name, collection, fields in (
            ("keys", self.structures, [("keys", up)]),
            ("grams", self.structures, [("grams", up)]),
            ("sort", self.structures, by_name),
            ("created", self.structures, [("record.created_at", up), ("_id", up)]),
            ("public_sort", self.structures, [("public", up), *by_name]),
            ("access_sort", self.structures, [("access.user", up), *by_name]),
            ("status_sort", self.structures, [("record.status", up), *by_name]),
            ("sphere_sort", self.structures, [("record.sphere", up), *by_name]),
            ("type_sort", self.structures, [("record.identifier.type", up), *by_name]),
            ("city", self.structures, [("city", up)]),
            ("postcode", self.structures, [("record.address.postcode", up)]),
            ("actor_newest", self.requests, [("record.actor", up), *newest_first]),
            ("structure_newest", self.requests, [("record.structure", up), *newest_first]),
            (
                "structure_version",
                self.requests,
                [("record.structure", up), ("record.owner", up), ("record.version", down)],
            ),
        ):
            await collection.create_index(fields, name=name)

    async def drop(self) -> None:
        """Remove this generation, once no gateway uses it any more."""
        for collection in (self.structures, self.users, self.requests):
            await collection.drop()
