"""Who may do what on a structure (rules R1, R2), read from the local copies of `manager.state`.

The access levels, from the lowest: stranger, consultation, modification, principal.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

from shared.domain.actor import Actor
from shared.errors import Rejected


class Right(IntEnum):
    """An access level; a higher one may do what a lower one may."""

    STRANGER = 0
    CONSULTATION = 1
    MODIFICATION = 2
    PRINCIPAL = 3


def team_key(structure_id: int) -> str:
    """Return the key of a team's copy."""
    return f"manager:structure:{structure_id}"


def user_key(user: str) -> str:
    """Return the key of a user's copy."""
    return f"manager:user:{user}"


def right(team: Mapping[str, Any] | None, user: str, *, first_principal: str | None = None) -> Right:
    """Return the access level of a user.

    Until the first record of a new structure's team has arrived, its first principal is its principal.
    """
    if team is None:
        return Right.PRINCIPAL if first_principal is not None and user == first_principal else Right.STRANGER
    if team.get("principal") == user:
        return Right.PRINCIPAL
    member = team.get("members", {}).get(user)
    if member is None or member.get("state") != "valid":
        return Right.STRANGER
    return Right.MODIFICATION if member.get("profile") == "modification" else Right.CONSULTATION


def require_active(copies: Mapping[str, Mapping[str, Any]], user: str) -> None:
    """Refuse a user whose account is closed; that of a user not registered yet is open."""
    copy = copies.get(user_key(user))
    if copy is not None and copy.get("active") is False:
        raise Rejected("user_inactive", waits_for=user_key(user), outsider=True)


def require_administrator(actor: Actor) -> None:
    """Refuse an actor who is no administrator."""
    if not actor.is_administrator:
        raise Rejected("administrator_only", outsider=True)
