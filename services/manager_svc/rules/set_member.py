"""Attaches a user to a structure, or changes the profile of a member."""

from services.manager_svc.rules import access
from services.manager_svc.state import MOST_MEMBERS, Member, TeamState
from shared.contracts.messages.manager import SetMember
from shared.engine.core.rules import Context, Effect
from shared.errors import Rejected


def accept(request: SetMember, state: TeamState, context: Context) -> Effect[TeamState]:
    """Set the member at once. Only the principal may change memberships (rule R2)."""
    access.require_principal(state, context)
    if request.user == state.principal:
        raise Rejected("already_member", fields={"user": "already_member"})
    known = state.member(request.user)
    member = known if known is not None and known.state == "valid" else None
    if member is not None and member.profile == request.profile:
        return Effect(code="nothing_to_change")
    if member is None and sum(m.state == "valid" for m in state.members) >= MOST_MEMBERS:
        raise Rejected("too_many_members", details={"max": MOST_MEMBERS})
    access.require_pigp(state, request.user, request.profile, context)
    if member is None:
        changed = Member(user=request.user, profile=request.profile, state="valid", since=context.now)
    else:
        changed = member.model_copy(update={"profile": request.profile})
    return Effect(lambda now: (now or state).with_member(changed))
