"""Users, teams and contexts for the tests of the rules: no network, a fixed clock."""

from typing import Any

from services.manager_svc import rules
from services.manager_svc.state import Member, State, TeamState, UserState
from shared.clock import MINUTE
from shared.contracts.messages.common import Request
from shared.domain.actor import ADMINISTRATOR, Actor
from shared.engine.core.decide import COPY, Timing, decide
from shared.engine.core.document import Document, Draft
from shared.engine.core.incoming import Incoming
from shared.engine.core.rules import Context

NOW = 1_800_000_000_000
ALICE, MARC = Actor("alice"), Actor("marc")
ADMIN = Actor("admin", scopes=frozenset({ADMINISTRATOR}))
OWNER = rules.owner()
TIMING = Timing(30 * MINUTE, {COPY: 2_000, **OWNER.waits})

PEOPLE = {
    "manager:user:chloe": {"kind": "person", "pigp": False, "active": True},
    "manager:user:paul": {"kind": "person", "pigp": True, "active": True},
    "manager:user:robot": {"kind": "technical", "pigp": False, "active": True},
}


def user(**values: Any) -> UserState:
    """Return a user, chloe unless said."""
    return UserState.model_validate({"id": "chloe", "kind": "person", **values})


def team(sphere: str = "private", **members: str) -> TeamState:
    """Return the team of alice's structure 42; a member comes with their profile, or « ended »."""
    found = tuple(
        Member(
            user=name,
            profile="consultation" if profile == "ended" else profile,
            state="ended" if profile == "ended" else "valid",
            since=5,
        )
        for name, profile in members.items()
    )
    return TeamState(structure_id=42, sphere=sphere, principal="alice", members=found)


def decided(state: State | None, request: Request, actor: Actor, **copies: Any) -> Any:
    """Decide a request; return its step, or what it waits for, and the state after it."""
    draft = Draft(OWNER, Document("document", 1 if state else 0, state))
    context = Context(actor=actor, now=NOW, request_id="r1", document="document", copies={**PEOPLE, **copies})
    wait = decide(draft, Incoming("r1", actor, request, "h", NOW), context, TIMING)
    return (wait or draft.transitions[-1]), draft.state
