"""The table of rules: the requests about users and teams."""

from collections.abc import Iterable, Mapping

from services.manager_svc import state
from services.manager_svc.rules import access, register, remove_member, set_member, team, user
from services.manager_svc.state import State, team_document, user_document
from shared.contracts.messages.common import Request
from shared.contracts.messages.manager import (
    FollowSphere,
    OfTeam,
    OfUser,
    OpenTeam,
    RegisterUser,
    RemoveMember,
    SetActive,
    SetMember,
    SetPigp,
)
from shared.domain.access_levels import user_key
from shared.domain.actor import Actor
from shared.engine.core.rules import Owner, Rule, Target, at_once

RULES: Mapping[type[Request], Rule] = {
    RegisterUser: at_once(register.accept),
    SetPigp: at_once(user.set_pigp),
    SetActive: at_once(user.set_active),
    OpenTeam: at_once(team.open_team),
    FollowSphere: at_once(team.follow_sphere),
    SetMember: at_once(set_member.accept),
    RemoveMember: at_once(remove_member.accept),
}


def target(request: Request, actor: Actor, known: Mapping[str, str]) -> Target:
    """Return which user or team a request is about."""
    del known
    reference = request.reference(actor.id)
    match request:
        case RegisterUser():
            return Target(id=user_document(actor.id), may_create=True, reference=reference)
        case OfUser():
            return Target(id=user_document(request.user), missing="user_not_found", reference=reference)
        case OpenTeam():
            return Target(id=team_document(request.structure_id), may_create=True)
        case OfTeam():
            lags = access.structure_key(request.structure_id)
            return Target(
                id=team_document(request.structure_id), missing=access.UNKNOWN, lags=lags, reference=reference
            )
    raise AssertionError(f"no target for {type(request).__name__}")


def copies(request: Request, document: str | None, current: State | None, actor: Actor) -> Iterable[str]:
    """Return the keys of the copies that a request's rule needs."""
    del document, current
    yield user_key(actor.id)
    if isinstance(request, SetMember):
        yield user_key(request.user)


def owner() -> Owner[State]:
    """Return the owner of users and teams, for the engine."""
    return Owner(
        name="manager",
        rules=RULES,
        state=state.model,
        target=target,
        keys=lambda _: (),
        reference=state.reference,
        present=state.present,
        admit=access.admit,
        copies=copies,
        private=frozenset({"first_name", "last_name", "email"}),
        internal=frozenset({OpenTeam, FollowSphere}),
    )
