"""Attaches a user to a structure, with a profile."""

from services.manager_svc.rules import access
from services.manager_svc.state import MOST_MEMBERS, Member, TeamState
from shared.contracts.messages.manager import AddMember
from shared.engine.core.rules import Context, Effect
from shared.errors import Rejected


def accept(request: AddMember, state: TeamState, context: Context) -> Effect[TeamState]:
    """Add the member at once. Memberships are the principal's alone (rule R2)."""
    access.require_principal(state, context)
    member = state.member(request.user)
    if request.user == state.principal or (member is not None and member.state == "valid"):
        raise Rejected("already_member", fields={"user": "already_member"})
    if sum(m.state == "valid" for m in state.members) >= MOST_MEMBERS:
        raise Rejected("too_many_members", details={"max": MOST_MEMBERS})
    access.require_pigp(state, request.user, request.profile, context)
    added = Member(user=request.user, profile=request.profile, state="valid", since=context.now)
    return Effect(lambda now: (now or state).with_member(added))
