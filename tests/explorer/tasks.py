"""What processes are given to do: deliveries, triggers, and the sweeper's rounds, by the engine's own code."""

from collections.abc import Callable, Coroutine, Hashable
from typing import Any, cast

from shared.clock import Clock
from shared.engine.runtime.engine import Engine
from shared.engine.runtime.sweep import Sweeper
from shared.engine.storage.protocol import Bus, Copy, Sweepable
from tests.explorer.breaks import Break
from tests.explorer.cases import Case
from tests.explorer.history import Task
from tests.explorer.port import Op
from tests.explorer.stack import Source, Stack
from tests.support.toy import TIMING, ManualClock, incoming

Work = Coroutine[Op, Any, None]


class Tasks:
    """The tasks of a case. Each delivery is known by its place: batches of requests, then copies, then answers."""

    def __init__(self, case: Case, broken: Break) -> None:
        self._case = case
        self._broken = broken
        self._deliveries: list[tuple[str, Any]] = [
            *(("requests", batch_id) for batch_id in case.batches),
            *(("copy", item) for item in case.copies.items()),
            *(("answer", item) for item in case.answers.items()),
        ]

    def of(self, source: Source) -> tuple[Hashable, Task]:
        """Return a task with its name; what is delivered again is the same task."""
        kinds: dict[str, Callable[[Any, ManualClock], Work]] = {
            "m": self._deliver,
            "n": self._deliver,
            "p": self._trigger,
            "q": self._trigger,
            "s": self._sweep,
        }
        does = kinds[source.kind]
        return (does.__name__, source.what), lambda clock: does(source.what, clock)

    def can_come(self, number: int, stack: Stack) -> bool:
        """Tell whether a delivery can come: nobody answers what was not looked up."""
        kind, what = self._deliveries[number]
        return kind != "answer" or what[0] in stack.looked_up

    def named(self, number: int) -> str:
        """Say in words what a delivery is."""
        kind, what = self._deliveries[number]
        return f"delivery {number} ({', '.join(f'r{n}' for n in what) if kind == 'requests' else what[0]})"

    def _engine(self, clock: Clock) -> tuple[Engine, Any]:
        port = self._broken.port()
        engine = Engine(
            self._broken.owner, cast("Sweepable", port), cast("Bus", port), clock, TIMING, process="box_svc"
        )
        return engine, port

    def _deliver(self, number: int, clock: ManualClock) -> Work:
        engine, port = self._engine(clock)
        kind, what = self._deliveries[number]
        if kind == "requests":
            return engine.requests([incoming(self._case.requests[n], f"r{n}") for n in what])
        key, value = what
        if kind == "answer":
            return engine.on_lookup_answered({key: value})

        async def copy() -> None:
            await port.put_copies([Copy(key, 1, value)])
            await engine.on_copies_changed([key])

        return copy()

    def _trigger(self, trigger: tuple[str, int], clock: ManualClock) -> Work:
        engine, _ = self._engine(self._broken.trigger_clock(clock))
        document, stamp = trigger

        async def triggers() -> None:
            await engine.triggers([(document, self._broken.stamp(stamp))])

        return triggers()

    def _sweep(self, what: str, clock: ManualClock) -> Work:
        engine, port = self._engine(clock)
        sweep: Work = getattr(Sweeper(engine, port), what)()
        return sweep
