"""The events of one run, arranged by what they are about. Pure."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tests.faults.history import Event

ENDS = frozenset({"applied", "failed", "cancelled", "rejected"})
EFFECTS = frozenset({"applied", "failed"})


def _lists() -> defaultdict[str, list[Event]]:
    return defaultdict(list)


@dataclass
class Run:
    """A run as the checker and the figures look at it. `steps` are published ones, repetitions included."""

    begun: Event
    ended: Event
    logged: defaultdict[str, list[Event]] = field(default_factory=_lists)
    """By request, as often as it stands in a log."""
    taken: set[str] = field(default_factory=set)
    """Requests that an entry point acknowledged."""
    steps: defaultdict[str, list[Event]] = field(default_factory=_lists)
    """By request: what journal and outcomes say, in the order of versions."""
    refused: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """By request id: codes of refusals of messages that never became requests."""
    published: defaultdict[str, list[Event]] = field(default_factory=_lists)
    """By document: what was published of it."""
    states: defaultdict[str, list[Event]] = field(default_factory=_lists)
    stored: dict[str, Event] = field(default_factory=dict)
    request_records: dict[str, Event] = field(default_factory=dict)
    others: defaultdict[str, list[Event]] = field(default_factory=_lists)
    """By kind: what HTTP answered, triggers forwarded, what the gateway shows, faults."""

    def base(self, document: str) -> int:
        """Return the version a document had before the run."""
        return int(self.begun.more.get("versions", {}).get(document, 0))

    def first(self, request: str) -> Event | None:
        """Return the first decision of a request."""
        return next((step for step in self.of(request) if step.status != "waiting"), None)

    def statuses(self, request: str) -> set[str]:
        """Return every published status of a request."""
        return {step.status for step in self.of(request)}

    def of(self, request: str) -> Sequence[Event]:
        """Return what was published of a request, perhaps nothing."""
        return self.steps.get(request, ())

    def accepted(self) -> Iterator[tuple[str, Event]]:
        """Return the requests that were to take effect later, with the step that says so."""
        for request, steps in self.steps.items():
            for step in steps:
                if step.status == "accepted":
                    yield request, step
                    break


def arrange(events: Sequence[Event]) -> Run:
    """Arrange the events of a run. Raises ValueError when it has no beginning or no end."""
    by_what = {event.what: event for event in events}
    if "begun" not in by_what or "ended" not in by_what:
        raise ValueError("a history needs a beginning and an end")
    run = Run(by_what["begun"], by_what["ended"])
    for event in events:
        _put(run, event)
    for steps in (*run.steps.values(), *run.published.values()):
        steps.sort(key=lambda step: (step.version, step.at))
    return run


def _put(run: Run, event: Event) -> None:
    match event.what:
        case "logged":
            run.logged[event.request].append(event)
        case "acknowledged":
            run.taken.add(event.request)
        case "outcome" | "journal":
            _published(run, event)
        case "state":
            run.states[event.document].append(event)
        case "stored":
            run.stored[event.document] = event
        case "request_record":
            run.request_records[event.request] = event
        case "answered" | "shown" | "forwarded" | "fault" | "poisoned" | "dead_lettered":
            run.others[event.what].append(event)


def _published(run: Run, event: Event) -> None:
    if not event.more.get("recorded", True):
        run.refused[event.request.rpartition("|")[2]].add(event.code)
    elif not event.document or event.version > run.base(event.document):
        run.steps[event.request].append(event)
        run.published[event.document].append(event)
