"""Engines that are broken in one place each, to see that the explorer finds it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from shared.clock import Clock
from shared.engine.core.document import Document, Write
from shared.engine.core.incoming import RequestRecord
from shared.engine.core.rules import Due, Owner
from shared.engine.core.transition import Transition
from shared.engine.storage.memory import MemoryStore
from shared.engine.storage.protocol import Published, Saved
from shared.errors import Failed, MayLag
from tests.explorer.perform import ExploredStore
from tests.explorer.port import Port
from tests.explorer.stack import NO_FAULTS, Faults
from tests.support.toy import DELAY, NOW, OWNER, ManualClock
from tests.support.toy.requests import PutWhileOpen
from tests.support.toy.rules import still_open

SWEEPS = frozenset({"outboxes", "states", "republish", "overdue", "deadlines", "look_ups"})
FAR = NOW + 1000 * DELAY


@dataclass(frozen=True)
class Break:
    """What is broken, and in which case it shows; by default nothing is."""

    case: str = ""
    shows: str = ""
    """The violation it is seen by: the first word of `wrong`."""
    faults: Faults | None = None
    """How many faults that takes; None for those of the case."""
    store: Callable[[Any], MemoryStore] = ExploredStore
    port: Callable[[], Any] = Port
    trigger_clock: Callable[[ManualClock], Clock] = lambda clock: clock
    stamp: Callable[[int], int] = lambda stamp: stamp
    sweeps: frozenset[str] = SWEEPS
    journal_by_step: bool = True
    commits_at_once: bool = False
    owner: Owner[Any] = OWNER


NOTHING = Break()


# ---- what the storage no longer checks ------------------------------------------------------------------------


class Unversioned(ExploredStore):
    """Writes a document whatever its version is."""

    def _in_the_way(self, write: Write) -> frozenset[str] | None:
        raw = self.documents.get(write.id)
        return super()._in_the_way(replace(write, base=raw["version"] if raw else 0))


class CancelsUnversioned(ExploredStore):
    """Writes a cancellation whatever the version of its document is."""

    def _in_the_way(self, write: Write) -> frozenset[str] | None:
        raw = self.documents.get(write.id)
        is_one = any(transition.status == "cancelled" for transition in write.transitions)
        return super()._in_the_way(replace(write, base=raw["version"]) if raw and is_one else write)


class CancelsElsewhere(ExploredStore):
    """Decides the cancellation of a creation that waits under its own key, not under that of the creation."""

    async def save(self, writes: Sequence[Write], now: int) -> Saved:
        own = [
            replace(w, id=f"decision:{w.transitions[-1].key}", idempotency_key=w.transitions[-1].key)
            if w.base == 0 and any(transition.status == "cancelled" for transition in w.transitions)
            else w
            for w in writes
        ]
        return await super().save(own, now)


class NoDecided(ExploredStore):
    """Has no unique index on what a new document decided."""

    def _in_the_way(self, write: Write) -> frozenset[str] | None:
        return super()._in_the_way(replace(write, idempotency_key=None))


class OverwritesNewerRecord(ExploredStore):
    """Writes a record over a newer one too."""

    async def put_records(self, transitions: Sequence[Transition]) -> None:
        for transition in transitions:
            self.requests.pop(transition.key, None)
        await super().put_records(transitions)


class WaitingOverDecided(ExploredStore):
    """Writes a waiting record over a decided one too."""

    async def put_waiting(self, records: Sequence[RequestRecord]) -> set[str]:
        for record in records:
            self.requests.pop(record.key, None)
        return await super().put_waiting(records)


class ClearsMarks(ExploredStore):
    """Clears the marks of a state that has moved on."""

    async def clear(self, published: Sequence[Published], batch_id: str = "") -> list[str]:
        await super().clear(published, batch_id)
        await self.republished([(id_, version if version is not None else -1) for id_, _, version in published], FAR)
        return []

    async def republished(self, published: Sequence[tuple[str, int]], before: int) -> None:
        del before
        await super().republished([(id_, self.documents[id_]["version"]) for id_, _ in published], FAR)


class OnlyMarked(ExploredStore):
    """Has a state published again only if it still bears its mark, not whenever the document has moved on."""

    async def clear(self, published: Sequence[Published], batch_id: str = "") -> list[str]:
        return [id_ for id_ in await super().clear(published, batch_id) if "unpublished_since" in self.documents[id_]]


class RepublishesNew(ExploredStore):
    """Takes the mark of a change that has just been made."""

    async def republished(self, published: Sequence[tuple[str, int]], before: int) -> None:
        del before
        await super().republished(published, FAR)


class ClearsAll(ExploredStore):
    """Empties outboxes without looking who wrote them last."""

    async def clear(self, published: Sequence[Published], batch_id: str = "") -> list[str]:
        for id_, _, _ in published:
            self.documents[id_] = self.documents[id_] | {"batch": batch_id}
        return await super().clear(published, batch_id)


# ---- steps in another order -----------------------------------------------------------------------------------


class RecordsFirst(Port):
    """Loads the records before the documents."""

    def __init__(self) -> None:
        self._records: dict[str, RequestRecord] = {}

    async def load(self, ids: Iterable[str], keys: Iterable[str], decided: Iterable[str]) -> list[Document]:
        self._records = await self.do("records", decided) if decided else {}
        return list(await self.do("load", ids, keys, decided))

    async def records(self, keys: Iterable[str]) -> Mapping[str, RequestRecord]:
        del keys
        return self._records


class RecordOnly(Port):
    """Knows a repeat by its record alone."""

    async def load(self, *args: Any) -> list[Document]:
        documents = list(await self.do("load", *args))
        for document in documents:
            document.outbox = ()
        return documents


class ClearsFirst(Port):
    """Takes entries out of outboxes before it writes their records."""

    def __init__(self) -> None:
        self._steps: Sequence[Transition] = ()

    async def put_records(self, transitions: Sequence[Transition]) -> None:
        self._steps = transitions

    async def clear(self, *args: Any) -> list[str]:
        stale = list(await self.do("clear", *args))
        transitions, self._steps = self._steps, ()
        if transitions:
            await self.do("put_records", transitions)
        return stale


class RejectsByRecord(Port):
    """Decides a rejection by its record, not by a versioned write."""

    async def save(self, writes: Sequence[Write], now: int) -> Saved:
        refused = [w for w in writes if {s.status for s in w.transitions} == {"rejected"}]
        records = await self.do("records", [s.key for w in refused for s in w.transitions]) if refused else {}
        lost: dict[str, frozenset[str]] = {
            w.id: frozenset()
            for w in refused
            if any(s.key in records and not records[s.key].is_waiting for s in w.transitions)
        }
        transitions = [s for w in refused if w.id not in lost for s in w.transitions]
        if transitions:
            await self.do("put_records", transitions)
        others = [w for w in writes if w not in refused]
        return Saved(lost | (await self.do("save", others, now)).lost if others else lost)


# ---- what is due no longer looks at copies as it should --------------------------------------------------------


def _looking(due: Due | None) -> Owner[Any]:
    rule = OWNER.rules[PutWhileOpen]
    return replace(OWNER, rules={**OWNER.rules, PutWhileOpen: replace(rule, due=due)})


def _missing_fails(*looked_at: Any) -> None:
    try:
        still_open(*looked_at)
    except MayLag as late:
        raise Failed("forbidden") from late


A_CRASH = Faults(crashes=1)

BREAKS: Mapping[str, Break] = {
    "a document is written whatever its version": Break("at once", "twice", NO_FAULTS, Unversioned),
    "what a new document decided is not unique": Break("made", "twice", NO_FAULTS, NoDecided),
    "a record is written over a newer one": Break("later", "lost", NO_FAULTS, OverwritesNewerRecord),
    "a waiting record is written over a decided one": Break("waits for a copy", "twice", A_CRASH, WaitingOverDecided),
    "marks are cleared though the state has moved on": Break("two at once", "untrue", NO_FAULTS, ClearsMarks),
    "a state is published again only while it is marked": Break(
        "two at once, one of them very slow", "untrue", NO_FAULTS, OnlyMarked
    ),
    "a waiting request is cancelled whoever wrote its document": Break(
        "a waiting one cancelled", "both", NO_FAULTS, CancelsUnversioned
    ),
    "a waiting creation is cancelled elsewhere than it is decided": Break(
        "a waiting creation cancelled", "both", NO_FAULTS, CancelsElsewhere
    ),
    "a new change is republished with an old one": Break("two while republishing", "untrue", A_CRASH, RepublishesNew),
    "outboxes are emptied whoever wrote last": Break("two at once", "twice", A_CRASH, ClearsAll),
    "records are loaded before documents": Break("two at once, one twice", "twice", NO_FAULTS, port=RecordsFirst),
    "a repeat is known by its record alone": Break("at once", "twice", A_CRASH, port=RecordOnly),
    "outboxes are cleared before records are written": Break("at once", "twice", A_CRASH, port=ClearsFirst),
    "a rejection is decided by its record": Break("refused or not", "both", NO_FAULTS, port=RejectsByRecord),
    "a rejection at a deadline is decided by its record": Break(
        "waits for a copy", "lost", A_CRASH, port=RejectsByRecord
    ),
    "the offset is committed before anything is published": Break(
        "later", "lost", A_CRASH, sweeps=SWEEPS - {"outboxes"}, commits_at_once=True
    ),
    "no state is published once more": Break("two at once", "untrue", A_CRASH, sweeps=SWEEPS - {"republish"}),
    "nothing overdue is triggered again": Break("later, triggered early", "lost", sweeps=SWEEPS - {"overdue"}),
    "waiting records have no deadline": Break("never answered", "lost", NO_FAULTS, sweeps=SWEEPS - {"deadlines"}),
    "the trigger's append time is ignored": Break("clocks apart", "early", NO_FAULTS, stamp=lambda _: FAR),
    "our own clock is ignored": Break("clocks apart", "early", NO_FAULTS, trigger_clock=lambda _: ManualClock(FAR)),
    "what is due looks at no copy": Break("checked when due", "unchecked", NO_FAULTS, owner=_looking(None)),
    "what is due fails for a copy that lags": Break(
        "checked when due", "unchecked", NO_FAULTS, owner=_looking(_missing_fails)
    ),
    "the journal has one key for all steps of a request": Break("later", "untrue", NO_FAULTS, journal_by_step=False),
}
"""What is broken, and a case in which it shows."""
