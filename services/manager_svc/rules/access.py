"""Who may make requests about users and teams, and who may become a member (rules R1, R2, R19)."""

from services.manager_svc.state import TeamState
from shared.contracts.messages.common import Request
from shared.contracts.messages.manager import FollowSphere, OpenTeam, Profile, RegisterUser, SetActive, SetPigp
from shared.domain import access_levels
from shared.domain.access_levels import user_key
from shared.engine.core.rules import Context
from shared.errors import Rejected

UNKNOWN = "structure_not_found"
"""The code for a team that does not exist, and for one whose structure the actor may not know."""
_ADMINISTRATORS = (SetPigp, SetActive)
_ANYBODY = (RegisterUser, OpenTeam, FollowSphere)
"""Requests that are open to every actor (registration), and those that only the owner itself makes."""


def structure_key(structure_id: int) -> str:
    """Return the key of the copy of a structure's record."""
    return f"structure:structure:{structure_id}"


def admit(request: Request, context: Context) -> None:
    """Refuse an actor who may not make this request about any user or team."""
    if isinstance(request, _ANYBODY):
        return
    access_levels.require_active(context.copies, context.actor.id)
    if isinstance(request, _ADMINISTRATORS):
        access_levels.require_administrator(context.actor)


def require_principal(team: TeamState, context: Context) -> None:
    """Refuse an actor who is not the principal of the structure.

    For a stranger to a private structure, the wait and the refusal are those of a structure that does not exist (rule
    R1).
    """
    if team.principal == context.actor.id:
        return
    member = team.member(context.actor.id)
    knows = team.sphere != "private" or context.actor.is_administrator or (member and member.state == "valid")
    if not knows:
        raise Rejected(UNKNOWN, waits_for=structure_key(team.structure_id), outsider=True)
    raise Rejected("principal_only")


def require_pigp(team: TeamState, user: str, profile: Profile, context: Context) -> None:
    """Refuse the profile `modification` on a structure of the sphere `public_non_state` without a PIGP account."""
    copy = context.copies.get(user_key(user))
    if copy is None:
        raise Rejected("user_not_found", fields={"user": "user_not_found"}, waits_for=user_key(user))
    concerned = team.sphere == "public_non_state" and profile == "modification" and copy.get("kind") == "person"
    if concerned and not copy.get("pigp"):
        raise Rejected("pigp_required", fields={"user": "pigp_required"}, waits_for=user_key(user))
