"""The questions asked about users."""

from collections.abc import Iterable, Mapping
from typing import Any

from gateway.queries.min_version import Arrivals
from gateway.read_model.schema import ReadModel

Record = Mapping[str, Any]


class Users:
    """Reads users. `patience` (ms) is how long a version that is not there yet is waited for."""

    def __init__(self, model: ReadModel, patience: int) -> None:
        self._users = model.read_users
        self._arrivals = Arrivals(self._users, patience)

    async def one(self, user: str, min_version: int = 0) -> Record | None:
        """Return a user's record, or None. Raises Rejected(`not_yet`) when `min_version` can't be read in time."""
        which = {"_id": user}
        found = await self._arrivals.at_least(min_version, which, lambda: self._users.find_one(which))
        return found["record"] if found else None

    async def several(self, users: Iterable[str]) -> dict[str, Record]:
        """Return the records of the known ones of these users."""
        found = await self._users.find({"_id": {"$in": list(users)}}, {"record": 1}).to_list(None)
        return {raw["_id"]: raw["record"] for raw in found}


def team_shown(document: Mapping[str, Any], users: Mapping[str, Record]) -> dict[str, Any]:
    """Return a team as the API shows it: its principal and its valid members, by name; the ended ones are history."""
    team = document["team"]
    return {
        "structure_id": document["_id"],
        "version": document["team_version"],
        "principal": {"user": team["principal"], **_names(users.get(team["principal"]))},
        "members": [
            {**member, **_names(users.get(member["user"]))} for member in team["members"] if member["state"] == "valid"
        ],
    }


def _names(record: Record | None) -> dict[str, Any]:
    return {name: record[name] for name in ("kind", "first_name", "last_name") if name in record} if record else {}
