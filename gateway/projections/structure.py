"""Projection of a structure: a pure function from its published record to a versioned upsert.

A structure and its team are one document, so that a structure and the reader's access level are read at once. Each of
the two parts has a version of its own and may come first; the team's part is in `manager.py`.
"""

from collections.abc import Mapping
from typing import Any

from gateway.read_model.search_words import grams, indexed, plain
from gateway.read_model.versioned_upsert import VersionedUpsert
from shared.domain.access_levels import Right
from shared.domain.identifiers import compact

Record = Mapping[str, Any]


def structure(record: Record) -> VersionedUpsert:
    """Return the upsert of a structure of `structure.state`. Until its team comes, its first principal is principal."""
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
    """Return the keys of an identifier: as it is stored and, if that is an old form, in the form used by searches."""
    return f"{kind}:{value}", f"{kind}:{compact(kind, value)}"


PROJECTIONS = {"structure": ("structures", structure)}
"""The collection and the upsert of each kind of record."""
