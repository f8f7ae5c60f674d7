"""Compares what readers end with, and what the history adds up to, with what MongoDB holds at the end. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from tests.faults.run import Run
from tests.faults.violation import Violation


def readers(run: Run) -> Iterator[Violation]:
    """Whoever reads `*.state` and `*.journal` from the start, highest version wins, ends with what MongoDB holds."""
    for document, stored in run.stored.items():
        record = stored.more.get("record")
        state = max(run.states.get(document, ()), key=lambda event: event.version, default=None)
        if record is None:
            continue
        if state is None:
            yield Violation("readers", document, "its state was never published")
        elif wrong := _differing(state.more["record"], record):
            yield Violation("readers", document, f"a new reader ends with another {', '.join(wrong)}")
    for request, request_record in run.request_records.items():
        journal = [step for step in run.of(request) if step.what == "journal"]
        last = max(journal, key=lambda step: step.version, default=None)
        if last is None:
            if request_record.status != "waiting" and request_record.version > run.base(request_record.document):
                yield Violation("readers", request, "the journal does not know it")
        elif (last.status, last.version, last.code) != (
            request_record.status,
            request_record.version,
            request_record.code,
        ):
            yield Violation(
                "readers",
                request,
                f"the journal ends with {last.status} {last.version}, "
                f"MongoDB with {request_record.status} {request_record.version}",
            )
    for request in run.steps.keys() - run.request_records.keys():
        yield Violation("readers", request, "decided, and MongoDB has no record of it")
    yield from _read_model(run)


def _read_model(run: Run) -> Iterator[Violation]:
    for shown in run.others["shown"]:
        if shown.request:
            request_record = run.request_records.get(shown.request)
            if request_record is not None and (shown.status, shown.code) != (
                request_record.status,
                request_record.code,
            ):
                yield Violation(
                    "readers", shown.request, f"the gateway shows {shown.status}, it is {request_record.status}"
                )
        elif shown.document in run.stored:
            record = run.stored[shown.document].more.get("record") or {}
            if wrong := _differing(shown.more["record"], record):
                yield Violation("readers", shown.document, f"the gateway shows another {', '.join(wrong)}")


def _differing(published: Mapping[str, Any], record: Mapping[str, Any]) -> list[str]:
    """Return the fields that differ. A decision that changes nothing moves the version and publishes no state."""
    names = (published.keys() | record.keys()) - {"version"}
    return sorted(name for name in names if published.get(name) != record.get(name))


def sums(run: Run) -> Iterator[Violation]:
    """What each effect found is what the one before it left, up to the record as it is: nothing applied twice."""
    for document, events in run.published.items():
        if not document:
            continue
        effects = {e.version: e for e in events if e.what == "journal" and e.status == "applied"}
        now: dict[str, Any] = {}
        for _, effect in sorted(effects.items()):
            before, after = effect.more.get("before", {}), effect.more.get("after", {})
            for name in before.keys() & now.keys():
                if before[name] != now[name]:
                    yield Violation("sums", document, f"{effect.request} found another {name} than was left")
            now |= after
        record = run.stored[document].more.get("record") if document in run.stored else None
        for name in sorted(now.keys() & (record or {}).keys()):
            if isinstance(now[name], str) and now[name] != "***" and now[name] != (record or {})[name]:
                yield Violation("sums", document, f"the last {name} is not the one applied last")
