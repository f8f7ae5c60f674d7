"""What may happen next in a world: a process takes something up, does its next step or dies; a clock goes on."""

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
from tests.explorer.stack import BROKER, CLOCKS, ENGINES, NAMES, SWEEPER, Busy, Source, World
from tests.explorer.tasks import Tasks
from tests.explorer.words import at, doing
from tests.support.toy import DELAY, NOW, OWNER


class Move(NamedTuple):
    """Who did what, the world after it, and whether it is a fault (which need not happen)."""

    mover: int | None
    """Which process; None when it is the world outside."""
    what: str
    world: World
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

    def first(self) -> World:
        """Return the world in which nothing has been delivered."""
        return beginning(self.case)

    def _begin(self, world: World, who: int, source: Source) -> World:
        name, task = self._tasks.of(source)
        return world.with_busy(who, Busy(source, self.histories.begin(name, task, world.clock(who))))

    def after(self, world: World) -> Iterator[Move]:
        """Return all that may happen next; when somebody is to do what is nobody else's concern, that alone."""
        for who, busy in enumerate(world.busy):
            if busy and not self.case.every_step and self._concerns_nobody(world, busy):
                yield from self._goes_on(world, who, busy)
                return
        for who in ENGINES:
            busy = world.busy[who]
            if busy:
                yield from self._goes_on(world, who, busy)
            else:
                yield from self._takes_up(world, who)
        sweeping = world.busy[SWEEPER]
        if sweeping:
            yield from self._goes_on(world, SWEEPER, sweeping)
        else:
            yield from self._sweeps(world)
        yield from self._time(world)

    def _concerns_nobody(self, world: World, busy: Busy) -> bool:
        """Tell whether a step comes to the same whatever others do before or after it."""
        op = busy.node.op
        if op is None:  # What is at work is taken up by nobody else, save by a redelivery.
            return busy.source.kind in "nqs" or not world.faults.redeliveries
        if op.name in ONE_BY_ONE and not op.args[0]:
            return True
        if op.name == "copies":
            return len(world.copies) == len(self.case.copies)
        return op.name == "new_ids" or self._adds_up(busy)

    def _adds_up(self, busy: Busy) -> bool:
        """Tell whether a step tells what adds up to the same in whatever order it is told."""
        op = busy.node.op
        if op is None or op.name != "publish" or not op.args[0]:
            return False
        topic = op.args[0][busy.done].topic
        return topic.endswith(".outcomes") or (topic.endswith(".journal") and self.broken.journal_by_step)

    def _goes_on(self, world: World, who: int, busy: Busy) -> Iterator[Move]:
        for place in self._places(busy):
            yield self._step(world, who, busy, place)
        # To die between two messages that add up is to die before the first or after the last.
        if world.faults.crashes and (self.case.every_step or not (busy.done and self._adds_up(busy))):
            dead = world.with_busy(who, None)
            dead.faults = world.faults._replace(crashes=world.faults.crashes - 1)
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

    def _step(self, world: World, who: int, busy: Busy, place: int) -> Move:
        node = busy.node
        if node.op is None:
            done = world.with_busy(who, None)
            if node.error:
                done.wrong = (*world.wrong, f"broke: the engine raised {node.error}")
            self._commit(done, busy.source)
            return Move(who, "commits", done)
        op, next_ = node.op, world.copy()
        if op.name == "load":
            return self._load(world, who, busy, op)
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
        going = self.histories.go_on(node, seen(next_, op.name, result), lambda: result, world.clock(who))
        return Move(who, what, next_.with_busy(who, Busy(busy.source, going)))

    def _load(self, world: World, who: int, busy: Busy, op: Op) -> Move:
        """Let a process load documents, which takes time: only where no history has seen them yet."""
        found = self._perform.look(world, op)
        going = self.histories.go_on(busy.node, found, lambda: self._perform.part(world, who, op, 0), world.clock(who))
        what = "loads " + (", ".join(id_ for id_, _ in found) or "no document")
        return Move(who, what, world.with_busy(who, Busy(busy.source, going)))

    def _commit(self, world: World, source: Source) -> None:
        if source.kind == "m":
            number = source.what
            world.committed = (*world.committed[:number], True, *world.committed[number + 1 :])
        elif source.kind == "p" and source.what in world.pokes:
            pokes = list(world.pokes)
            pokes.remove(source.what)
            world.pokes = tuple(pokes)

    def _takes_up(self, world: World, who: int) -> Iterator[Move]:
        at_work = [b.source for b in world.busy if b]
        for number, committed in enumerate(world.committed):
            if committed or not self._tasks.can_come(number, world):
                continue
            if Source("m", number) not in at_work:
                yield Move(who, f"takes {self._tasks.named(number)}", self._begin(world, who, Source("m", number)))
            elif world.faults.redeliveries:
                yield self._again(world, who, f"is given {self._tasks.named(number)} again", Source("n", number))
        for poke in dict.fromkeys(world.pokes):
            document, stamp = poke
            told = f"a poke for {document} of {at(stamp)}"
            if world.pokes.count(poke) > at_work.count(Source("p", poke)):
                yield Move(who, f"takes {told}", self._begin(world, who, Source("p", poke)))
            elif world.faults.redeliveries:
                yield self._again(world, who, f"is given {told} again", Source("q", poke))

    def _again(self, world: World, who: int, what: str, source: Source) -> Move:
        fewer = world.copy()
        fewer.faults = world.faults._replace(redeliveries=world.faults.redeliveries - 1)
        return Move(who, what, self._begin(fewer, who, source), fault=True)

    def _sweeps(self, world: World) -> Iterator[Move]:
        documents, rows, now = world.documents.values(), world.requests.values(), world.clock(SWEEPER)
        due = any(p["step"]["effective_at"] <= now for d in documents for p in d.get("pending", ()))
        waiting = [row for row in rows if row["status"] == "waiting"]
        there_is = {
            "outboxes": any(d["outbox"] for d in documents),
            "states": any(d.get("dirty_at", now) < now - STALE for d in documents),
            "settle": any(d.get("settle_at", now) < now for d in documents),
            "overdue": due and not world.pokes,
            "deadlines": any(row["deadline"] <= now for row in waiting),
            "questions": any(row["ask_at"] is not None and row["ask_at"] <= now for row in waiting),
        }
        for what, wanted in there_is.items():
            if wanted and what in self.broken.sweeps:
                yield Move(SWEEPER, f"begins with {what}", self._begin(world, SWEEPER, Source("s", what)))

    def _time(self, world: World) -> Iterator[Move]:
        for delayed in world.delayed:
            document, due = delayed
            early = world.clocks[BROKER] < due
            if early and not world.faults.early:
                continue
            sent = world.copy()
            sent.delayed = tuple(d for d in world.delayed if d != delayed)
            sent.pokes = tuple(sorted((*world.pokes, (document, world.clocks[BROKER]))))
            if early:
                sent.faults = world.faults._replace(early=world.faults.early - 1)
            yield Move(None, f"the delay pokes {document}{', early' if early else ''}", sent, fault=early)
        last = NOW + self.case.ticks * DELAY
        pending = [p["step"]["effective_at"] for d in world.documents.values() for p in d.get("pending", ())]
        waiting = [row["deadline"] for row in world.requests.values() if row["status"] == "waiting"]
        settling = [d["settle_at"] for d in world.documents.values() if "settle_at" in d]
        last = max([last, *pending, *waiting, *settling])
        if self._state_in_hand(world) and not self.case.stalls:
            return
        if not self._all_done(world):
            last = min(last, NOW + self.case.late * DELAY)
        if not self.case.clocks_apart:
            if world.clocks[0] < last:
                yield self._tick(world, CLOCKS)
            return
        for place in (0, 1, BROKER):
            if world.clocks[place] < last:
                yield self._tick(world, (0, SWEEPER) if place == 0 else (place,))

    def _all_done(self, world: World) -> bool:
        """Tell whether everything that was delivered is done with."""
        outboxes = any(d["outbox"] for d in world.documents.values())
        return all(world.committed) and not any(world.busy) and not outboxes

    def _state_in_hand(self, world: World) -> bool:
        """Tell whether somebody is about to publish a state: that nobody stops there for ten minutes is assumed."""
        return any(
            message.topic.endswith(".state")
            for busy in world.busy
            if busy and busy.node.op and busy.node.op.name == "publish"
            for place, message in enumerate(busy.node.op.args[0])
            if place not in busy.partly
        )

    def _tick(self, world: World, places: tuple[int, ...]) -> Move:
        later = world.copy()
        later.clocks = tuple(now + DELAY if place in places else now for place, now in enumerate(world.clocks))
        whose = "every" if places == CLOCKS else "the broker's" if places == (BROKER,) else f"{NAMES[places[0]]}'s"
        return Move(None, f"{whose} clock goes on to {at(later.clocks[places[0]])}", later)
