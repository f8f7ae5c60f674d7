"""What a run measured: how much was submitted and done, how late, and how long a fault was felt. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from bench.record import percentile
from tests.faults.history import Event
from tests.faults.run import EFFECTS, Run, arrange

FELT = 1_000
"""A decision or an effect that comes later than this (ms) was held up by a fault."""


def figures(events: Sequence[Event]) -> dict[str, Any]:
    """Return the figures of a run: counts, and times in ms unless the name says otherwise."""
    run = arrange(events)
    decisions, effects = _decisions(run), _effects(run)
    triggers = Counter(trigger.more.get("id") for trigger in run.others["forwarded"] if trigger.who == "delay_svc")
    firsts = [first for request in run.steps if (first := run.first(request))]
    return {
        "requests": len(run.logged),
        "records": sum(map(len, run.logged.values())),
        "decided": dict(sorted(Counter(first.status for first in firsts).items())),
        "took_effect": len(effects),
        "cancelled": sum("cancelled" in run.statuses(request) for request in run.steps),
        "documents": len(run.stored),
        "dead_letters": sum(event.what == "dead_lettered" for event in events),
        "faults": dict(sorted(Counter(f"{fault.code} {fault.who}" for fault in run.others["fault"]).items())),
        "duplicates_forwarded": sum(triggers.values()) - len(triggers),
        "triggered_by_sweeper": sum(trigger.who == "sweeper" for trigger in run.others["forwarded"]),
        "decision": _spread([late for _, late in decisions]),
        "lateness": _spread([late for _, late in effects]),
        "felt": [_felt(run, number, decisions, effects) for number in range(len(run.others["fault"]))],
    }


def _decisions(run: Run) -> list[tuple[int, int]]:
    """Return, for each request, when it came into the log and how much later its decision was published first."""
    found = []
    for request, logged in run.logged.items():
        published = [s.at for s in run.of(request) if s.what == "outcome" and s.status != "waiting"]
        if published:
            came = min(event.at for event in logged)
            found.append((came, max(0, min(published) - came)))
    return found


def _effects(run: Run) -> list[tuple[int, int]]:
    """Return, for each change that took effect later, when it was due and how much later that was published first."""
    found = []
    for request, accepted in run.accepted():
        published = [s.at for s in run.of(request) if s.what == "outcome" and s.status in EFFECTS]
        if published and accepted.due_at is not None:
            found.append((accepted.due_at, min(published) - accepted.due_at))
    return found


def _spread(late: Sequence[int]) -> Mapping[str, int]:
    if not late:
        return {}
    return {"p50": int(percentile(late, 0.5)), "p99": int(percentile(late, 0.99)), "max": max(late)}


def _felt(
    run: Run, number: int, decisions: Sequence[tuple[int, int]], effects: Sequence[tuple[int, int]]
) -> Mapping[str, Any]:
    """Return what of a fault was felt, until the next one: how late things were, and until when after it."""
    fault = run.others["fault"][number]
    later = [other.at for other in run.others["fault"] if other.at > fault.at]
    until = min(later, default=run.ended.at)
    decided = [(at, late) for at, late in decisions if fault.at <= at < until]
    done = [(at, late) for at, late in effects if fault.at <= at < until]
    held_up = [at + late - fault.at for at, late in (*decided, *done) if late > FELT]
    return {
        "fault": f"{fault.code} {fault.who}",
        "decision": _spread([late for _, late in decided]),
        "lateness": _spread([late for _, late in done]),
        "felt_for": max(held_up, default=0),
    }
