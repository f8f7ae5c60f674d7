"""Registers a user, with the names in their token."""

from services.manager_svc.state import UserState
from shared.contracts.messages.manager import RegisterUser
from shared.engine.core.rules import Context, Effect


def accept(request: RegisterUser, state: UserState | None, context: Context) -> Effect[UserState]:
    """Create the user, or update names that have changed. The gateway sends the names of the users it acts for."""
    actor = context.actor
    claims = {"first_name": actor.first_name, "last_name": actor.last_name, "email": actor.email}
    source = request if actor.via is not None else RegisterUser.usable(claims)
    names = {"first_name": source.first_name, "last_name": source.last_name, "email": source.email}
    if state is None:
        return Effect(lambda _: UserState(id=actor.id, kind=actor.kind, **names), code="registered")
    claimed = {field: value for field, value in names.items() if value is not None}
    if all(getattr(state, field) == value for field, value in claimed.items()):
        return Effect(code="nothing_to_change")
    return Effect(lambda now: (now or state).model_copy(update=claimed), code="registered")
