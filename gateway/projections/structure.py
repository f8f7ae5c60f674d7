"""What is kept of each record: pure functions from a record as published to a guarded write.

A structure and its team are one document, so that reading a structure and the reader's right is one look-up. Each of
the two halves has a version of its own and may come first.
"""

from collections.abc import Mapping
from typing import Any

from gateway.read_model.search_words import grams, indexed, plain
from gateway.read_model.versioned_upsert import VersionedUpsert
from shared.domain.access_levels import Right, right
from shared.domain.identifiers import compact

Record = Mapping[str, Any]


def structure(record: Record) -> VersionedUpsert:
    """Keep a structure as told on `structure.state`. Until its team is told, its first principal has every right."""
    version = record["version"]
    first = [{"user": record["principal"], "right": Right.PRINCIPAL.value}]
    outcome = {"version": version, "record": record, **_found_by(record)}
    return VersionedUpsert(
        record["id"],
        {**outcome, "team_version": 0, "access": first},
        {"$set": outcome},
        {"version": {"$lt": version}},
        version,
    )


def _found_by(record: Record) -> dict[str, Any]:
    identifiers = [record["identifier"], *record.get("former_identifiers", ())]
    address, person = record.get("address") or {}, record.get("person") or {}
    name = record.get("name") or " ".join(n for n in (person.get("last_name"), person.get("first_name")) if n)
    words = (
        name,
        record.get("label"),
        address.get("city"),
        address.get("postcode"),
        *(i["value"] for i in identifiers),
    )
    text = " ".join(dict.fromkeys(indexed(word) for word in words if word))
    return {
        "keys": list(dict.fromkeys(key for i in identifiers for key in _keys(i["type"], i["value"]))),
        "text": text,
        "grams": grams(text),
        "sort": plain(name or ""),
        "city": plain(address.get("city") or ""),
        "public": record["sphere"] != "private",
    }


def _keys(kind: str, value: str) -> tuple[str, str]:
    """Return the keys of an identifier: as it is stored, and in the form that is looked up, should it be an old one."""
    return f"{kind}:{value}", f"{kind}:{compact(kind, value)}"


def team(record: Record) -> VersionedUpsert:
    """Keep a team as told on `manager.state`, with what each of its people may do."""
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
    """Keep a user as told on `manager.state`."""
    version = record["version"]
    outcome = {"version": version, "record": record}
    return VersionedUpsert(record["id"], outcome, {"$set": outcome}, {"version": {"$lt": version}}, version)
