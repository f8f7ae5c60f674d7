"""Projections of teams and users: pure functions from a published record to a versioned upsert.

A team is a part of its structure's document: `structure.py` says why.
"""

from collections.abc import Mapping
from typing import Any

from gateway.read_model.versioned_upsert import VersionedUpsert
from shared.domain.access_levels import right

Record = Mapping[str, Any]


def team(record: Record) -> VersionedUpsert:
    """Return the upsert of a team of `manager.state`, with the access level of each member."""
    version = record["version"]
    # User ids may contain dots, which names of fields can't. So members are a list.
    members = [{"user": user, **member} for user, member in record["members"].items()]
    levels = {user: right(record, user).value for user in (record["principal"], *record["members"])}
    outcome = {
        "team_version": version,
        "team": {"principal": record["principal"], "members": members},
        "access": [{"user": user, "right": access_level} for user, access_level in levels.items() if access_level],
    }
    return VersionedUpsert(
        record["structure_id"],
        {**outcome, "version": 0},
        {"$set": outcome},
        {"team_version": {"$lt": version}},
        version,
    )


def user(record: Record) -> VersionedUpsert:
    """Return the upsert of a user of `manager.state`."""
    version = record["version"]
    outcome = {"version": version, "record": record}
    return VersionedUpsert(record["id"], outcome, {"$set": outcome}, {"version": {"$lt": version}}, version)


PROJECTIONS = {"structure": ("structures", team), "user": ("users", user)}
"""The collection and the upsert of each kind of record."""
