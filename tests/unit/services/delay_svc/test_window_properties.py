"""Whatever comes in whatever order, processes that die included: never early, nothing lost, in order, little twice.

The window is driven as the relay drives it and compared with sets of offsets, which need no cleverness.
"""

from collections.abc import Callable, Sequence

from hypothesis import given
from hypothesis import strategies as st

from services.delay_svc import watermark
from services.delay_svc.window import Partition, Windows
from tests.unit.services.delay_svc.builders import trigger

A: Partition = ("delay.30m.v1", 0)
HIGH_WATER = 6
END_OF_TIME = 1_000
DEAD = None
"""Stands in a log for a record that nobody can forward."""

Log = Sequence[int | None]
Transition = tuple[str, int]

LOGS = st.lists(st.one_of(st.integers(0, 40), st.just(DEAD)), max_size=25)
LOGS_TO_FORWARD = st.lists(st.integers(0, 40), max_size=25)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("read"), st.integers(1, 5)),
        st.tuples(st.just("time"), st.integers(-5, 15)),
        st.tuples(st.just("finish"), st.just(0)),
        st.tuples(st.just("commit"), st.just(0)),
        st.tuples(st.just("die"), st.integers(-10, 10)),
    ),
    max_size=40,
)


class Processes:
    """One process after another, at one partition; `log` says when each record is due, in ms."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.now = 0
        self.forwarded: list[int] = []
        """What any of them has forwarded, in order."""
        self.dead_lettered: set[int] = set()
        """What any of them has put into the dead letters."""
        self.committed = (0, "")
        self.forwarded_at_commit: set[int] = set()
        self.deaths = 0
        self._begin()

    def do(self, transitions: Sequence[Transition]) -> None:
        """Take these steps."""
        do: dict[str, Callable[[int], None]] = {
            "read": self.read,
            "time": self.time,
            "finish": self.done,
            "commit": self.commit,
            "die": self.die,
        }
        for name, number in transitions:
            do[name](number)
            self.check()

    def finish(self) -> None:
        """Let all of the log be read, and all of it become due and be finished."""
        while self.unfinished() or self.end < len(self.log):
            self.read(HIGH_WATER)
            self.time(END_OF_TIME)
            self.done(0)
            self.check()
        self.commit(0)

    def _begin(self) -> None:
        position, metadata = self.committed
        self.windows = Windows(HIGH_WATER)
        self.windows.begin(A, position, watermark.read(metadata))
        self.start = self.end = position
        self.mine: set[int] = set()
        """What this process has finished, or passed over."""
        self.held: dict[int, Callable[[], None]] = {}
        self.paused = False

    def unfinished(self) -> set[int]:
        return set(range(self.start, self.end)) - self.mine

    def read(self, count: int) -> None:
        """Read on, as far as there is room."""
        room = self.windows.room(A, paused=self.paused)
        self.paused = not room
        for offset in range(self.end, min(len(self.log), self.end + min(room, count))):
            due_at = self.log[offset]
            before = len(self.windows)
            self.end = offset + 1
            if due_at is None:
                self.held[offset] = self.windows.hold(A, offset)
            else:
                self.windows.add(A, trigger(offset, due_at))
            if len(self.windows) == before:
                assert offset in self.forwarded_at_commit, "only what was forwarded and committed may be passed over"
                self.mine.add(offset)

    def time(self, passes: int) -> None:
        """Let time pass, backwards too, as when a clock is set; forward what is due."""
        self.now += passes
        due = [trigger.record.offset for trigger in self.windows.due(self.now).get(A, ())]
        waiting = {o: self.log[o] for o in self.unfinished() - set(self.held)}
        expected = sorted((d, o) for o, d in waiting.items() if d is not None and d <= self.now)
        assert due == [offset for _, offset in expected]
        if due:
            self.windows.forwarded(A, len(due))
        self.forwarded += due
        self.mine.update(due)

    def done(self, _: int) -> None:
        """Acknowledge the first dead letter."""
        if self.held:
            offset = min(self.held)
            self.held.pop(offset)()
            self.dead_lettered.add(offset)
            self.mine.add(offset)

    def commit(self, _: int) -> None:
        """Commit; the relay does so when it has forwarded what is due."""
        self.time(0)
        self.committed = self.windows.commits()[A]
        self.forwarded_at_commit = set(self.forwarded)

    def die(self, difference: int) -> None:
        """Let another go on, whose clock differs."""
        self.deaths += 1
        self.now += difference
        self._begin()

    def check(self) -> None:
        """Assert what holds at any time."""
        position = self.windows.positions()[A]
        assert position == min(self.unfinished(), default=self.end)
        assert set(range(position)) <= set(self.forwarded) | self.dead_lettered
        assert len(self.windows) == len(self.unfinished()) <= HIGH_WATER
        assert self.windows.next_due() == min(
            (d for o in self.unfinished() - set(self.held) if (d := self.log[o]) is not None), default=None
        )


@given(LOGS, STEPS)
def test_never_early_in_order_and_nothing_is_lost_whoever_dies(log: Log, transitions: Sequence[Transition]) -> None:
    processes = Processes(log)
    processes.do(transitions)
    processes.finish()

    assert set(processes.forwarded) == {offset for offset, due_at in enumerate(log) if due_at is not None}
    assert processes.dead_lettered == {offset for offset, due_at in enumerate(log) if due_at is None}
    assert processes.committed[0] == len(log)


@given(LOGS, STEPS)
def test_who_lives_on_forwards_nothing_twice(log: Log, transitions: Sequence[Transition]) -> None:
    processes = Processes(log)
    processes.do([transition for transition in transitions if transition[0] != "die"])
    processes.finish()

    assert len(processes.forwarded) == len(set(processes.forwarded))


@given(LOGS_TO_FORWARD, STEPS)
def test_after_a_death_only_what_was_forwarded_since_the_last_commit_comes_again(
    log: Log, transitions: Sequence[Transition]
) -> None:
    processes = Processes(log)
    processes.do([(name, abs(number)) for name, number in transitions if name != "die"])
    before, committed = set(processes.forwarded), set(processes.forwarded_at_commit)
    already = len(processes.forwarded)
    processes.die(0)
    processes.finish()

    assert before & set(processes.forwarded[already:]) == before - committed
