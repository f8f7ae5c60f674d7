"""Who may ask something about users and teams, and who may be given a right (rules R1, R2, R19)."""

from services.manager_svc.state import TeamState
from shared.contracts.messages.common import Request
from shared.contracts.messages.manager import FollowSphere, OpenTeam, Profile, RegisterUser, SetActive, SetPigp
from shared.domain import access_levels
from shared.domain.access_levels import user_key
from shared.engine.core.rules import Context
from shared.errors import Rejected

UNKNOWN = "structure_not_found"
"""What is told of a team that does not exist, and of one whose structure is not the actor's to know."""
_ADMINISTRATORS = (SetPigp, SetActive)
_ANYBODY = (RegisterUser, OpenTeam, FollowSphere)
"""What is asked for everybody as they come, and what the owner itself asks."""


def structure_key(structure_id: int) -> str:
    """Return the key under which a structure's record arrives."""
    return f"structure:structure:{structure_id}"


def admit(request: Request, context: Context) -> None:
    """Refuse whoever may not ask this of any user or team."""
    if isinstance(request, _ANYBODY):
        return
    access_levels.require_active(context.copies, context.actor.id)
    if isinstance(request, _ADMINISTRATORS):
        access_levels.require_administrator(context.actor)


def require_principal(team: TeamState, context: Context) -> None:
    """Refuse whoever is not the principal of the structure.

    A stranger to a private one waits, and is refused, as if there were no such structure (rule R1).
    """
    if team.principal == context.actor.id:
        return
    member = team.member(context.actor.id)
    knows = team.sphere != "private" or context.actor.is_administrator or (member and member.state == "valid")
    if not knows:
        raise Rejected(UNKNOWN, waits_for=structure_key(team.structure_id), outsider=True)
    raise Rejected("principal_only")


def require_pigp(team: TeamState, user: str, profile: Profile, context: Context) -> None:
    """Refuse to let a person without a PIGP account modify a structure of the public sphere outside the State."""
    copy = context.copies.get(user_key(user))
    if copy is None:
        raise Rejected("user_not_found", fields={"user": "user_not_found"}, waits_for=user_key(user))
    concerned = team.sphere == "public_non_state" and profile == "modification" and copy.get("kind") == "person"
    if concerned and not copy.get("pigp"):
        raise Rejected("pigp_required", fields={"user": "pigp_required"}, waits_for=user_key(user))
