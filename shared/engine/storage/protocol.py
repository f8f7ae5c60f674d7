"""The protocols of storage and of the bus, implemented in `mongo.py`, `memory.py` and `shared/kafka/producer.py`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from shared.contracts.messages.cloudevents import Message
from shared.engine.core.document import Document, Write
from shared.engine.core.incoming import RequestRecord
from shared.engine.core.transition import Transition


@dataclass(frozen=True, slots=True)
class Saved:
    """Which guarded writes were not made.

    `lost` are documents that another process wrote first, each with the unique keys that conflicted (none when it was
    its version). `refused` are documents whose write can never be made, such as one that is too large.
    """

    lost: Mapping[str, frozenset[str]] = field(default_factory=dict)
    refused: frozenset[str] = frozenset()


class Bus(Protocol):
    """Sends messages."""

    async def publish(self, messages: Sequence[Message]) -> None:
        """Send all, in order; return once every one is acknowledged."""
        ...


class Published(NamedTuple):
    """What was published of a document: outbox entries, by version, and its state at `state_version`, if at all."""

    document: str
    entries: Sequence[int]
    state_version: int | None = None


class NeverStored(Exception):
    """What a joint decision would write can never be stored, such as a document that is too large."""


JOINT = "joint"
"""What the record of a request waits for that is decided over several documents."""


class Selection(NamedTuple):
    """Which documents a joint decision is over: by id, by what they refer to, and by the request they decided."""

    ids: Sequence[str]
    refs: Sequence[str] = ()
    decided: Sequence[str] = ()
    limit: int = 1_001
    """At most so many of those that refer."""


Decide = Callable[[list[Document]], Sequence[Write]]
"""What a joint decision writes, given the documents it is over. Pure."""


class Copy(NamedTuple):
    """A copy of another owner's record: its key, its version, what is kept of it, and the names it also has."""

    key: str
    version: int
    value: Mapping[str, Any]
    aliases: Sequence[str] = ()


class Store(Protocol):
    """Stores documents, request records and copies. Each method is one step: a process may die before or after it."""

    async def load(self, ids: Iterable[str], keys: Iterable[str], decided: Iterable[str]) -> list[Document]:
        """Return the documents with these ids, unique keys, or decided requests."""
        ...

    async def records(self, keys: Iterable[str]) -> dict[str, RequestRecord]:
        """Return the records of these requests, by request key."""
        ...

    async def copies(self, keys: Iterable[str]) -> dict[str, tuple[int, Mapping[str, Any]]]:
        """Return the copies of what other owners publish, with their versions, by key."""
        ...

    async def named(self, names: Iterable[str]) -> dict[str, str]:
        """Return the keys of the copies that have one of these names among their aliases, by name.

        While a name moves from one copy to another, both may have it: then it is that of the lower key.
        """
        ...

    async def new_ids(self, kind: str, count: int) -> list[int]:
        """Return ids never given before; gaps are fine."""
        ...

    async def save(self, writes: Sequence[Write], now: int) -> Saved:
        """Make each guarded write that can be made; return those that could not."""
        ...

    async def find(self, refs: Iterable[str], limit: int) -> list[str]:
        """Return the ids of at most `limit` documents whose state refers to one of these, in order."""
        ...

    async def select(self, chosen: Selection) -> list[Document]:
        """Return the documents of a selection."""
        ...

    async def decide_together(self, chosen: Selection, decide: Decide, now: int, *, touch: bool = False) -> bool:
        """Load a selection, let `decide` say what to write, and write all of it or nothing: one transaction.

        Return False when another writer was first, or took one of the unique keys. Raises NeverStored. With `touch` the
        documents are locked before they are read, so that other writers wait instead.
        """
        ...

    async def joint(self, now: int, limit: int) -> list[RequestRecord]:
        """Return records of requests that wait for a joint decision and that no process has claimed, oldest first."""
        ...

    async def claim(self, key: str, now: int, until: int) -> bool:
        """Take such a request for one process until then; False when another has it, or when it was decided."""
        ...

    async def put_waiting(self, records: Sequence[RequestRecord]) -> set[str]:
        """Write records of waiting requests; return the keys of those decided meanwhile."""
        ...

    async def put_records(self, transitions: Sequence[Transition]) -> None:
        """Write records of decided requests, each only over an older version."""
        ...

    async def clear(self, published: Sequence[Published], batch_id: str = "") -> list[str]:
        """Remove what was published from outboxes, and the mark of an unpublished state if that version was published.

        Returns the ids of the documents that have a newer version, whose state must be published again. A mark is not
        enough to find them, since the process that wrote them may have published and cleared before us. `batch_id` is
        that of writes of which all was published: a document that still has it has that version and nothing else in its
        outbox.
        """
        ...

    async def put_copies(self, copies: Sequence[Copy]) -> None:
        """Replace copies, with their aliases, each only by a higher version."""
        ...

    async def waiting_for(self, keys: Iterable[str]) -> list[RequestRecord]:
        """Return the records of requests that wait for one of these keys."""
        ...

    async def waiting_of(self, actors: Iterable[str]) -> dict[str, int]:
        """Return how many requests of each of these actors wait."""
        ...


class Sweepable(Store, Protocol):
    """What the sweeper needs besides. Each method returns at most `limit` items."""

    async def lease(self, name: str, holder: str, duration: int) -> int | None:
        """Take or keep a lease for `duration` ms; return when, by the database's clock, or None if another holds it."""
        ...

    async def with_old_outbox(self, before: int, limit: int) -> list[Document]:
        """Return documents with an outbox entry older than `before`."""
        ...

    async def with_old_state(self, before: int, limit: int) -> list[str]:
        """Return ids of documents changed before `before` whose state is not published."""
        ...

    async def to_republish(self, before: int, limit: int) -> list[str]:
        """Return ids of documents whose state is to be published once more."""
        ...

    async def republished(self, published: Sequence[tuple[str, int]], before: int) -> None:
        """Remove the republish mark of documents that still have the version that was published.

        A mark that is not older than `before` stays: it belongs to a later change.
        """
        ...

    async def overdue(self, now: int, limit: int) -> list[tuple[str, int]]:
        """Return (document id, due_at) of overdue changes that are to be triggered again."""
        ...

    async def triggered(self, documents: Iterable[tuple[str, int]], now: int) -> None:
        """Postpone the next trigger of the overdue changes of these documents (id, due_at)."""
        ...

    async def set_aside(self, ids: Iterable[str], until: int) -> None:
        """Hide unusable documents from the sweeper for a while, so that it gets to others."""
        ...

    async def expired(self, now: int, limit: int) -> list[RequestRecord]:
        """Return the records of waiting requests past their deadline."""
        ...

    async def put_off(self, keys: Iterable[str], until: int) -> None:
        """Postpone deadlines of waiting requests that this version can't decide, so that the sweeper gets to others."""
        ...

    async def look_ups_due(self, now: int, limit: int) -> list[RequestRecord]:
        """Return the records of waiting requests whose look-up is to be published again, and postpone the next time."""
        ...

    async def counts(self, now: int) -> tuple[int, int]:
        """Return how many requests wait, and how many changes are overdue."""
        ...
