"""Queries about users."""

from collections.abc import Iterable, Mapping
from typing import Any

from gateway.queries.min_version import Arrivals
from gateway.read_model.schema import ReadModel

Record = Mapping[str, Any]


class Users:
    """Reads users. `patience` (ms) is how long a version that is not there yet is waited for."""

    def __init__(self, model: ReadModel, patience: int) -> None:
        self._users = model.reader("users")
        self._arrivals = Arrivals(self._users, patience)

    async def one(self, user: str, min_version: int = 0) -> Record | None:
        """Return a user's record, or None. Raises Rejected(`not_yet`) when `min_version` can't be read in time."""
        which = {"_id": user}
        found = await self._arrivals.at_least(min_version, which, lambda: self._users.find_one(which))
        return found["record"] if found else None

    async def several(self, users: Iterable[str]) -> dict[str, Record]:
        """Return the records of those of these users that are known."""
        found = await self._users.find({"_id": {"$in": list(users)}}, {"record": 1}).to_list(None)
        return {raw["_id"]: raw["record"] for raw in found}
