"""A history in which everything is right; a test breaks one thing in it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.faults.history import Event

START = 1_800_000_000_000
DELAY = 2_000
DOCUMENT = "structure:1"
END = START + 60_000


def key(number: int) -> str:
    """Return the key of a request."""
    return f"alice|r{number}"


def asked(number: int, offset: int | None = None, *, partition: int = 0) -> list[Event]:
    """Return a request that was sent and stands in the log."""
    at = START + number * 100
    place = f"structure.requests/{partition}/{number if offset is None else offset}"
    return [
        Event("sent", at, "kafka", key(number)),
        Event("acknowledged", at + 1, "kafka", key(number)),
        Event("logged", at + 1, "log", key(number), place=place),
    ]


def reported(
    number: int, status: str, version: int, at: int, *, code: str = "", due_at: int | None = None
) -> list[Event]:
    """Return a step as its owner tells it, on both topics."""
    common: dict[str, Any] = {
        "request": key(number),
        "document": DOCUMENT,
        "version": version,
        "status": status,
        "code": code or status,
        "due_at": due_at,
    }
    return [
        Event("outcome", at, "structure", place=f"structure.outcomes/0/{version}", more={"decided": at}, **common),
        Event("journal", at, "structure", place=f"structure.journal/0/{version}", more={"decided": at}, **common),
    ]


def changed(number: int, version: int, at: int, due_at: int, before: str | None) -> list[Event]:
    """Return the step in which a modification takes effect."""
    effect = {"before": {"label": before}, "after": {"label": f"label {number}"}}
    return [
        replace(event, more={**event.more, **effect}) if event.what == "journal" else event
        for event in reported(number, "applied", version, at, due_at=due_at)
    ]


def good() -> list[Event]:
    """Return a history of one document: two changes take effect, one is cancelled, one request is refused."""
    due = [START + number * 100 + DELAY for number in range(4)]
    record = {"id": 1, "version": 8, "label": "label 1", "pending": []}
    return [
        Event("begun", START, more={"case": "toy", "seed": 1, "versions": {}}),
        *asked(0),
        *asked(1),
        *asked(2),
        *asked(3),
        *asked(4),
        *reported(0, "accepted", 1, START + 5, due_at=due[0]),
        *reported(1, "accepted", 2, START + 105, due_at=due[1]),
        *reported(2, "accepted", 3, START + 205, due_at=due[2]),
        *reported(3, "rejected", 4, START + 305, code="already_active"),
        *reported(2, "cancelled", 5, START + 405, due_at=due[2]),
        *reported(4, "applied", 6, START + 405, code="cancellation_done"),
        Event("forwarded", due[0] + 2, "delay_svc", document=DOCUMENT, due_at=due[0], more={"id": "p0"}),
        *changed(0, 7, due[0] + 9, due[0], None),
        *changed(1, 8, due[1] + 9, due[1], "label 0"),
        Event("state", due[0] + 9, "structure", document=DOCUMENT, version=7, more={"record": {"label": "label 0"}}),
        Event("state", due[1] + 9, "structure", document=DOCUMENT, version=8, more={"record": record}),
        Event("stored", END, "mongodb", document=DOCUMENT, version=8, more={"record": record, "pending": []}),
        Event("request_record", END, "mongodb", key(0), DOCUMENT, 7, "applied", "applied"),
        Event("request_record", END, "mongodb", key(1), DOCUMENT, 8, "applied", "applied"),
        Event("request_record", END, "mongodb", key(2), DOCUMENT, 5, "cancelled", "cancelled"),
        Event("request_record", END, "mongodb", key(3), DOCUMENT, 4, "rejected", "already_active"),
        Event("request_record", END, "mongodb", key(4), DOCUMENT, 6, "applied", "cancellation_done"),
        Event("shown", END, "gateway", document=DOCUMENT, version=8, more={"record": record}),
        Event("ended", END),
    ]


def without(events: list[Event], wanted: Callable[[Event], bool]) -> list[Event]:
    """Return the history without some events."""
    return [event for event in events if not wanted(event)]


def with_(events: list[Event], wanted: Callable[[Event], bool], **changes: Any) -> list[Event]:
    """Return the history with some events told otherwise."""
    return [replace(event, **changes) if wanted(event) else event for event in events]
