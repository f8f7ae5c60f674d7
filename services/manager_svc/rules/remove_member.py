"""Ends a membership."""

from services.manager_svc.rules import access
from services.manager_svc.state import TeamState
from shared.contracts.messages.manager import RemoveMember
from shared.engine.core.rules import Context, Effect
from shared.errors import Rejected


def accept(request: RemoveMember, state: TeamState, context: Context) -> Effect[TeamState]:
    """End the membership at once; the principal must first transfer their role (rule R18)."""
    access.require_principal(state, context)
    if request.user == state.principal:
        raise Rejected("principal_must_transfer", fields={"user": "principal_must_transfer"})
    member = state.member(request.user)
    if member is None or member.state != "valid":
        raise Rejected("not_member", fields={"user": "not_member"})
    return Effect(lambda now: (now or state).without_member(request.user))
