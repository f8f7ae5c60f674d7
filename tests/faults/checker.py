"""One checker for every fault run: what the history shows to be early, lost, double, out of order or untrue. Pure.

It believes nobody: what was published is compared with the log of requests, with itself, and with what MongoDB holds.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise

from tests.faults import truth
from tests.faults.history import Event
from tests.faults.run import EFFECTS, ENDS, Run, arrange
from tests.faults.violation import Violation

__all__ = ["Violation", "check"]


def check(events: Sequence[Event]) -> list[Violation]:
    """Return everything that should not have happened."""
    run = arrange(events)
    return [violation for rule in RULES for violation in rule(run)]


def early(run: Run) -> Iterator[Violation]:
    """Nothing takes effect before its time; nothing is forwarded before it is due, unless that clock was made fast."""
    for request, accepted in run.accepted():
        for step in run.of(request):
            if step.status not in EFFECTS or accepted.due_at is None:
                continue
            at = min(step.at, int(step.more.get("decided", step.at)))
            if at < accepted.due_at:
                yield Violation("early", request, f"{step.status} {accepted.due_at - at} ms before its time")
    fast = {fault.who for fault in run.others["fault"] if fault.code == "clock"}
    for trigger in run.others["forwarded"]:
        if trigger.who == "delay_svc" and "delay_svc" not in fast and trigger.due_at and trigger.at < trigger.due_at:
            yield Violation("early", trigger.document, f"forwarded {trigger.due_at - trigger.at} ms before it was due")


def lost(run: Run) -> Iterator[Violation]:
    """What an entry point took is answered, what was accepted ends in its time, and every decision is published."""
    for request in sorted(run.taken | set(run.logged)):
        if run.first(request) is None and request.rpartition("|")[2] not in run.refused:
            yield Violation("lost", request, "taken and never answered")
    for request, accepted in run.accepted():
        if run.statuses(request) & ENDS:
            continue
        stored = run.stored.get(accepted.document)
        waits = stored is not None and request in stored.more.get("pending", ())
        if not waits or (accepted.due_at or 0) <= run.ended.at:
            yield Violation("lost", request, "accepted, and neither applied nor failed nor cancelled")
    for document, stored in run.stored.items():
        for what in ("outcome", "journal"):
            published = {event.version for event in run.published.get(document, ()) if event.what == what}
            for version in sorted(set(range(run.base(document) + 1, stored.version + 1)) - published):
                yield Violation("lost", document, f"version {version} was never published ({what})")
        if stored.more.get("outbox") or stored.more.get("dirty"):
            yield Violation("lost", document, "something is still to be published")
    for request, request_record in run.request_records.items():
        if request_record.status == "waiting":
            yield Violation("lost", request, "it still waits")


def not_dead_lettered(run: Run) -> Iterator[Violation]:
    """What nobody can read is a dead letter."""
    dead_lettered = {dead_letter.more.get("was") for dead_letter in run.others["dead_lettered"]}
    for poison in run.others["poisoned"]:
        if poison.place not in dead_lettered:
            yield Violation("lost", poison.place, "nobody can read it, and it is no dead letter")


def double(run: Run) -> Iterator[Violation]:
    """One decision and one effect a request, whoever publishes it and however often."""
    for request, steps in run.steps.items():
        by_status: dict[str, set[tuple[object, ...]]] = defaultdict(set)
        for step in steps:
            if step.status != "waiting":
                by_status[step.status].add((step.document, step.version, step.code, step.due_at))
        for status, variants in by_status.items():
            if len(variants) > 1:
                yield Violation("double", request, f"{status} in {len(variants)} ways: {sorted(map(str, variants))}")
        if by_status.keys() >= EFFECTS:
            yield Violation("double", request, "both applied and failed")
    for document, events in run.published.items():
        holders: dict[int, set[str]] = defaultdict(set)
        for event in events:
            if document:
                holders[event.version].add(f"{event.request} {event.status}")
        for version, several in holders.items():
            if len(several) > 1:
                yield Violation("double", document, f"version {version} is {' and '.join(sorted(several))}")
    yield from _answered_differently(run)


def _answered_differently(run: Run) -> Iterator[Violation]:
    for answer in run.others["answered"]:
        if answer.code in run.refused.get(answer.request.rpartition("|")[2], ()):
            continue
        if not any((s.status, s.code) == (answer.status, answer.code) for s in run.of(answer.request)):
            yield Violation("double", answer.request, f"answered {answer.status} {answer.code}, published otherwise")


def disorder(run: Run) -> Iterator[Violation]:
    """Changes of a document take effect in the order of acceptance, and are decided in the order of their log."""
    for document, events in run.published.items():
        if not document:
            continue
        accepted = {event.request: event for event in reversed(events) if event.status == "accepted"}
        ended = {e.request: e.version for e in reversed(events) if e.status in EFFECTS and e.request in accepted}
        in_order = sorted(ended, key=ended.__getitem__)
        for before, after in pairwise(in_order):
            if accepted[before].version > accepted[after].version:
                yield Violation("disorder", document, f"{after} was accepted before {before} and took effect after it")
        yield from _due_in_disorder(document, accepted, events)
        yield from _published_in_disorder(run, document, events)
    yield from _decided_in_disorder(run)


def _due_in_disorder(document: str, accepted: Mapping[str, Event], events: Sequence[Event]) -> Iterator[Violation]:
    over = {event.request: event.version for event in events if event.status in ENDS}
    waiting: list[Event] = []
    for two in sorted(accepted.values(), key=lambda event: event.version):
        # What was cancelled before takes effect never, so nothing has to wait for it.
        waiting = [one for one in waiting if over.get(one.request, two.version) >= two.version]
        for one in waiting:
            if (one.due_at or 0) > (two.due_at or 0):
                yield Violation("disorder", document, f"{two.request} takes effect before {one.request}")
        waiting.append(two)


def _published_in_disorder(run: Run, document: str, events: Sequence[Event]) -> Iterator[Violation]:
    del run
    plain = [e for e in events if e.what == "outcome" and e.status != "waiting" and not e.more.get("repeated")]
    by_partition: dict[str, list[Event]] = defaultdict(list)
    for event in sorted(plain, key=lambda e: (e.partition, e.offset)):
        if event.version not in {seen.version for seen in by_partition[event.partition]}:
            by_partition[event.partition].append(event)
    for first_published in by_partition.values():
        for one, two in pairwise(first_published):
            if one.version > two.version:
                yield Violation("disorder", document, f"version {one.version} was published before {two.version}")


def _decided_in_disorder(run: Run) -> Iterator[Violation]:
    logs: dict[tuple[str, str], list[tuple[int, Event]]] = defaultdict(list)
    for request, logged in run.logged.items():
        decided = run.first(request)
        waited = "waiting" in run.statuses(request)
        # What came through several partitions, or had to wait, has no place of its own in one log.
        if decided is None or not decided.document or waited or len({a.partition for a in logged}) > 1:
            continue
        logs[decided.document, logged[0].partition].append((min(a.offset for a in logged), decided))
    for (document, _), log in logs.items():
        log.sort(key=lambda place: place[0])
        for (_, one), (_, two) in pairwise(log):
            if one.version > two.version:
                yield Violation("disorder", document, f"{two.request} was decided before {one.request}, logged first")


def cancelled(run: Run) -> Iterator[Violation]:
    """A cancelled request never applies."""
    for request in run.steps:
        statuses = run.statuses(request)
        if "cancelled" in statuses and statuses & EFFECTS:
            yield Violation("cancelled", request, "cancelled, and it took effect all the same")


def contradiction(run: Run) -> Iterator[Violation]:
    """Nobody is answered yes and no."""
    for request in run.steps:
        statuses = run.statuses(request)
        if "rejected" in statuses and statuses & {"accepted", "applied", "failed", "cancelled"}:
            yield Violation("contradiction", request, f"published {' and '.join(sorted(statuses - {'waiting'}))}")


RULES: tuple[Callable[[Run], Iterator[Violation]], ...] = (
    early,
    lost,
    not_dead_lettered,
    double,
    disorder,
    cancelled,
    contradiction,
    truth.readers,
    truth.sums,
)
