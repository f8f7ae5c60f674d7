"""One moment of everything: what is stored, what is on the topics, where each process stands, what the clocks say.

A state never changes; `copy` makes the next one. What is inside its dictionaries is replaced, never changed.
"""

from collections.abc import Hashable
from typing import Any, NamedTuple

import orjson

from tests.explorer.history import Node

ENGINES = (0, 1)
SWEEPER = 2
NAMES = ("P1", "P2", "sweeper")
BROKER = 3
CLOCKS = (*ENGINES, SWEEPER, BROKER)
"""Places of the clocks: each process has one, and the broker."""


class Source(NamedTuple):
    """Why a process works: which delivery (`m`; `n` when it was delivered again), trigger (`p`) or sweep (`s`)."""

    kind: str
    what: Any


class Busy(NamedTuple):
    """A process at work: why, where in its history, and how much of its op is done."""

    source: Source
    node: Node
    done: int = 0
    partly: tuple[Any, ...] = ()


class Faults(NamedTuple):
    """How many more faults of each kind may happen."""

    crashes: int = 0
    redeliveries: int = 0
    early: int = 0


NO_FAULTS = Faults()


class Stack:
    """See the module."""

    def __init__(self) -> None:
        self.documents: dict[str, dict[str, Any]] = {}
        self.requests: dict[str, dict[str, Any]] = {}
        self.copies: dict[str, tuple[int, Any]] = {}
        self.counters: dict[str, int] = {}
        self.digests: dict[str, int] = {}
        """Of each document and record, by id; the two kinds of id never meet."""
        # What readers of the topics know: `published` by request, `journal` by key, `shown` by document.
        self.published: dict[str, frozenset[str]] = {}
        self.journal: dict[str, tuple[int, str]] = {}
        self.shown: dict[str, bytes] = {}
        self.looked_up: frozenset[str] = frozenset()
        self.delayed: tuple[tuple[str, int], ...] = ()
        self.triggers: tuple[tuple[str, int], ...] = ()
        self.committed: tuple[bool, ...] = ()
        self.busy: tuple[Busy | None, ...] = (None, None, None)
        self.clocks: tuple[int, ...] = ()
        self.faults = NO_FAULTS
        # What only the explorer knows.
        self.accepted: tuple[str, ...] = ()
        self.applied: tuple[tuple[str, str], ...] = ()
        self.cancelled: frozenset[str] = frozenset()
        self.failed: frozenset[str] = frozenset()
        self.wrong: tuple[str, ...] = ()

    def copy(self) -> "Stack":
        """Return the same moment, to be changed into the next."""
        twin = Stack.__new__(Stack)
        twin.__dict__.update(self.__dict__)
        return twin

    def with_busy(self, who: int, busy: Busy | None) -> "Stack":
        """Return the state in which a process does this."""
        twin = self.copy()
        twin.busy = (*self.busy[:who], busy, *self.busy[who + 1 :])
        return twin

    def clock(self, who: int) -> int:
        """Return what a process's clock says."""
        return self.clocks[who]

    def key(self, running: int | None, *, alike: bool) -> int:
        """Return what distinguishes this state from others; `alike` when the two engines' clocks are one."""
        busy: list[Hashable] = [
            b and (b.source, b.node.number, b.done, b.partly, who == running) for who, b in enumerate(self.busy)
        ]
        if alike and hash(busy[0]) > hash(busy[1]):
            busy[0], busy[1] = busy[1], busy[0]
        batches = {b.node.batch_id for b in self.busy if b}
        written = tuple(raw["batch"] for raw in self.documents.values() if raw.get("batch") in batches)
        return hash(
            (
                tuple(sorted(self.digests.items())),
                tuple(sorted(self.published.items())),
                tuple(sorted(self.journal.items())),
                tuple(sorted(self.shown.items())),
                tuple(sorted(self.counters.items())),
                tuple(sorted((key, version) for key, (version, _) in self.copies.items())),
                (self.looked_up, self.delayed, self.triggers, self.committed, self.clocks, self.faults),
                (self.accepted, self.applied, self.cancelled, self.failed),
                tuple(busy),
                written,
            )
        )


def content(record: bytes) -> bytes:
    """Return what a published record says besides its version."""
    return orjson.dumps({name: value for name, value in orjson.loads(record).items() if name != "version"})


def digest(raw: dict[str, Any]) -> int:
    """Return what distinguishes a stored document or record from others. Which batch wrote it matters to it alone."""
    return hash(orjson.dumps({k: v for k, v in raw.items() if k != "batch"}, option=orjson.OPT_SORT_KEYS))
