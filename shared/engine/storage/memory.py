"""The engine's storage and bus in memory, for tests: as `mongo.py` and `shared/kafka/producer.py`, without a network.

Between any two steps another process may run. So each method awaits `pause` before and after it acts, which the
explorer of interleavings uses as its scheduling point, and as the point where a process may die.
"""

import copy
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

import orjson

from shared.clock import SystemClock
from shared.contracts.messages.cloudevents import Message
from shared.engine.core import due
from shared.engine.core.document import Document, Write
from shared.engine.core.incoming import RequestRecord
from shared.engine.core.rules import Owner
from shared.engine.core.transition import Transition
from shared.engine.storage import codec
from shared.engine.storage.mongo import LOOK_UP_AGAIN, REPUBLISH_AFTER
from shared.engine.storage.protocol import JOINT, Copy, Decide, NeverStored, Published, Saved, Selection

Pause = Callable[[str], Awaitable[None]]


async def no_pause(_: str) -> None:
    """Do nothing: the default `pause`."""


class MemoryBus:
    """Keeps the messages that were sent, in order."""

    def __init__(self, pause: Pause = no_pause) -> None:
        self.sent: list[Message] = []
        self._pause = pause

    async def publish(self, messages: Sequence[Message]) -> None:
        """Send one message after the other: a process may die between two."""
        for message in messages:
            await self._pause(f"publish {message.topic}")
            self.sent.append(message)

    def on(self, topic: str) -> list[Message]:
        """Return the messages sent on a topic."""
        return [m for m in self.sent if m.topic == topic]


