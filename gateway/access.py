"""What a reader may see and do (rules R1, R2, R23). Pure: it takes records and a right."""

from collections.abc import Mapping
from typing import Any

from shared.auth import Actor
from shared.rights import Right, right

Record = Mapping[str, Any]

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
_NEEDS: Mapping[str, Right] = {
    "modify": Right.MODIFICATION,
    "activate": Right.MODIFICATION,
    "deactivate": Right.MODIFICATION,
    "cancel": Right.MODIFICATION,
}


def right_on(record: Record, team: Record | None, actor: Actor) -> Right:
    """Return the rung of an actor on a structure."""
    members = {m["user"]: m for m in team["members"]} if team else {}
    copy = {"principal": team["principal"], "members": members} if team else None
    return right(copy, actor.id, first_principal=record["principal"])


def shown(record: Record, rung: Right, actor: Actor) -> dict[str, Any] | None:
    """Return the record as this reader may see it, or None when it is not theirs to know.

    Members and administrators see all; anybody sees the directory data of a public structure.
    """
    if rung >= Right.CONSULTATION or actor.is_administrator:
        whole = dict(record)
        whole["possible_requests"] = possible(record, rung, actor)
        whole["modifiable_fields"] = record["modifiable_fields"] if rung >= Right.MODIFICATION else []
        return whole
    if record["sphere"] == "private":
        return None
    part = {name: record[name] for name in _DIRECTORY if name in record}
    address = record.get("address") or {}
    part["address"] = {name: address[name] for name in ("postcode", "city", "country") if name in address}
    part["possible_requests"], part["modifiable_fields"] = [], []
    return part


def possible(record: Record, rung: Right, actor: Actor) -> list[str]:
    """Return what the reader may ask: what the state allows, narrowed to their rights."""
    return [
        request
        for request in record["possible_requests"]
        if (actor.is_administrator if request == "correct-sphere" else rung >= _NEEDS.get(request, Right.PRINCIPAL))
    ]
