"""What happened in a run, as one list of events: written as JSON lines while it happens, read back by the checker.

Every event says what, when (ms; the broker's time where a broker stamps it), who, and what it is about. The file holds
all that a verdict needs, so that a run can be judged again later.
"""

import json
import threading
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Literal

What = Literal[
    "begun",  # the run: case, seed, and the versions documents had before
    "fault",  # something was done to `who`
    "sent",  # a request leaves its sender
    "acknowledged",  # an entry point took it
    "unsure",  # an entry point failed: the request may or may not have been taken
    "answered",  # what HTTP answered of its decision
    "logged",  # the request as it stands in the log
    "outcome",  # a step published on `*.outcomes`
    "journal",  # a step published on `*.journal`
    "delayed",  # a trigger put on a delay topic
    "forwarded",  # a trigger put on `*.due`
    "state",  # a record published on `*.state`
    "poisoned",  # something that must end as a dead letter was put at `place`
    "rubbish",  # something put on a topic that nobody can read
    "dead_lettered",  # a dead letter; `more` says where its message was
    "stored",  # a document as MongoDB holds it at the end
    "request_record",  # a request as its owner's MongoDB holds it at the end
    "shown",  # a record as the gateway's read model holds it at the end
    "ended",  # the run is over, and nothing is under way any more
]


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    `request` is actor and request id; `place` is topic/partition/offset; `due_at` is when the request takes effect, or
    when the trigger is due. `more` is particular to a kind of event.
    """

    what: What
    at: int
    who: str = ""
    request: str = ""
    document: str = ""
    version: int = 0
    status: str = ""
    code: str = ""
    due_at: int | None = None
    place: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def topic(self) -> str:
        """Return the topic it was read from."""
        return self.place.partition("/")[0]

    @property
    def partition(self) -> str:
        """Return the partition it was read from, as topic/partition."""
        return self.place.rpartition("/")[0]

    @property
    def offset(self) -> int:
        """Return its offset there."""
        return int(self.place.rpartition("/")[2])


def document_key(owner: str, id_: str) -> str:
    """Return what a document is called in a history: a team has the id of its structure, and another owner."""
    return id_ if owner == "structure" else f"{owner}/{id_}"


class History:
    """Collects the events of a run, in memory and in a file; any thread may record."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self.file = file
        self.events: list[Event] = []
        self._lock = threading.Lock()
        self._out: IO[str] = file.open("w", encoding="utf-8")

    def record(self, *events: Event) -> None:
        """Add events."""
        with self._lock:
            self.events += events
            self._out.writelines(line(event) + "\n" for event in events)
            self._out.flush()

    def close(self) -> None:
        """Close the file."""
        self._out.close()


def line(event: Event) -> str:
    """Return an event as a line of JSON; what is empty is left out."""
    return json.dumps({k: v for k, v in asdict(event).items() if v not in ("", 0, None, {})}, ensure_ascii=False)


def read(lines: Iterable[str]) -> list[Event]:
    """Read events back."""
    return [Event(**{"at": 0, **json.loads(text)}) for text in lines if text.strip()]
