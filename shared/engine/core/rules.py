"""The types of which an owner's table of rules is made.

A rule is one to three pure functions: `accept(request, state, context)` decides what a request does,
`apply(change, state, at)` does it when it is due, and `due(change, state, at, copies)` says before whether other
owners' records still allow it. None of them awaits, reads a clock, or knows Kafka or MongoDB.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from shared.contracts.messages.common import Request
from shared.domain.actor import Actor
from shared.engine.core.transition import Transition

S = TypeVar("S", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Change:
    """An accepted change that takes effect later.

    `values` is what `apply` will need (stored, so of JSON's types). `reserves` are unique keys held from acceptance
    until the change is applied, failed or cancelled. A change that makes no difference ends at once, with
    `unchanged_code`.
    """

    values: Mapping[str, Any]
    code: str = "accepted"
    unchanged_code: str = "nothing_to_change"
    reserves: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Effect(Generic[S]):
    """A change that takes effect at once.

    `to` makes the new state from the present state (pending changes not applied); None leaves the state as it is.
    `cancels` are the keys of pending requests that end as cancelled, with `cancels_code`. `then` is the follow-up: a
    second request of the same actor, with its id, decided right after on the new state.
    """

    to: Callable[[S | None], S] | None = None
    code: str = "applied"
    cancels: tuple[str, ...] = ()
    cancels_code: str = "cancelled"
    then: tuple[str, Request] | None = None


@dataclass(frozen=True, slots=True)
class Joint(Generic[S]):
    """What one decision does to several documents at once: all of it, or nothing.

    `effects` are by document id; a document that is not there yet is created. A rule that can't do all of it raises
    Rejected, with every reason in its details.
    """

    effects: Mapping[str, Effect[S]]
    code: str = "applied"
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RequiresLookup:
    """What a rule must know before it can decide: the request waits for the answer that arrives under `key`.

    `look_up` is the look-up to publish. `wait` names which of the owner's kinds of wait this is: each has its own time
    limit and its own start. `code` is the outcome's code while the request waits, `timeout_code` that of the refusal
    when the time is up. After `retry_after` (ms) without an answer the look-up is published again.
    """

    key: str
    look_up: "LookUp"
    wait: str
    code: str
    timeout_code: str
    retry_after: int


@dataclass(frozen=True, slots=True)
class LookUp:
    """A question to another process: its topic, type, key and data."""

    topic: str
    type: str
    key: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Pending:
    """An accepted change of a document that waits for its time."""

    transition: Transition
    change: Mapping[str, Any]
    reserves: tuple[str, ...]
    due_at: int
    """When it takes effect, in ms."""
    next_trigger_at: int
    """When the sweeper may next publish a due trigger for it, in ms: later each time."""
    size: int = 0
    """About how many bytes it takes in its document."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """Stored fields that only a newer version knows; they are written back."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a rule may look at besides the request and the state."""

    actor: Actor
    now: int
    request_id: str
    document: str | None
    reference: Mapping[str, Any] = field(default_factory=dict)
    """The request's reference, from its target."""
    new_id: int | None = None
    due_at: int = 0
    """When a change that is accepted now takes effect, in ms."""
    pending: Sequence[Pending] = ()
    known: Mapping[str, str] = field(default_factory=dict)
    """The keys of the copies that have the names which the request uses, by name."""
    copies: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    answers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    holders: Mapping[str, str] = field(default_factory=dict)
    earlier: Mapping[str, str] = field(default_factory=dict)
    """Statuses of the requests of this document to which this one refers, by request key."""
    pending_of: Mapping[str, Sequence[Pending]] = field(default_factory=dict)
    """In a joint decision: what is pending of each document, by its id."""
    waiting: Mapping[str, Transition] = field(default_factory=dict)
    """Those of them that wait, with their last transition."""


Accept = Callable[[Any, Any, Context], "Change | Effect[Any] | RequiresLookup"]
AcceptJointly = Callable[[Any, Mapping[str, Any], Context], "Joint[Any] | RequiresLookup"]
Apply = Callable[[Mapping[str, Any], Any, int], Any]
Due = Callable[[Mapping[str, Any], Any, int, Mapping[str, Mapping[str, Any]]], None]


@dataclass(frozen=True, slots=True)
class Rule:
    """A line of the table."""

    accept: Accept
    apply: Apply | None
    jointly: AcceptJointly | None = None
    """What decides instead, over several documents at once: it gets their states, by id."""
    due: Due | None = None


def at_once(accept: Accept) -> Rule:
    """Make the rule of a request that takes effect when it is accepted."""
    return Rule(accept, None)


def delayed(accept: Accept, apply: Apply, due: Due | None = None) -> Rule:
    """Make the rule of a request that takes effect after the delay.

    `due` looks at copies of other owners' records, as of the instant when the change is due. It raises Failed when they
    no longer allow the change, and MayLag when the copy that it needs may only be late.
    """
    return Rule(accept, apply, due=due)


def jointly(accept: AcceptJointly) -> Rule:
    """Make the rule of a request over several documents: all or nothing, at once."""
    return Rule(_not_alone, None, jointly=accept)


def _not_alone(request: Any, state: Any, context: Context) -> Effect[Any]:
    del state, context
    raise AssertionError(f"{type(request).__name__} is decided over several documents")


@dataclass(frozen=True, slots=True)
class Target:
    """Which document a request is about.

    By `id`, or by one of the unique `keys`. With `fresh`, the request creates a new document of that kind with an id
    from the owner's counter. With `may_create`, the document of that id is created if it does not exist. `missing` is
    the code of the refusal when there is no such document, and `lags` the copy, or the name of one, that may only be
    late. `copies` are keys of copies at which the rule looks whether there is a document or not. `cancels` is the key
    of the request that this one cancels: with neither id nor keys, it is decided under the id which that request would
    have. Of a joint decision, `ids` and `refs` (of `Owner.refs`) name all the documents that it is over.
    """

    id: str | None = None
    keys: tuple[str, ...] = ()
    fresh: str | None = None
    may_create: bool = False
    missing: str = "not_found"
    lags: str | None = None
    reference: Mapping[str, Any] = field(default_factory=dict)
    cancels: str | None = None
    ids: tuple[str, ...] = ()
    refs: tuple[str, ...] = ()
    copies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class View(Generic[S]):
    """A document as it is shown: its state now, what is pending, and the state once all of that has applied."""

    id: str
    version: int
    state: S
    pending: Sequence[Pending]
    projected: S


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a document and of an actor, so that no actor can harm others.

    Of the pending changes of a document, by number and by bytes, one actor may have half, and a tenth is reserved for
    those of `has_reserved_place`. `change_bytes` limits what one request may change.
    """

    pending: int = 100
    pending_bytes: int = 1_000_000
    waiting_of_actor: int = 1_000
    change_bytes: int = 250_000
    documents: int = 1_000
    """Of one joint decision. Its rule is given at most one more, by which it sees that there are too many."""

    def of_actor(self, whole: int) -> int:
        """Return the share of one actor."""
        return whole // 2

    def of_all(self, whole: int) -> int:
        """Return what is left for all without the reserved tenth."""
        return whole - whole // 10


@dataclass(frozen=True)
class Owner(Generic[S]):
    """What is particular to an owner of data; the engine knows nothing else of it."""

    name: str
    rules: Mapping[type[Request], Rule]
    state: Callable[[str], type[S]]
    target: Callable[[Any, Actor, Mapping[str, str]], Target]
    """Which document a request is about; it is given the keys of the copies that have the names the request uses."""
    keys: Callable[[S], tuple[str, ...]]
    """The unique keys a state holds in the whole collection, such as its current and former identifiers."""
    reference: Callable[[S], Mapping[str, Any]]
    present: Callable[["View[S]"], bytes]
    """The JSON published on the owner's `state` topic."""
    refs: Callable[[S], tuple[str, ...]] = lambda _: ()
    """What a state refers to, as many states may (`principal:alice`, `structure:42`): documents are found by it."""
    joint_copies: Callable[[Request, Mapping[str, S], Actor], Iterable[str]] = lambda *_: ()
    """The keys of the copies that a joint rule looks at, given the states it is over."""
    admit: Callable[[Any, Context], None] = lambda *_: None
    """Refuses an actor who may not make this request at all. It runs before the document is known, so that the refusal
    does not show whether that exists."""
    names: Callable[[Any], Iterable[str]] = lambda _: ()
    """The names of other owners' things that a request uses, such as `structure:SIRET:41816609600069`."""
    copies: Callable[[Request, str | None, S | None, Actor], Iterable[str]] = lambda *_: ()
    due_copies: Callable[[S], Iterable[str]] = lambda _: ()
    """The keys of the copies at which the rules look when a change of this document is due."""
    refers: Callable[[Request, Actor], Iterable[str]] = lambda *_: ()
    private: frozenset[str] = frozenset()
    """Fields whose values the journal does not show."""
    waits: Mapping[str, int] = field(default_factory=dict)
    """How long each kind of wait lasts at most, in ms; the engine adds `copy`."""

    internal: frozenset[type[Request]] = frozenset()
    """Requests that only the owner itself makes: a message can't bring them."""
    limits: Limits = Limits()
    has_reserved_place: Callable[[S, Context], bool] = lambda *_: False
    """Whether this actor may use the reserved places, such as a structure's principal."""

    @cached_property
    def types(self) -> Mapping[str, type[Request]]:
        """Return the request types by their CloudEvents type."""
        return {request.type: request for request in self.rules}
