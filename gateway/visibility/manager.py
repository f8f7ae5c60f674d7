"""What a reader may see and do with a team (rule R23). Pure functions on documents of the read model."""

from collections.abc import Mapping
from typing import Any

from gateway.visibility.structure import right_of
from shared.domain.access_levels import Right
from shared.domain.actor import Actor

Record = Mapping[str, Any]


def team(document: Mapping[str, Any], users: Mapping[str, Record], actor: Actor) -> dict[str, Any]:
    """Return a team as the API shows it: its principal and its members, by name, without ended memberships."""
    team = document["team"]
    return {
        "structure_id": document["_id"],
        "version": document["team_version"],
        "principal": {"user": team["principal"], **_names(users.get(team["principal"]))},
        "members": [
            {**member, **_names(users.get(member["user"]))} for member in team["members"] if member["state"] == "valid"
        ],
        "possible_requests": list(possible_requests(document, actor)),
    }


def possible_requests(document: Mapping[str, Any], actor: Actor) -> tuple[str, ...]:
    """Return the requests that a reader may make about a team: only its principal may make any (rule R2)."""
    return ("set", "remove") if right_of(document, actor) is Right.PRINCIPAL else ()


def _names(record: Record | None) -> dict[str, Any]:
    return {name: record[name] for name in ("kind", "first_name", "last_name") if name in record} if record else {}
