"""A request on its way to a decision, as a message brings it or as its waiting row kept it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.auth import Actor
from shared.engine.step import Step
from shared.messages.common import Request
from shared.messages.life import Status, request_key
from shared.tracing import next_span


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
    authorization: str | None = None
    """The token it came with; never stored."""
    record: Any = None
    """The record it came with, for the dead-letter topic; None when it comes from its row."""
    key: str = field(init=False)
    """What identifies the request."""

    def __post_init__(self) -> None:
        self.key = request_key(self.actor.id, self.request_id)

    def step(self, owner: str, status: Status, code: str, at: int, **more: Any) -> Step:
        """Return a step of this request; a draft gives it its version."""
        return Step.of(
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
            traceparent=next_span(self.traceparent),
            body_hash=self.body_hash,
            **more,
        )


@dataclass(slots=True)
class Row:
    """What is kept of a request: the answer to a repeat, the history, and what a waiting one needs to go on.

    `version` is the document's version of the step it holds; 0 while it waits, and then `incoming` is kept too.
    """

    step: Step
    waits_for: str | None = None
    deadline: int | None = None
    ask_at: int | None = None
    ask: Mapping[str, Any] | None = None
    incoming: Incoming | None = None

    @property
    def key(self) -> str:
        """Return what identifies the request."""
        return self.step.key

    @property
    def is_waiting(self) -> bool:
        """Tell whether it is undecided."""
        return self.step.status == "waiting"
