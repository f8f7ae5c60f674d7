"""Changes the profile of a member."""

from services.manager_svc.rules import access
from services.manager_svc.state import TeamState
from shared.contracts.messages.manager import ChangeProfile
from shared.engine.core.rules import Context, Effect
from shared.errors import Rejected


def accept(request: ChangeProfile, state: TeamState, context: Context) -> Effect[TeamState]:
    """Change it at once."""
    access.require_principal(state, context)
    member = state.member(request.user)
    if member is None or member.state != "valid":
        raise Rejected("not_member", fields={"user": "not_member"})
    if member.profile == request.profile:
        return Effect(code="nothing_to_change")
    access.require_pigp(state, request.user, request.profile, context)
    changed = member.model_copy(update={"profile": request.profile})
    return Effect(lambda now: (now or state).with_member(changed))
