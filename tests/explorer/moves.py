"""What may happen next in a state: a process takes something up, does its next step or dies; a clock goes on."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

from shared.engine.runtime.sweep import STALE
from tests.explorer.beginning import beginning
from tests.explorer.breaks import NOTHING, Break
from tests.explorer.cases import Case
from tests.explorer.history import Histories
from tests.explorer.perform import ONE_BY_ONE, Performer, kept, merged, seen
from tests.explorer.port import Op
from tests.explorer.stack import BROKER, CLOCKS, ENGINES, NAMES, SWEEPER, Busy, Source, Stack
from tests.explorer.tasks import Tasks
from tests.explorer.words import at, doing
from tests.support.toy import DELAY, NOW, OWNER


class Move(NamedTuple):
    """Who did what, the state after it, and whether it is a fault (which need not happen)."""

    mover: int | None
    """Which process; None when it is the world outside."""
    what: str
    stack: Stack
    fault: bool = False

    def __str__(self) -> str:
        """Return it in words, for a person."""
        return f"{'world' if self.mover is None else NAMES[self.mover]:<8}{self.what}"


class Moves:
    """All that may happen in a case, with an engine that is whole or broken in one place."""

    def __init__(self, case: Case, broken: Break = NOTHING) -> None:
        self.case = case if broken.faults is None else replace(case, faults=broken.faults)
        self.broken = broken
        self.histories = Histories()
        self._perform = Performer(broken.store(OWNER), journal_by_step=broken.journal_by_step)
        self._tasks = Tasks(self.case, broken)

    def first(self) -> Stack:
        """Return the state in which nothing has been delivered."""
        return beginning(self.case)

    def _begin(self, stack: Stack, who: int, source: Source) -> Stack:
        name, task = self._tasks.of(source)
        return stack.with_busy(who, Busy(source, self.histories.begin(name, task, stack.clock(who))))

    def after(self, stack: Stack) -> Iterator[Move]:
        """Return all that may happen next; when somebody is to do what is nobody else's concern, that alone."""
        for who, busy in enumerate(stack.busy):
            if busy and not self.case.every_step and self._concerns_nobody(stack, busy):
                yield from self._goes_on(stack, who, busy)
                return
        for who in ENGINES:
            busy = stack.busy[who]
            if busy:
                yield from self._goes_on(stack, who, busy)
            else:
                yield from self._takes_up(stack, who)
        sweeping = stack.busy[SWEEPER]
        if sweeping:
            yield from self._goes_on(stack, SWEEPER, sweeping)
        else:
            yield from self._sweeps(stack)
        yield from self._time(stack)

    def _concerns_nobody(self, stack: Stack, busy: Busy) -> bool:
        """Tell whether a step comes to the same whatever others do before or after it."""
        op = busy.node.op
        if op is None:  # What is at work is taken up by nobody else, save by a redelivery.
            return busy.source.kind in "nqs" or not stack.faults.redeliveries
        if op.name in ONE_BY_ONE and not op.args[0]:
            return True
        if op.name == "copies":
            return len(stack.copies) == len(self.case.copies)
        return op.name == "new_ids" or self._adds_up(busy)

    def _adds_up(self, busy: Busy) -> bool:
        """Tell whether a step publishes what adds up to the same in whatever order it is published."""
        op = busy.node.op
        if op is None or op.name != "publish" or not op.args[0]:
            return False
        topic = op.args[0][busy.done].topic
        return topic.endswith(".outcomes") or (topic.endswith(".journal") and self.broken.journal_by_step)

    def _goes_on(self, stack: Stack, who: int, busy: Busy) -> Iterator[Move]:
        for place in self._places(busy):
            yield self._step(stack, who, busy, place)
        # To die between two messages that add up is to die before the first or after the last.
        if stack.faults.crashes and (self.case.every_step or not (busy.done and self._adds_up(busy))):
            dead = stack.with_busy(who, None)
            dead.faults = stack.faults._replace(crashes=stack.faults.crashes - 1)
            yield Move(who, "DIES", dead, fault=True)

    def _places(self, busy: Busy) -> Iterable[int]:
        """Return which part of an op may come next: messages for several partitions may arrive in any order."""
        op = busy.node.op
        if not (self.case.unordered and op and op.name == "publish" and op.args[0]):
            return (busy.done,)
        first: dict[tuple[str, bytes], int] = {}
        for place, message in enumerate(op.args[0]):
            if place not in busy.partly:
                first.setdefault((message.topic, message.key), place)
        return first.values()

    def _step(self, stack: Stack, who: int, busy: Busy, place: int) -> Move:
        node = busy.node
        if node.op is None:
            done = stack.with_busy(who, None)
            if node.error:
                done.wrong = (*stack.wrong, f"broke: the engine raised {node.error}")
            self._commit(done, busy.source)
            return Move(who, "commits", done)
        op, next_ = node.op, stack.copy()
        if op.name == "load":
            return self._load(stack, who, busy, op)
        result = self._perform.part(next_, who, op, place)
        what = doing(op, place, result)
        if op.name in ONE_BY_ONE:
            partly = (*busy.partly, place if op.name == "publish" else kept(result))
            if busy.done + 1 < len(op.args[0]):
                so_far = tuple(sorted(partly)) if op.name == "publish" else partly
                return Move(who, what, next_.with_busy(who, busy._replace(done=busy.done + 1, partly=so_far)))
            result = merged(op.name, partly)
        if self.broken.commits_at_once and op.name == "save":
            self._commit(next_, busy.source)
        going = self.histories.go_on(node, seen(next_, op.name, result), lambda: result, stack.clock(who))
        return Move(who, what, next_.with_busy(who, Busy(busy.source, going)))

    def _load(self, stack: Stack, who: int, busy: Busy, op: Op) -> Move:
        """Let a process load documents, which takes time: only where no history has seen them yet."""
        found = self._perform.look(stack, op)
        going = self.histories.go_on(busy.node, found, lambda: self._perform.part(stack, who, op, 0), stack.clock(who))
        what = "loads " + (", ".join(id_ for id_, _ in found) or "no document")
        return Move(who, what, stack.with_busy(who, Busy(busy.source, going)))

    def _commit(self, stack: Stack, source: Source) -> None:
        if source.kind == "m":
            number = source.what
            stack.committed = (*stack.committed[:number], True, *stack.committed[number + 1 :])
        elif source.kind == "p" and source.what in stack.triggers:
            triggers = list(stack.triggers)
            triggers.remove(source.what)
            stack.triggers = tuple(triggers)

    def _takes_up(self, stack: Stack, who: int) -> Iterator[Move]:
        at_work = [b.source for b in stack.busy if b]
        for number, committed in enumerate(stack.committed):
            if committed or not self._tasks.can_come(number, stack):
                continue
            if Source("m", number) not in at_work:
                yield Move(who, f"takes {self._tasks.named(number)}", self._begin(stack, who, Source("m", number)))
            elif stack.faults.redeliveries:
                yield self._again(stack, who, f"is given {self._tasks.named(number)} again", Source("n", number))
        for trigger in dict.fromkeys(stack.triggers):
            document, stamp = trigger
            described = f"a trigger for {document} of {at(stamp)}"
            if stack.triggers.count(trigger) > at_work.count(Source("p", trigger)):
                yield Move(who, f"takes {described}", self._begin(stack, who, Source("p", trigger)))
            elif stack.faults.redeliveries:
                yield self._again(stack, who, f"is given {described} again", Source("q", trigger))

    def _again(self, stack: Stack, who: int, what: str, source: Source) -> Move:
        fewer = stack.copy()
        fewer.faults = stack.faults._replace(redeliveries=stack.faults.redeliveries - 1)
        return Move(who, what, self._begin(fewer, who, source), fault=True)

    def _sweeps(self, stack: Stack) -> Iterator[Move]:
        documents, records, now = stack.documents.values(), stack.requests.values(), stack.clock(SWEEPER)
        due = any(p["transition"]["effective_at"] <= now for d in documents for p in d.get("pending", ()))
        waiting = [record for record in records if record["status"] == "waiting"]
        there_is = {
            "outboxes": any(d["outbox"] for d in documents),
            "states": any(d.get("unpublished_since", now) < now - STALE for d in documents),
            "republish": any(d.get("republish_at", now) < now for d in documents),
            "overdue": due and not stack.triggers,
            "deadlines": any(record["deadline"] <= now for record in waiting),
            "look_ups": any(record["look_up_at"] is not None and record["look_up_at"] <= now for record in waiting),
        }
        for what, wanted in there_is.items():
            if wanted and what in self.broken.sweeps:
                yield Move(SWEEPER, f"begins with {what}", self._begin(stack, SWEEPER, Source("s", what)))

    def _time(self, stack: Stack) -> Iterator[Move]:
        for delayed in stack.delayed:
            document, due = delayed
            early = stack.clocks[BROKER] < due
            if early and not stack.faults.early:
                continue
            sent = stack.copy()
            sent.delayed = tuple(d for d in stack.delayed if d != delayed)
            sent.triggers = tuple(sorted((*stack.triggers, (document, stack.clocks[BROKER]))))
            if early:
                sent.faults = stack.faults._replace(early=stack.faults.early - 1)
            yield Move(None, f"the delay triggers {document}{', early' if early else ''}", sent, fault=early)
        last = NOW + self.case.ticks * DELAY
        pending = [p["transition"]["effective_at"] for d in stack.documents.values() for p in d.get("pending", ())]
        waiting = [record["deadline"] for record in stack.requests.values() if record["status"] == "waiting"]
        republishing = [d["republish_at"] for d in stack.documents.values() if "republish_at" in d]
        last = max([last, *pending, *waiting, *republishing])
        if self._state_in_hand(stack) and not self.case.stalls:
            return
        if not self._all_done(stack):
            last = min(last, NOW + self.case.late * DELAY)
        if not self.case.clocks_apart:
            if stack.clocks[0] < last:
                yield self._tick(stack, CLOCKS)
            return
        for place in (0, 1, BROKER):
            if stack.clocks[place] < last:
                yield self._tick(stack, (0, SWEEPER) if place == 0 else (place,))

    def _all_done(self, stack: Stack) -> bool:
        """Tell whether everything that was delivered is done with."""
        outboxes = any(d["outbox"] for d in stack.documents.values())
        return all(stack.committed) and not any(stack.busy) and not outboxes

    def _state_in_hand(self, stack: Stack) -> bool:
        """Tell whether somebody is about to publish a state: that nobody stops there for ten minutes is assumed."""
        return any(
            message.topic.endswith(".state")
            for busy in stack.busy
            if busy and busy.node.op and busy.node.op.name == "publish"
            for place, message in enumerate(busy.node.op.args[0])
            if place not in busy.partly
        )

    def _tick(self, stack: Stack, places: tuple[int, ...]) -> Move:
        later = stack.copy()
        later.clocks = tuple(now + DELAY if place in places else now for place, now in enumerate(stack.clocks))
        whose = "every" if places == CLOCKS else "the broker's" if places == (BROKER,) else f"{NAMES[places[0]]}'s"
        return Move(None, f"{whose} clock goes on to {at(later.clocks[places[0]])}", later)
