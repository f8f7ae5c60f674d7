"""What is kept of teams and users: pure functions from a record as published to a versioned upsert.

A team is a half of its structure's document: `structure.py` says why.
"""

from collections.abc import Mapping
from typing import Any

from gateway.read_model.versioned_upsert import VersionedUpsert
from shared.domain.access_levels import right

Record = Mapping[str, Any]


def team(record: Record) -> VersionedUpsert:
    """Keep a team as `manager.state` has it, with what each of its people may do."""
    version = record["version"]
    # User ids may hold dots, which names of fields can't: members are a list.
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
    """Keep a user as `manager.state` has it."""
    version = record["version"]
    outcome = {"version": version, "record": record}
    return VersionedUpsert(record["id"], outcome, {"$set": outcome}, {"version": {"$lt": version}}, version)


PROJECTIONS = {"structure": ("structures", team), "user": ("users", user)}
"""By kind of record: the collection it goes to, and its upsert."""
