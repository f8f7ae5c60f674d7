"""What a reader may see and do with a structure (rules R1, R2, R23). Pure functions on documents of the read model."""

from collections.abc import Mapping
from typing import Any

from shared.domain.access_levels import Right
from shared.domain.actor import Actor

Document = Mapping[str, Any]

_DIRECTORY = (
    "id",
    "version",
    "identifier",
    "former_identifiers",
    "name",
    "label",
    "sphere",
    "status",
    "parameters",
    "duplicated_to",
)
_ADDRESS = ("postcode", "city", "country")
_BRIEF = ("id", "version", "identifier", "name", "label", "person", "sphere", "status")
_ADMINISTRATORS = frozenset({"correct-sphere"})
"""Requests that need the administrators' scope and no right on the structure."""
_SHOWN_TO_ADMINISTRATORS = frozenset({"sphere_by_insee"})
"""Fields that are no member's: administrators decide about them."""

ROLES: Mapping[Right, str] = {
    Right.STRANGER: "none",
    Right.CONSULTATION: "consultation",
    Right.MODIFICATION: "modification",
    Right.PRINCIPAL: "principal",
}


def right_of(document: Document, actor: Actor) -> Right:
    """Return the access level of an actor on a structure."""
    for entry in document.get("access", ()):
        if entry["user"] == actor.id:
            return Right(entry["right"])
    return Right.STRANGER


def may_consult(document: Document, actor: Actor) -> bool:
    """Tell whether an actor may see the full record, the team and the requests of a structure."""
    return actor.is_administrator or right_of(document, actor) >= Right.CONSULTATION


def may_know(document: Document, actor: Actor) -> bool:
    """Tell whether an actor may know that a structure exists: a public one always, a private one as `may_consult`.

    For everybody else, every response and its duration must be those of a structure that does not exist.
    """
    if not document["version"]:
        return False  # Only its team has come yet.
    return document["record"]["sphere"] != "private" or may_consult(document, actor)


def full(document: Document, actor: Actor) -> dict[str, Any]:
    """Return the record as it is shown to a reader who may know of it.

    Administrators see all, and members all but what administrators alone decide about; anybody sees the directory data
    of a public structure.
    """
    record = document["record"]
    if may_consult(document, actor):
        hidden = frozenset() if actor.is_administrator else _SHOWN_TO_ADMINISTRATORS
        shown = {name: value for name, value in record.items() if name not in hidden}
        team = document.get("team")
        if team is not None:
            shown["principal"] = team["principal"]
    else:
        shown = {name: record[name] for name in _DIRECTORY if name in record}
        shown["address"] = _part(record.get("address") or {}, _ADDRESS)
    return shown | allowed(document, actor)


def brief(document: Document, actor: Actor) -> dict[str, Any]:
    """Return a structure as lists show it; only for documents that this reader may find."""
    record = document["record"]
    shown = _part(record, _BRIEF) | {"address": _part(record.get("address") or {}, _ADDRESS)}
    return shown | allowed(document, actor)


def allowed(document: Document, actor: Actor) -> dict[str, Any]:
    """Return the reader's role, and what they may change and request: what the state and their access level allow."""
    record, access_level = document["record"], right_of(document, actor)
    changes = access_level >= Right.MODIFICATION
    return {
        "role": ROLES[access_level],
        "modifiable_fields": record.get("modifiable_fields", []) if changes else [],
        "possible_requests": [
            request
            for request in record.get("possible_requests", ())
            if (actor.is_administrator if request in _ADMINISTRATORS else changes)
        ],
    }


def findable(actor: Actor) -> Mapping[str, Any]:
    """Return the MongoDB condition of structures that an actor may find: public ones, and those they are members of."""
    if actor.is_administrator:
        return {}
    return {"$or": [{"public": True}, {"access.user": actor.id}]}


def attached(actor: Actor, possible: str | None) -> Mapping[str, Any]:
    """Return the MongoDB condition of an actor's own structures; with `possible`, those that allow that request."""
    if possible is None:
        return {"access.user": actor.id}
    if possible in _ADMINISTRATORS:
        return {"record.possible_requests": possible} if actor.is_administrator else {"_id": {"$in": []}}
    access_level = {"$elemMatch": {"user": actor.id, "right": {"$gte": Right.MODIFICATION.value}}}
    return {"access": access_level, "record.possible_requests": possible}


def _part(values: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: values[name] for name in names if name in values}
