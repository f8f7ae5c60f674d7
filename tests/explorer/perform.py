"""Carries out what processes do, on the in-memory store and on the topics of a state, and checks each step."""

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from shared.clock import parse_instant
from shared.contracts.messages.cloudevents import Message
from shared.engine.core.document import Document, Write
from shared.engine.core.transition import Transition
from shared.engine.storage.memory import MemoryStore
from shared.engine.storage.protocol import Saved
from tests.explorer.port import Op
from tests.explorer.stack import BROKER, Stack, content, digest
from tests.support.toy.requests import PutWhileOpen
from tests.support.toy.rules import HOUSE, oracle_key

ONE_BY_ONE = {"save", "put_records", "put_waiting", "put_copies", "clear", "publish", "republished"}
"""Ops on several things, between any two of which others may act and the process may die."""
ANSWERED_TWICE = {"rejected": {"accepted", "applied", "cancelled", "failed"}, "applied": {"cancelled"}}


class ExploredStore(MemoryStore):
    """The in-memory store, whose sweeper finds outboxes old at once, and triggers again without backing off."""

    async def with_old_outbox(self, before: int, limit: int) -> list[Document]:
        """Return documents with an outbox."""
        del before
        return await super().with_old_outbox(2**62, limit)

    async def overdue(self, now: int, limit: int) -> list[tuple[str, int]]:
        """Return what is due, however often it was triggered."""
        due = [
            (id_, p["transition"]["effective_at"])
            for id_, raw in self.documents.items()
            for p in raw.get("pending", ())
        ]
        return [(id_, at) for id_, at in due if at <= now][:limit]

    async def triggered(self, documents: Iterable[tuple[str, int]], now: int) -> None:
        """Put nothing off."""


class Performer:
    """Carries ops out. `store` may be one that is deliberately broken."""

    def __init__(self, store: MemoryStore, *, journal_by_step: bool = True) -> None:
        self._store = store
        self._journal_by_step = journal_by_step

    def look(self, stack: Stack, op: Op) -> Any:
        """Return what distinguishes the result of a `load` from others, without loading."""
        self._store.documents = stack.documents
        return tuple((id_, stack.digests[id_]) for id_ in self._store.found(*op.args))

    def part(self, stack: Stack, who: int, op: Op, place: int) -> Any:
        """Carry out an op, or the part of it at this place, on a state that is being made; return its result."""
        if op.name == "publish":
            messages = op.args[0]
            return self._publish(stack, messages[place]) if messages else None
        args = op.args
        if op.name in ONE_BY_ONE:
            args = (args[0][place : place + 1], *args[1:])
        return self._do(stack, who, op.name, args)

    def _do(self, stack: Stack, who: int, name: str, args: tuple[Any, ...]) -> Any:
        store, before = self._store, (stack.documents, stack.requests)
        store.documents, store.requests = dict(stack.documents), dict(stack.requests)
        store.copies_kept, store.counters = dict(stack.copies), dict(stack.counters)
        result = at_once(getattr(store, name)(*args))
        stack.documents, stack.requests = store.documents, store.requests
        stack.copies, stack.counters = store.copies_kept, store.counters
        changed = [
            (id_, raw)
            for old, new in zip(before, (stack.documents, stack.requests), strict=True)
            for id_, raw in new.items()
            if old.get(id_) is not raw
        ]
        if changed:
            stack.digests = stack.digests | {id_: digest(raw) for id_, raw in changed}
        if name == "save" and args[0] and not result.lost:
            self._saved(stack, who, args[0][0], before[0].get(args[0][0].id))
        return result

    def _saved(self, stack: Stack, who: int, write: Write, before: dict[str, Any] | None) -> None:
        """Check what a write that happened has decided."""
        due = {_key(p["transition"]): p["transition"]["effective_at"] for p in (before or {}).get("pending", ())}
        wrong: list[str] = []
        for transition in write.transitions:
            was_pending = transition.key in due
            if transition.status == "accepted" or (transition.status == "applied" and not was_pending):
                if transition.key in stack.accepted:
                    wrong.append(f"twice: {transition.request_id} was decided")
                stack.accepted = (*stack.accepted, transition.key)
            if transition.status == "applied" and was_pending:
                if (write.id, transition.key) in stack.applied:
                    wrong.append(f"twice: {transition.request_id} was applied")
                if transition.key in stack.cancelled:
                    wrong.append(f"cancelled: {transition.request_id} was applied all the same")
                if min(stack.clocks[BROKER], stack.clock(who)) < due[transition.key]:
                    wrong.append(f"early: {transition.request_id} was applied")
                stack.applied = (*stack.applied, (write.id, transition.key))
                order = [stack.accepted.index(key) for id_, key in stack.applied if id_ == write.id]
                if order != sorted(order):
                    wrong.append("disorder: applied in another order than accepted")
            if transition.status == "cancelled":
                stack.cancelled |= {transition.key}
        things = (stack.documents.get(write.id, {}).get("state") or {}).get("things", ())
        if len(set(things)) < len(things):
            wrong.append(f"twice: {things}")
        wrong += _unchecked(stack, [transition for transition in write.transitions if transition.key in due])
        if wrong:
            stack.wrong = (*stack.wrong, *wrong)

    def _publish(self, stack: Stack, message: Message) -> None:
        """Let readers of a topic know."""
        _, _, what = message.topic.partition(".")
        value = orjson.loads(message.value)
        if what == "outcomes" and value.get("recorded", True):
            key = _key(value)
            statuses = stack.published.get(key, frozenset()) | {value["status"]}
            stack.published = stack.published | {key: statuses}
            for status, never in ANSWERED_TWICE.items():
                if status in statuses and statuses & never:
                    both = ", ".join(sorted({status, *(statuses & never)}))
                    stack.wrong = (*stack.wrong, f"both: {value['request_id']} has the outcomes {both}")
        elif what == "journal":
            key = message.key.decode() if self._journal_by_step else _key(value)
            stack.journal = stack.journal | {key: (value["version"], value["status"])}
        elif what == "state":
            stack.shown = stack.shown | {message.key.decode(): content(message.value)}
        elif what == "due":
            stack.triggers = tuple(sorted((*stack.triggers, (value["document"], stack.clocks[BROKER]))))
        elif message.topic == "oracle.requests":
            stack.looked_up |= {oracle_key(message.key.decode())}
        elif message.topic.startswith("delay."):
            stack.delayed = tuple(
                sorted({*stack.delayed, (value["document"], int(str(parse_instant(value["due_at"]))))})
            )


