"""Structures, actors and contexts for the tests of the rules: no network, a fixed clock."""

from typing import Any

from services.structure_svc import rules
from services.structure_svc.state import StructureState
from shared.clock import HOUR, MINUTE
from shared.contracts.messages.common import Request
from shared.domain.actor import ADMINISTRATOR, Actor
from shared.engine.core import due
from shared.engine.core.decide import COPY, Timing, decide
from shared.engine.core.document import Document, Draft
from shared.engine.core.incoming import Incoming
from shared.engine.core.rules import Context

NOW = 1_800_000_000_000
DELAY = 30 * MINUTE
SIRET = "41816609600069"

ALICE = Actor("alice")  # the principal
MARC = Actor("marc")  # may modify
CLEO = Actor("cleo")  # may consult
STRANGER = Actor("stranger")
ADMIN = Actor("admin", scopes=frozenset({ADMINISTRATOR}))
SYSTEM = Actor("facturier", kind="technical")

OWNER = rules.owner(HOUR)
TIMING = Timing(DELAY, {COPY: 2_000, **OWNER.waits})

TEAM = {
    "principal": "alice",
    "members": {
        "marc": {"state": "valid", "profile": "modification"},
        "cleo": {"state": "valid", "profile": "consultation"},
        "gone": {"state": "ended", "profile": "modification"},
    },
}
COPIES = {"manager:structure:42": TEAM}


def structure(**values: Any) -> StructureState:
    """Return structure 42 of alice, not a SIRET one unless said."""
    return StructureState.model_validate(
        {
            "id": 42,
            "identifier": {"type": "AUTRE", "value": "ABC"},
            "sphere": "private",
            "created_at": NOW,
            "name": "Exemple",
            "address": {"city": "Lyon"},
            "creator": "alice",
            "principal": "alice",
        }
        | values
    )


def public(**values: Any) -> StructureState:
    """Return a public structure with a SIRET."""
    return structure(
        **{
            "identifier": {"type": "SIRET", "value": SIRET},
            "sphere": "public_non_state",
            "parameters": {},
            **values,
        }
    )


class Case:
    """A structure to which requests are made one after the other, as a batch would."""

    def __init__(self, state: StructureState | None, **context: Any) -> None:
        self.draft = Draft(OWNER, Document("structure:42", 1 if state else 0, state))
        self.context = {"copies": COPIES, **context}
        self.now = NOW
        self._ids = 0

    def ask(self, request: Request, actor: Actor = ALICE, request_id: str | None = None) -> Any:
        """Decide a request; return its last step, or what it waits for."""
        self._ids += 1
        incoming = Incoming(request_id or f"r{self._ids}", actor, request, "h", self.now)
        context = Context(
            actor=actor,
            now=self.now,
            request_id=incoming.request_id,
            document=self.draft.document.id,
            reference=OWNER.target(request, actor, {}).reference,
            new_id=42,
            pending=tuple(self.draft.pending),
            **self.context,
        )
        wait = decide(self.draft, incoming, context, TIMING)
        return wait or [s for s in self.draft.transitions if s.request_id == incoming.request_id][-1]

    def later(self, ms: int) -> "Case":
        """Let time pass and apply what is due."""
        self.now += ms
        due.apply(self.draft, until=self.now, now=self.now)
        return self

    @property
    def state(self) -> Any:
        """Return the state now."""
        return self.draft.state
