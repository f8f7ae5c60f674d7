"""What the engine asks of storage and of the bus. Implementations: `mongo_store.py`, `memory.py`, `bus.py`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from shared.contracts.messages.cloudevents import Message
from shared.engine.core.document import Document, Write
from shared.engine.core.incoming import RequestRecord
from shared.engine.core.transition import Transition


@dataclass(frozen=True, slots=True)
class Saved:
    """Which guarded writes were not made.

    `lost` are documents that somebody else wrote first, each with the unique keys that were in the way (none when it
    was its version); `refused` are documents whose write can never be made, such as one that is too large.
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


class Store(Protocol):
    """Keeps documents, request rows and copies. Each method is one step: a process may die before or after it."""

    async def load(self, ids: Iterable[str], keys: Iterable[str], decided: Iterable[str]) -> list[Document]:
        """Return the documents with these ids, unique keys, or decided requests."""
        ...

    async def records(self, keys: Iterable[str]) -> dict[str, RequestRecord]:
        """Return the rows of these requests, by request key."""
        ...

    async def copies(self, keys: Iterable[str]) -> dict[str, tuple[int, Mapping[str, Any]]]:
        """Return the copies of what other owners publish, with their versions, by key."""
        ...

    async def new_ids(self, kind: str, count: int) -> list[int]:
        """Return ids never given before; gaps are fine."""
        ...

    async def save(self, writes: Sequence[Write], now: int) -> Saved:
        """Make each guarded write that can be made; return which could not."""
        ...

    async def put_waiting(self, records: Sequence[RequestRecord]) -> set[str]:
        """Write waiting rows; return the request keys that have been decided meanwhile."""
        ...

    async def put_records(self, transitions: Sequence[Transition]) -> None:
        """Write decided rows, each only over an older version."""
        ...

    async def clear(self, published: Sequence[Published], batch_id: str = "") -> list[str]:
        """Take what was published out of outboxes, and the mark of an unpublished state where it is that one still.

        Returns the ids of the documents that have moved on, whose state must be published again: not those alone that
        bear a mark, since whoever wrote them may have published and cleared before us. `batch_id` names the writes of
        which all was published: a document which still bears it is at that version, and its outbox holds nothing else.
        """
        ...

    async def put_copies(self, copies: Sequence[tuple[str, int, Mapping[str, Any]]]) -> None:
        """Replace copies (key, version, value), each only by a higher version."""
        ...

    async def waiting_for(self, keys: Iterable[str]) -> list[RequestRecord]:
        """Return the waiting rows that wait for one of these."""
        ...

    async def waiting_of(self, actors: Iterable[str]) -> dict[str, int]:
        """Return how many requests of each of these actors wait."""
        ...


class Sweepable(Store, Protocol):
    """What the sweeper asks besides. Each method returns at most `limit` items."""

    async def lease(self, name: str, holder: str, duration: int) -> int | None:
        """Take or keep a lease for `duration` ms; return when it was, in the database's own time."""
        ...

    async def with_old_outbox(self, before: int, limit: int) -> list[Document]:
        """Return documents with an outbox entry older than `before`."""
        ...

    async def with_old_state(self, before: int, limit: int) -> list[str]:
        """Return ids of documents whose change was made before `before` and whose state is not published."""
        ...

    async def to_republish(self, before: int, limit: int) -> list[str]:
        """Return ids of documents whose last change is to be settled."""
        ...

    async def republished(self, published: Sequence[tuple[str, int]], before: int) -> None:
        """Take the settling mark of documents that still have the version that was published.

        A mark that is not older than `before` stays: a change since has its own settling to come.
        """
        ...

    async def overdue(self, now: int, limit: int) -> list[tuple[str, int]]:
        """Return (document id, due_at) of changes whose time to be triggered again has come."""
        ...

    async def triggered(self, documents: Iterable[tuple[str, int]], now: int) -> None:
        """Stamp the overdue changes of these documents (id, due_at), so that the next trigger comes later."""
        ...

    async def set_aside(self, ids: Iterable[str], until: int) -> None:
        """Hide documents that nobody can read, show or write from the sweeper for a while: others come after them."""
        ...

    async def expired(self, now: int, limit: int) -> list[RequestRecord]:
        """Return waiting rows past their deadline."""
        ...

    async def put_off(self, keys: Iterable[str], until: int) -> None:
        """Put off the deadlines of waiting rows that nobody here can decide: others come after them."""
        ...

    async def look_ups_due(self, now: int, limit: int) -> list[RequestRecord]:
        """Return waiting rows whose look-up is to be asked again, and stamp them."""
        ...

    async def counts(self, now: int) -> tuple[int, int]:
        """Return how many requests wait, and how many changes are overdue."""
        ...