class MemoryStore:
    """Stores documents as MongoDB would: the same codec, the same guards."""

    def __init__(
        self,
        owner: Owner[Any],
        pause: Pause = no_pause,
        *,
        overdue_after: int = 30_000,
        largest: int = 16 * 1024 * 1024,
    ) -> None:
        self._owner = owner
        self._pause = pause
        self._overdue_after = overdue_after
        self._largest = largest
        self.documents: dict[str, dict[str, Any]] = {}
        self.requests: dict[str, dict[str, Any]] = {}
        self.copies_kept: dict[str, tuple[int, Mapping[str, Any]]] = {}
        self.aliases: dict[str, frozenset[str]] = {}
        self.counters: dict[str, int] = {}

    def view(self, pause: Pause) -> "MemoryStore":
        """Return the same storage as another process sees it, with its own scheduling points."""
        twin = copy.copy(self)
        twin._pause = pause  # noqa: SLF001 - it is the same class.
        return twin

    async def load(self, ids: Iterable[str], keys: Iterable[str], decided: Iterable[str]) -> list[Document]:
        """Return the documents with these ids, unique keys, or decided requests."""
        await self._pause("load")
        found = self.found(ids, keys, decided)
        return [codec.document_in(self._owner, copy.deepcopy(self.documents[id_])) for id_ in found]

    def found(self, ids: Iterable[str], keys: Iterable[str], decided: Iterable[str]) -> list[str]:
        """Return the ids of the documents with these ids, unique keys, or decided requests."""
        wanted, held, by = set(ids), set(keys), set(decided)
        return [
            id_
            for id_, raw in self.documents.items()
            if id_ in wanted or held & set(raw.get("keys", ())) or raw.get("idempotency_key") in by
        ]

    async def records(self, keys: Iterable[str]) -> dict[str, RequestRecord]:
        """Return request records, by request key."""
        await self._pause("records")
        return {k: codec.record_in(self._owner, copy.deepcopy(self.requests[k])) for k in keys if k in self.requests}

    async def copies(self, keys: Iterable[str]) -> dict[str, tuple[int, Mapping[str, Any]]]:
        """Return copies, by key."""
        await self._pause("copies")
        return {key: self.copies_kept[key] for key in keys if key in self.copies_kept}

    async def named(self, names: Iterable[str]) -> dict[str, str]:
        """Return the keys of the copies that have one of these names, by name."""
        await self._pause("named")
        wanted = set(names)
        return {name: key for key in sorted(self.aliases, reverse=True) for name in self.aliases[key] & wanted}

    async def new_ids(self, kind: str, count: int) -> list[int]:
        """Return fresh ids."""
        first = self.counters.get(kind, 0) + 1
        self.counters[kind] = first + count - 1
        return list(range(first, first + count))

    async def save(self, writes: Sequence[Write], now: int) -> Saved:
        """Make the guarded writes; return which could not be made."""
        lost: dict[str, frozenset[str]] = {}
        refused: set[str] = set()
        for write in writes:
            await self._pause(f"save {write.id}")
            in_the_way = self._in_the_way(write)
            if in_the_way is not None:
                lost[write.id] = in_the_way
            elif len(orjson.dumps(raw := self._written(write, now))) > self._largest:
                refused.add(write.id)
            else:
                self.documents[write.id] = raw
        return Saved(lost, frozenset(refused))

    def _in_the_way(self, write: Write) -> frozenset[str] | None:
        """Return the unique keys with which a write conflicts, none if it is the version; None if it can be made."""
        raw = self.documents.get(write.id)
        if (raw["version"] if raw else 0) != write.base:
            return frozenset()
        others = [d for d in self.documents.values() if d["_id"] != write.id]
        if (
            write.idempotency_key
            and write.base == 0
            and any(d.get("idempotency_key") == write.idempotency_key for d in others)
        ):
            return frozenset()
        held = {key for d in others for key in d.get("keys", ())}
        taken = [key for key in write.keys or () if key in held]
        return frozenset(taken[:1]) if taken else None  # MongoDB names only the first conflict.

    def _written(self, write: Write, now: int) -> dict[str, Any]:
        raw = self.documents.get(write.id)
        if raw is None:
            return copy.deepcopy(codec.document_out(write, now, REPUBLISH_AFTER))
        raw = copy.deepcopy(raw)
        update = codec.write_out(write, now, REPUBLISH_AFTER)
        for path, value in update["$set"].items():
            _set(raw, path, copy.deepcopy(value))
        for path in update.get("$unset", ()):
            raw.pop(path, None)
        for array, pushed in update["$push"].items():
            raw.setdefault(array, []).extend(copy.deepcopy(pushed["$each"]))
        return raw

    async def find(self, refs: Iterable[str], limit: int) -> list[str]:
        """Return the ids of documents that refer to one of these."""
        await self._pause("find")
        return self._referring(refs, limit)

    def _referring(self, refs: Iterable[str], limit: int) -> list[str]:
        wanted = set(refs)
        return sorted(id_ for id_, raw in self.documents.items() if wanted & set(raw.get("refs", ())))[:limit]

    async def select(self, chosen: Selection) -> list[Document]:
        """Return the documents of a selection."""
        await self._pause("select")
        return self._selected(chosen)

    def _selected(self, chosen: Selection) -> list[Document]:
        ids = dict.fromkeys((*self.found(chosen.ids, (), chosen.decided), *self._referring(chosen.refs, chosen.limit)))
        return [codec.document_in(self._owner, copy.deepcopy(self.documents[id_])) for id_ in ids]

    async def decide_together(self, chosen: Selection, decide: Decide, now: int, *, touch: bool = False) -> bool:
        """Write all that `decide` says, or nothing. In one step: as a transaction looks from outside."""
        del touch  # No other writer can come between here.
        await self._pause("decide_together")
        writes = decide(self._selected(chosen))
        if any(self._in_the_way(write) is not None for write in writes):
            return False
        before = dict(self.documents)
        for write in writes:
            if self._in_the_way(write) is not None:
                self.documents.clear()
                self.documents.update(before)
                return False
            raw = self._written(write, now)
            if len(orjson.dumps(raw)) > self._largest:
                self.documents.clear()
                self.documents.update(before)
                raise NeverStored(write.id)
            self.documents[write.id] = raw
        return True

    async def joint(self, now: int, limit: int) -> list[RequestRecord]:
        """Return records that wait for a joint decision and that nobody has claimed."""
        await self._pause("joint")
        return self._waiting(lambda raw: raw["waits_for"] == JOINT and raw.get("claimed_until", 0) <= now)[:limit]

    async def claim(self, key: str, now: int, until: int) -> bool:
        """Claim a request."""
        await self._pause("claim")
        raw = self.requests.get(key)
        if raw is None or raw["status"] != "waiting" or raw["waits_for"] != JOINT or raw.get("claimed_until", 0) > now:
            return False
        self.requests[key] = {**raw, "claimed_until": until}
        return True

    async def put_waiting(self, records: Sequence[RequestRecord]) -> set[str]:
        """Write records of waiting requests; return the keys of those decided meanwhile."""
        decided = set()
        for record in records:
            await self._pause("put_waiting")
            old = self.requests.get(record.key)
            if old is not None and old["status"] != "waiting":
                decided.add(record.key)
            else:
                self.requests[record.key] = {
                    **(old or {}),
                    "_id": record.key,
                    **copy.deepcopy(codec.waiting_out(record)),
                }
        return decided

    async def put_records(self, transitions: Sequence[Transition]) -> None:
        """Write records of decided requests, each only over an older version."""
        for transition in transitions:
            await self._pause("put_row")
            old = self.requests.get(transition.key)
            if old is None or old["version"] < transition.version:
                kept = {k: v for k, v in (old or {}).items() if k not in codec.WAITING_ONLY}
                self.requests[transition.key] = kept | {"_id": transition.key, **codec.record_out(transition)}

    async def clear(self, published: Sequence[Published], batch_id: str = "") -> list[str]:
        """Remove what was published from outboxes; return the ids whose state must be published again."""
        behind = []
        for id_, entries, state_version in published:
            await self._pause("clear")
            if id_ not in self.documents:
                continue
            raw = self.documents[id_] = dict(self.documents[id_])
            if batch_id and raw["batch"] == batch_id:
                raw["outbox"] = []
                raw.pop("unpublished_since", None)
                continue
            raw["outbox"] = [s for s in raw["outbox"] if s["version"] not in entries]
            if raw["version"] == state_version:
                raw.pop("unpublished_since", None)
            elif state_version is not None:
                behind.append(id_)
        return behind

    async def put_copies(self, copies: Sequence[Copy]) -> None:
        """Replace copies, with their aliases, each only by a higher version."""
        for key, version, value, aliases in copies:
            await self._pause("put_copy")
            if version > self.copies_kept.get(key, (0, {}))[0]:
                self.copies_kept[key], self.aliases[key] = (version, value), frozenset(aliases)

    async def waiting_for(self, keys: Iterable[str]) -> list[RequestRecord]:
        """Return the records of requests that wait for one of these keys."""
        await self._pause("waiting_for")
        wanted = set(keys)
        return self._waiting(lambda raw: raw["waits_for"] in wanted)

    async def waiting_of(self, actors: Iterable[str]) -> dict[str, int]:
        """Return how many requests of each of these actors wait."""
        await self._pause("waiting_of")
        wanted = set(actors)
        found = self._waiting(lambda raw: raw["incoming"]["actor"]["id"] in wanted)
        return Counter(record.transition.actor for record in found)

    def _waiting(self, wanted: Callable[[Mapping[str, Any]], bool]) -> list[RequestRecord]:
        """Return the records of waiting requests of the types that this version knows."""
        records = [
            raw
            for raw in self.requests.values()
            if raw["status"] == "waiting" and raw["incoming"]["type"] in self._owner.types and wanted(raw)
        ]
        return [codec.record_in(self._owner, copy.deepcopy(raw)) for raw in records]

    # ---- the sweeper ------------------------------------------------------------------------------------------

    async def lease(self, name: str, holder: str, duration: int) -> int | None:
        """Give the lease to every caller: two sweepers at once must do no harm."""
        del name, holder, duration
        return SystemClock().now()

    async def with_old_outbox(self, before: int, limit: int) -> list[Document]:
        """Return documents with an outbox entry older than `before`."""
        await self._pause("with_old_outbox")
        found = [d for d in self._at_hand(before) if any(s["at"] < before for s in d["outbox"])]
        return [codec.document_in(self._owner, copy.deepcopy(raw)) for raw in found[:limit]]

    async def with_old_state(self, before: int, limit: int) -> list[str]:
        """Return ids of documents changed before `before` whose state is not published."""
        await self._pause("with_old_state")
        return [d["_id"] for d in self._at_hand(before) if d.get("unpublished_since", before) < before][:limit]

    async def to_republish(self, before: int, limit: int) -> list[str]:
        """Return ids of documents whose state is to be published once more."""
        await self._pause("to_republish")
        return [d["_id"] for d in self._at_hand(before) if d.get("republish_at", before) < before][:limit]

    async def republished(self, published: Sequence[tuple[str, int]], before: int) -> None:
        """Remove the old republish mark of documents that still have the version published."""
        await self._pause("republished")
        for id_, version in published:
            raw = self.documents.get(id_)
            if raw is not None and raw["version"] == version and raw.get("republish_at", before) < before:
                self.documents[id_] = {k: v for k, v in raw.items() if k not in {"republish_at", "unpublished_since"}}

    async def overdue(self, now: int, limit: int) -> list[tuple[str, int]]:
        """Return (document id, due_at) of overdue changes that are to be triggered again."""
        await self._pause("overdue")
        late = now - self._overdue_after
        found = [
            d
            for d in self._at_hand(now)
            if any(p["due_at"] < late and p["next_trigger_at"] <= now for p in d.get("pending", ()))
        ]
        return [(d["_id"], d["pending"][0]["due_at"]) for d in found[:limit]]

    async def triggered(self, documents: Iterable[tuple[str, int]], now: int) -> None:
        """Postpone the next trigger of these documents."""
        await self._pause("triggered")
        for id_, due_at in documents:
            raw = copy.deepcopy(self.documents.get(id_, {}))
            for pending in raw.get("pending", ()):
                if pending["due_at"] < now - self._overdue_after:
                    pending["next_trigger_at"] = now + due.back_off(now - due_at)
                    self.documents[id_] = raw

    async def set_aside(self, ids: Iterable[str], until: int) -> None:
        """Hide documents from the sweeper for a while."""
        await self._pause("set_aside")
        for id_ in ids:
            self.documents[id_] = self.documents[id_] | {"aside_until": until}

    def _at_hand(self, now: int) -> list[dict[str, Any]]:
        return [d for d in self.documents.values() if d.get("aside_until", 0) <= now]

    async def expired(self, now: int, limit: int) -> list[RequestRecord]:
        """Return the records of waiting requests past their deadline."""
        await self._pause("expired")
        return self._waiting(lambda raw: raw["deadline"] is not None and raw["deadline"] <= now)[:limit]

    async def put_off(self, keys: Iterable[str], until: int) -> None:
        """Postpone the deadlines of waiting requests."""
        await self._pause("put_off")
        for key in keys:
            if self.requests[key]["status"] == "waiting":
                self.requests[key] = {**self.requests[key], "deadline": until}

    async def look_ups_due(self, now: int, limit: int) -> list[RequestRecord]:
        """Return the records of waiting requests whose look-up is to be published again."""
        await self._pause("look_ups_due")
        records = self._waiting(lambda raw: raw["look_up_at"] is not None and raw["look_up_at"] <= now)[:limit]
        for record in records:
            self.requests[record.key] = {**self.requests[record.key], "look_up_at": now + LOOK_UP_AGAIN}
        return records

    async def counts(self, now: int) -> tuple[int, int]:
        """Return how many requests wait, and how many documents have overdue changes."""
        late = [d for d in self.documents.values() if any(p["due_at"] < now - 5_000 for p in d.get("pending", ()))]
        return len(self._waiting(lambda _: True)), len(late)


def _set(raw: dict[str, Any], path: str, value: Any) -> None:
    *parents, last = re.split(r"\.", path)
    for parent in parents:
        raw = raw.setdefault(parent, {})
    raw[last] = value
