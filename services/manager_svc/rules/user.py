"""Requests of administrators about a user."""

from typing import Any

from services.manager_svc.state import UserState
from shared.contracts.messages.manager import SetActive, SetPigp
from shared.engine.core.rules import Context, Effect
from shared.errors import Rejected


def set_pigp(request: SetPigp, state: UserState, context: Context) -> Effect[UserState]:
    """Set whether the user has a PIGP account."""
    del context
    return _set(state, {"pigp": request.pigp})


def set_active(request: SetActive, state: UserState, context: Context) -> Effect[UserState]:
    """Open or close the user's account, except one's own: there might be nobody else to open it again."""
    if request.user == context.actor.id and not request.active:
        raise Rejected("own_account", fields={"user": "own_account"})
    return _set(state, {"active": request.active})


def _set(state: UserState, values: dict[str, Any]) -> Effect[UserState]:
    if all(getattr(state, field) == value for field, value in values.items()):
        return Effect(code="nothing_to_change")
    return Effect(lambda now: (now or state).model_copy(update=values))
