"""A request on its way to a decision, as a message brings it or as its waiting row kept it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.contracts.messages.common import Request
from shared.contracts.messages.life import Status, request_key
from shared.domain.actor import Actor
from shared.engine.core.transition import Transition
from shared.errors import Rejected
from shared.runtime.tracing import next_span

_ALSO_ANSWER_AT_MOST = 20


@dataclass(slots=True)
class Incoming:
    """A verified, valid request. Instants are in ms; `received_at` is the broker's append time."""

    request_id: str
    actor: Actor
    request: Request
    body_hash: str
    received_at: int
    correlation_id: str | None = None
    traceparent: str | None = None
    waited: dict[str, int] = field(default_factory=dict)
    """When each kind of wait began."""
    known: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """Answers that came for it."""
    waiting: bool = False
    """True once it has a row that says it waits."""
    copies: list[str | None] = field(default_factory=list)
    """Correlation ids of those who sent the very same in the same batch."""
    answer_now: tuple[str | None, ...] = ()
    """Correlation ids to be told now that it waits still."""
    came_again: bool = False
    """True for a message about a request that waits already."""
    also_answer: tuple[str, ...] = ()
    """Correlation ids of those who sent it again before it was decided: each is told."""
    rounds: int = 0
    """How often it was decided in vain, since somebody else wrote first."""
    looked_again: bool = False
    """True once its documents were loaded again, what it is about having just been made."""
    refused: Rejected | None = None
    """The bound that it meets outside its rule: its next round refuses it."""
    source: tuple[str, int] | None = None
    """The record of another owner, by key and version, that made us ask."""
    authorization: str | None = None
    """The token it came with; never stored."""
    follows: bool = False
    """True for the second request that another one makes: it is decided with that one, at once."""
    record: Any = None
    """The record it came with, for the dead-letter topic; None when it comes from its row."""
    key: str = field(init=False)
    """What identifies the request."""

    def __post_init__(self) -> None:
        self.key = request_key(self.actor.id, self.request_id)

    def also_from(self, correlation_ids: Iterable[str | None]) -> None:
        """Remember who else asked; a few of them, for their number is anybody's choice."""
        others = dict.fromkeys((*self.also_answer, *(c for c in correlation_ids if c)))
        others.pop(self.correlation_id or "", None)
        self.also_answer = tuple(others)[:_ALSO_ANSWER_AT_MOST]

    def transition(self, owner: str, status: Status, code: str, at: int, **more: Any) -> Transition:
        """Return a step of this request; a draft gives it its version."""
        return Transition.of(
            owner=owner,
            request_id=self.request_id,
            actor=self.actor.id,
            client=self.actor.client,
            type=self.request.type,
            status=status,
            code=code,
            at=at,
            received_at=self.received_at,
            correlation_id=self.correlation_id,
            also_answer=list(self.also_answer),
            traceparent=next_span(self.traceparent),
            body_hash=self.body_hash,
            **more,
        )


@dataclass(slots=True)
class RequestRecord:
    """What is kept of a request: the answer to a repeat, the history, and what a waiting one needs to go on.

    `version` is the document's version of the step it holds; 0 while it waits, and then `incoming` is kept too.
    """

    transition: Transition
    waits_for: str | None = None
    deadline: int | None = None
    look_up_at: int | None = None
    look_up: Mapping[str, Any] | None = None
    incoming: Incoming | None = None
    broken: Exception | None = None
    """Why nobody can read what is stored."""

    @property
    def key(self) -> str:
        """Return what identifies the request."""
        return self.transition.key

    @property
    def is_waiting(self) -> bool:
        """Tell whether it is undecided."""
        return self.transition.status == "waiting"
