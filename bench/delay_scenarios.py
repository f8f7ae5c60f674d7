"""The measurements of the delay: each makes its own topics, sends, lets delay_svc work, reads back, and cleans up.

Lateness is the broker's append time of a forwarded record (LogAppendTime) minus its `due_at`. What was forwarded is
read only once all of it is there, so that reading costs nothing while it counts.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from bench.delay_harness import (
    ROOT,
    Worker,
    delete_topics,
    ends,
    environment,
    fill,
    forget_group,
    lateness,
    make_topics,
    read_all,
)
from bench.record import Measurement, Panel, cpu_seconds, percentile, thinned
from services.delay_svc.relay import SESSION_TIMEOUT
from shared.clock import MINUTE, SECOND, SystemClock
from shared.contracts.topics import delay_topic
from shared.runtime.settings import KafkaSettings

WARM_UP = 3
"""Seconds of a steady load that are not counted: a new broker and a new process are slow at first."""
PATIENCE = 60
"""Seconds until what does not come is given up."""
_SOON = 5 * SECOND
_now = SystemClock().now


@dataclass
class Bench:
    """Where the measurements run, and what they have found so far. `consumer` has no group and no topics."""

    kafka: KafkaSettings
    folder: Path
    producer: Any
    consumer: Any
    report: Callable[[str], None]
    measurements: list[Measurement] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)
    panels: list[Panel] = field(default_factory=list)
    measured: int = 0
    early: int = 0

    @asynccontextmanager
    async def topics(self, delay: int, *targets: str) -> AsyncIterator[str]:
        """Make the topic of a delay (ms) that nobody used yet, and targets; delete them at the end."""
        source = delay_topic(delay)
        make_topics(self.kafka, [delay], targets)
        try:
            yield source
        finally:
            delete_topics(self.kafka, [source, *targets])
            forget_group(self.kafka)

    @asynccontextmanager
    async def workers(self, count: int = 1) -> AsyncIterator[list[Worker]]:
        """Run delay_svc processes."""
        workers = [Worker(self.kafka, self.folder / "delay_svc.log") for _ in range(count)]
        try:
            for worker in workers:
                await asyncio.to_thread(worker.start)
            yield workers
        finally:
            for worker in workers:
                await asyncio.to_thread(worker.stop)

    async def send(self, topic: str, target: str, due: Sequence[int]) -> None:
        """Put in a trigger for each instant of `due`."""
        await asyncio.gather(*await fill(self.producer, topic, target, due))

    async def load(self, topic: str, target: str, rate: int, seconds: int, pending: int) -> int:
        """Put in `rate` triggers for each second; return when the first was due.

        What is due within `pending` seconds is put in at once; then, for `seconds`, as much as becomes due meanwhile.
        """
        first_due = _now() + _SOON
        start = rate * pending
        sent = await fill(self.producer, topic, target, (first_due + n * SECOND // rate for n in range(start)))
        for tick in range(seconds * 100):
            await asyncio.sleep(max(0, first_due + tick * 10 - _now()) / SECOND)
            numbers = range(start + tick * rate // 100, start + (tick + 1) * rate // 100)
            due = [first_due + number * SECOND // rate for number in numbers]
            sent += await fill(self.producer, topic, target, due, first=numbers.start)
        await asyncio.gather(*sent)
        return first_due

    async def appended(self, target: str) -> int:
        """Return how many records are in a target."""
        return sum((await ends(self.consumer, target)).values())

    async def forwarded(self, target: str, count: int) -> list[Any]:
        """Return what is in the target once there are `count` records, in the order of their append."""
        deadline = time.monotonic() + PATIENCE
        while (there := await self.appended(target)) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{there} of {count} records were forwarded within {PATIENCE} s")
            await asyncio.sleep(0.2)
        records = sorted(await read_all(self.kafka, target), key=lambda record: int(record.timestamp))
        self.measured += len(records)
        self.early += sum(late < 0 for late in lateness(records))
        return records


async def rates(bench: Bench, limits: dict[int, int], seconds: int) -> None:
    """Lateness when as much becomes due as is put in; `limits` is, by rate, the most that p99 may be (ms).

    More is pending than windows hold, as it always is with a delay of half an hour: they are filled again and again.
    """
    pending = 30
    lines = {}
    for rate, limit in limits.items():
        name, target = f"lateness at {rate:,}/s", f"rate{rate}.due"
        async with bench.topics(pending * SECOND + rate, target) as source, bench.workers():
            bench.report(f"{rate:,}/s for {WARM_UP + seconds} s")
            first_due = await bench.load(source, target, rate, WARM_UP + seconds, pending)
            records = await bench.forwarded(target, rate * (WARM_UP + seconds))
        counted = range(first_due + WARM_UP * SECOND, first_due + (WARM_UP + seconds) * SECOND)
        late = [ms for record, ms in zip(records, lateness(records), strict=True) if record.timestamp - ms in counted]
        bench.figures[name] = _spread(late)
        bench.measurements += [
            Measurement(f"{name}: p50", percentile(late, 0.5), "ms"),
            Measurement(f"{name}: p99", percentile(late, 0.99), "ms", limit),
            Measurement(f"{name}: max", max(late), "ms"),
        ]
        lines[f"{rate:,}/s"] = [(percentile(late, share / 200), share / 2) for share in range(201)]
    bench.panels.append(Panel("lateness at a steady rate", "late by at most (ms)", "% of records", lines))


async def burst(bench: Bench, count: int) -> None:
    """The last one of many that are due within one second; and, for knowledge, of as many due in one millisecond."""
    lines = {}
    for what, spread, limit in (("same second", SECOND, 500), ("same millisecond", 1, None)):
        async with bench.topics(20 * SECOND + spread, "burst.due") as source, bench.workers():
            bench.report(f"{count:,} due in the {what}")
            due_at = _now() + _SOON
            await bench.send(source, "burst.due", [due_at + n * spread // count for n in range(count)])
            if _now() > due_at - 2 * SECOND:
                raise RuntimeError("sending took so long that the burst was near before all was there")
            records = await bench.forwarded("burst.due", count)
        late = lateness(records)
        bench.figures[f"{count:,} due in the {what}"] = _spread(late)
        bench.measurements.append(Measurement(f"{count:,} due in the {what}: last one late", max(late), "ms", limit))
        lines[what] = thinned([(record.timestamp - due_at, ms) for record, ms in zip(records, late, strict=True)])
    bench.panels.append(Panel(f"{count:,} at once", "ms since the first was due", "late (ms)", lines, 500))


async def memory(bench: Bench, few: int, many: int) -> None:
    """Resident memory of a process before which few records are pending, and of one before which many are."""
    rss: list[float] = []
    async with bench.topics(30 * MINUTE, "memory.due") as source:
        pending = 0
        for count in (few, many):
            while pending < count:
                some = min(100_000, count - pending)
                await bench.send(source, "memory.due", [_now() + 30 * MINUTE] * some)
                pending += some
                bench.report(f"{pending:,} pending")
            async with bench.workers() as (worker,):
                held = await _steady_read_ahead(worker)
                rss.append(worker.rss() / 2**20)
            bench.figures[f"memory, {count:,} pending"] = {"rss_mib": round(rss[-1], 1), "read_ahead": held}
            bench.measurements.append(Measurement(f"memory, {count:,} pending", round(rss[-1], 1), "MiB"))
    bench.measurements.append(Measurement("memory: difference", abs(round(100 * (rss[1] / rss[0] - 1), 1)), "%", 10))


async def forward_rate(bench: Bench, count: int, rounds: int) -> None:
    """How fast overdue records are forwarded, beside the raw loop with the same records, in turn."""
    paces: dict[str, list[_Pace]] = {"delay_svc": [], "raw loop": []}
    for turn in range(rounds):
        async with bench.topics(40 * SECOND + turn, "ours.due", "raw.due") as source:
            await bench.send(source, "ours.due", [_now()] * count)
            async with bench.workers() as (worker,):
                paces["delay_svc"].append(await _pace(bench, "ours.due", count, worker.pid))
            with _raw(bench.kafka, source, "raw.due", f"raw{turn}") as pid:
                paces["raw loop"].append(await _pace(bench, "raw.due", count, pid))
        bench.report(", ".join(f"{name} {some[-1].rate:,}/s" for name, some in paces.items()))
    bench.figures["forward rate"] = {name: [asdict(pace) for pace in some] for name, some in paces.items()}
    (ours, our_cpu), (raw, raw_cpu) = (
        (median(pace.rate for pace in some), median(pace.cpu_us for pace in some)) for some in paces.values()
    )
    bench.measurements += [
        Measurement("forward rate of delay_svc", ours, "/s"),
        Measurement("forward rate of the raw loop", raw, "/s"),
        Measurement("forward rate: ratio", round(ours / raw, 2), "", 0.5, at_least=True),
        Measurement("processor time of delay_svc", our_cpu, "µs a record"),
        Measurement("processor time of the raw loop", raw_cpu, "µs a record"),
    ]


async def kill(bench: Bench, rate: int, seconds: int) -> None:
    """One of two processes is killed under a steady load: what is lost, how late, how often twice."""
    pending, name = 2, f"kill -9 of one of two at {rate}/s"
    count = rate * (pending + seconds)
    async with bench.topics(50 * SECOND, "kill.due") as source, bench.workers(2) as (victim, _):
        bench.report(f"{rate}/s for {pending + seconds} s, kill -9 of one of two")
        loading = asyncio.create_task(bench.load(source, "kill.due", rate, seconds, pending))
        await asyncio.sleep(_SOON / SECOND + 3)
        killed_at = _now()
        await asyncio.to_thread(victim.kill)
        await loading
        await asyncio.sleep(SESSION_TIMEOUT / SECOND + pending)  # What comes twice has come by then.
        records = await bench.forwarded("kill.due", count)
    late = lateness(records)
    distinct = len({record.key for record in records})
    bench.figures[name] = _spread(late) | {
        "sent": count,
        "lost": count - distinct,
        "twice": len(records) - distinct,
        "session_timeout_ms": SESSION_TIMEOUT,
    }
    limit = SESSION_TIMEOUT + 6 * SECOND
    bench.measurements += [
        Measurement(f"{name}: lost", count - distinct, "", 0),
        Measurement(f"{name}: max late", max(late), "ms", limit),
        Measurement(f"{name}: forwarded twice", len(records) - distinct, "", 10),
    ]
    points = [((r.timestamp - killed_at) / SECOND, ms / SECOND) for r, ms in zip(records, late, strict=True)]
    line = {f"{rate}/s": thinned(points)}
    bench.panels.append(Panel("kill -9 of one of two", "s since the kill", "late (s)", line, limit / SECOND))


def _spread(late: Sequence[int]) -> dict[str, Any]:
    shares = {f"p{share:g}_ms": percentile(late, share / 100) for share in (50, 90, 99, 99.9)}
    return {"records": len(late), "min_ms": min(late), **shares, "max_ms": max(late)}


@dataclass(frozen=True)
class _Pace:
    """Records a second, and processor time of the process for each (µs)."""

    rate: int
    cpu_us: float


async def _pace(bench: Bench, target: str, count: int, pid: int) -> _Pace:
    """Measure, from the first tenth to the last record, how fast a process fills its target."""
    start, cpu = 0, 0.0
    async with asyncio.timeout(PATIENCE):
        while (there := await bench.appended(target)) < count:
            if not start and there > count // 10:
                start, cpu = there, cpu_seconds(pid)
            await asyncio.sleep(0.1)
    spent = cpu_seconds(pid) - cpu
    records = (await bench.forwarded(target, count))[start:]
    rate = len(records) * SECOND // int(records[-1].timestamp - records[0].timestamp)
    return _Pace(rate, round(spent / len(records) * 1e6, 1))


async def _steady_read_ahead(worker: Worker) -> int:
    """Return how many records a process has read ahead, once that does not change any more."""
    before, now = -1.0, 0.0
    while now != before:
        await asyncio.sleep(2)
        before, now = now, worker.metric("delay_window_records")
    return int(now)


@contextmanager
def _raw(kafka: KafkaSettings, *arguments: str) -> Iterator[int]:
    """Run the raw loop as a process of its own, whose id is yielded."""
    process = subprocess.Popen([sys.executable, "-m", "bench.raw_loop", *arguments], cwd=ROOT, env=environment(kafka))
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait()