def _unchecked(stack: Stack, ended: Iterable[Transition]) -> Iterator[str]:
    """Note what failed, and check that what is due only while the house is open was decided by what its copy says."""
    house = stack.copies[HOUSE][1] if HOUSE in stack.copies else None
    for transition in ended:
        if transition.status == "failed":
            stack.failed |= {transition.key}
        decided = transition.type == PutWhileOpen.type and transition.status in {"applied", "failed"}
        if decided and (house is None or house["open"] != (transition.status == "applied")):
            yield f"unchecked: {transition.request_id} {transition.status}, and the house is {house}"


def seen(stack: Stack, name: str, result: Any) -> Any:
    """Return what distinguishes a result from others."""
    if name in {"load", "with_old_outbox"}:
        return tuple((document.id, stack.digests[document.id]) for document in result)
    if name == "records":
        return tuple((key, stack.digests[key]) for key in sorted(result))
    if name in {"waiting_for", "expired", "look_ups_due"}:
        return tuple((record.key, stack.digests[record.key]) for record in result)
    return repr(sorted(result) if isinstance(result, set) else result)


def kept(result: Any) -> tuple[Any, ...]:
    """Return what is kept of the result of a part of an op, until all its parts are done."""
    if isinstance(result, Saved):
        return tuple((id_, tuple(sorted(keys))) for id_, keys in result.lost.items())
    return tuple(result or ())


def merged(name: str, results: tuple[Any, ...]) -> Any:
    """Return the result of an op whose parts gave these."""
    if name == "save":
        return Saved({id_: frozenset(keys) for result in results for id_, keys in result})
    if name == "put_waiting":
        return {item for result in results for item in result}
    return [item for result in results for item in result] if name == "clear" else None


def _key(transition: dict[str, Any]) -> str:
    return f"{transition['actor']}|{transition['request_id']}"


def at_once(coroutine: Any) -> Any:
    """Return the result of a coroutine that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("the in-memory store waited")
