"""Health of a process, by its own loops: a consume loop that died or hangs is seen, which a broker's ping would miss.

*Live* means that restarting would not help: loops run and none hangs. *Ready* means that work can be done now. The
number of problems is a metric too, for alerts. A part that has *ended* for good makes the process end itself
(`process.py`): not every supervisor asks whether a process is live, but each restarts one that has ended.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from shared.runtime import metrics

Check = Callable[[], Awaitable[None]]


@dataclass
class Loop:
    """One loop that must keep running; it calls `beat` in each iteration.

    After `stalled_after` seconds without a beat it counts as hanging.
    """

    name: str
    stalled_after: float = 60.0
    alive: Callable[[], bool] = lambda: True
    last: float = field(default_factory=time.monotonic)
    stuck: str | None = None
    """Why it runs without progress, if so: work can't be done, and restarting would not help."""

    def beat(self) -> None:
        """Note that the loop has begun another iteration."""
        self.last = time.monotonic()

    def ended(self) -> str | None:
        """Return the problem that the loop has ended for good, or None."""
        return None if self.alive() else f"{self.name} has stopped"

    def problem(self) -> str | None:
        """Return what is wrong with the loop, or None."""
        if (ended := self.ended()) is not None:
            return ended
        silent = time.monotonic() - self.last
        return f"{self.name} has not turned for {silent:.0f} s" if silent > self.stalled_after else None


class Health:
    """What a process reports about itself."""

    def __init__(self, process: str = "") -> None:
        self._process = process
        self._loops: list[Loop] = []
        self._checks: dict[str, Check] = {}
        self._bearable: set[str] = set()
        self.started = False

    def loop(self, name: str, *, stalled_after: float = 60.0, alive: Callable[[], bool] = lambda: True) -> Loop:
        """Watch one more loop and return it."""
        loop = Loop(name, stalled_after, alive)
        self._loops.append(loop)
        return loop

    def part(self, name: str, alive: Callable[[], bool]) -> None:
        """Watch something that is no loop, and can only end."""
        self.loop(name, stalled_after=math.inf, alive=alive)

    def check(self, name: str, check: Check, *, bearable: bool = False) -> None:
        """Call `check`, which raises when something is wrong, each time readiness is asked for.

        The failure of a `bearable` check is reported and counted, and the process is ready all the same.
        """
        self._checks[name] = check
        if bearable:
            self._bearable.add(name)

    def ended(self) -> list[str]:
        """Return which parts have ended for good."""
        return [problem for loop in self._loops if (problem := loop.ended())]

    def live(self) -> list[str]:
        """Return what is wrong with the loops."""
        return [problem for loop in self._loops if (problem := loop.problem())]

    async def problems(self) -> tuple[list[str], list[str]]:
        """Return what keeps the process from working now, and the problems that do not."""
        serious = self.live() if self.started else ["starting"]
        serious += [f"{loop.name} stands still: {loop.stuck}" for loop in self._loops if loop.stuck]
        bearable: list[str] = []
        # All at once, since probes wait only a few seconds.
        for name, error in zip(
            self._checks, await asyncio.gather(*map(_problem_of, self._checks.values())), strict=True
        ):
            if error is not None:
                (bearable if name in self._bearable else serious).append(f"{name}: {error}")
        return serious, bearable

    async def ready(self) -> list[str]:
        """Return what keeps the process from working now."""
        serious, _ = await self.problems()
        return serious

    async def count(self) -> None:
        """Set the metric of the number of problems now."""
        serious, bearable = await self.problems()
        metrics.PROBLEMS.labels(self._process).set(len(serious) + len(bearable))


async def _problem_of(check: Check) -> str | None:
    try:
        await asyncio.wait_for(check(), 3)
    except Exception as error:  # noqa: BLE001 - any exception of a check is a problem to report.
        return type(error).__name__
    return None


def routes(health: Health) -> list[Route]:
    """Return `/live`, `/ready` and `/metrics`."""

    async def live(_: Request) -> Response:
        return _answer(health.live())

    async def ready(_: Request) -> Response:
        return _answer(*await health.problems())

    async def exposition(_: Request) -> Response:
        await health.count()
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return [Route("/live", live), Route("/ready", ready), Route("/metrics", exposition)]


def _answer(serious: Sequence[str], bearable: Sequence[str] = ()) -> Response:
    report = {"ok": not serious, "problems": [*serious, *bearable]}
    return JSONResponse(report, status_code=503 if serious else 200)


def app(health: Health) -> Starlette:
    """Return the small application that a process without an API of its own serves."""
    return Starlette(routes=routes(health))
