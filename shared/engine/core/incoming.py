"""A request on its way to a decision: from a message, or from its request record while it waits."""

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
    """Answers to its look-ups, by key."""
    waiting: bool = False
    """True once it has a request record that says that it waits."""
    copies: list[str | None] = field(default_factory=list)
    """Correlation ids of the same request in the same batch."""
    answer_now: tuple[str | None, ...] = ()
    """Correlation ids to answer now, with the outcome `waiting`."""
    came_again: bool = False
    """True for a message that repeats a request that waits already."""
    also_answer: tuple[str, ...] = ()
    """Correlation ids of repeats that came before it was decided: each gets the outcome."""
    rounds: int = 0
    """How often its decision was lost, since another process wrote the document first."""
    looked_again: bool = False
    """True once its documents were loaded again, because the one it is about had just been created."""
    refused: Rejected | None = None
    """The limit that it exceeds outside its rule: its next round refuses it."""
    source: tuple[str, int] | None = None
    """The record of another owner, as key and version, to which this request is the reaction."""
    authorization: str | None = None
    """The token it came with; never stored."""
    part_of: str | None = None
    """Of what a joint decision does to one document: the id of the request of which it is a part."""
    follows: bool = False
    """True for a follow-up: it is decided at once, with the request that made it."""
    record: Any = None
    """The Kafka record it came in, for the dead-letter topic; None when it comes from its request record."""
    key: str = field(init=False)
    """The idempotency key."""

    def __post_init__(self) -> None:
        self.key = request_key(self.actor.id, self.request_id)

    def also_from(self, correlation_ids: Iterable[str | None]) -> None:
        """Note whom else to answer: only a few, since a client can repeat a request as often as it likes."""
        others = dict.fromkeys((*self.also_answer, *(c for c in correlation_ids if c)))
        others.pop(self.correlation_id or "", None)
        self.also_answer = tuple(others)[:_ALSO_ANSWER_AT_MOST]

    def transition(self, owner: str, status: Status, code: str, at: int, **more: Any) -> Transition:
        """Return a transition of this request; a draft gives it its version."""
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
            part_of=self.part_of,
            **more,
        )


@dataclass(slots=True)
class RequestRecord:
    """The stored record of a request: the answer to a repeat, the history, and what a waiting request needs to go on.

    Its transition's version is 0 while the request waits, and then `incoming` is kept too.
    """

    transition: Transition
    waits_for: str | None = None
    deadline: int | None = None
    look_up_at: int | None = None
    look_up: Mapping[str, Any] | None = None
    incoming: Incoming | None = None
    broken: Exception | None = None
    """The error, when the stored record can't be read."""

    @property
    def key(self) -> str:
        """Return the idempotency key."""
        return self.transition.key

    @property
    def is_waiting(self) -> bool:
        """Tell whether it is undecided."""
        return self.transition.status == "waiting"
