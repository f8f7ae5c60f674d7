"""Who may ask something about users and teams, and who may be given a right (rules R2, R19)."""

from services.manager_svc.state import TeamState
from shared import rights
from shared.engine.rules import Context
from shared.errors import Rejected
from shared.messages.manager import Profile
from shared.rights import user_key


def require_principal(team: TeamState, context: Context) -> None:
    """Refuse whoever is not the principal of the structure."""
    rights.require_active(context.copies, context.actor.id)
    if team.principal != context.actor.id:
        raise Rejected("principal_only")


def require_administrator(context: Context) -> None:
    """Refuse whoever is no administrator."""
    rights.require_active(context.copies, context.actor.id)
    if not context.actor.is_administrator:
        raise Rejected("administrator_only")


def require_pigp(team: TeamState, user: str, profile: Profile, context: Context) -> None:
    """Refuse to let a person without a PIGP account modify a structure of the public sphere outside the State."""
    copy = context.copies.get(user_key(user))
    if copy is None:
        raise Rejected("user_not_found", fields={"user": "user_not_found"}, waits_for=user_key(user))
    concerned = team.sphere == "public_non_state" and profile == "modification" and copy.get("kind") == "person"
    if concerned and not copy.get("pigp"):
        raise Rejected("pigp_required", fields={"user": "pigp_required"}, waits_for=user_key(user))
