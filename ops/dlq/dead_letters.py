"""A dead letter as it is read: the message as it was, why it became one, and its authenticated sender."""

import re
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from ops import reading
from ops.errors import OpsError
from ops.processes import known_process
from shared.contracts.messages import cloudevents
from shared.contracts.messages.cloudevents import Event
from shared.contracts.topics import HANDLED, dead_letters
from shared.errors import Poison
from shared.kafka.dead_letters import OURS
from shared.runtime.settings import KafkaSettings

Headers = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True)
class Place:
    """Where a dead letter stands in its process's dead-letter topic, written `PARTITION:OFFSET`."""

    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.partition}:{self.offset}"


def place(text: str) -> Place:
    """Read a place such as `0:12`. Raises OpsError for anything else."""
    found = re.fullmatch(r"(\d{1,9}):(\d{1,18})", text)
    if not found:
        raise OpsError(
            f"« {text} » is no place of a dead letter: write PARTITION:OFFSET as `dlq list` does, such as 0:12"
        )
    return Place(int(found[1]), int(found[2]))


@dataclass(slots=True)
class Original:
    """The message as it was received, without its token."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


_TOO_LONG = 20
"""Digits that no number of Kafka's has."""


@dataclass(frozen=True)
class DeadLetter:
    """A dead letter. `recorded` are the headers its process added (`dlq_…`), without that prefix; `at` is in ms."""

    process: str
    place: Place
    at: int
    original: Original
    recorded: Mapping[str, str] = field(default_factory=dict)

    @property
    def code(self) -> str:
        """Return why it could not be handled."""
        return self.recorded.get("code", "?")

    @property
    def actor(self) -> str | None:
        """Return its authenticated sender; None when there is none."""
        return self.recorded.get("actor")

    def event(self) -> Event:
        """Return the event it holds. Raises Poison when it is none."""
        return cloudevents.read(self.original)

    def summary(self) -> dict[str, Any]:
        """Return what a list shows of it: no value of the message."""
        try:
            event: Event | None = self.event()
        except Poison:
            event = None
        return {
            "place": str(self.place),
            "at": self.at,
            "code": self.code,
            "topic": self.original.topic,
            "type": event.type if event else None,
            "id": event.id if event else None,
            "actor": self.actor,
            "reason": self.recorded.get("reason", ""),
        }


def read_dead_letter(process: str, record: Any) -> DeadLetter:
    """Read a record of a dead-letter topic."""
    ours = {n.removeprefix(OURS): (v or b"").decode(errors="replace") for n, v in record.headers if n.startswith(OURS)}
    original = Original(
        topic=ours.get("topic", ""),
        partition=_number(ours.get("partition", "")),
        offset=_number(ours.get("offset", "")),
        timestamp=_number(ours.get("timestamp", "")),
        key=record.key,
        value=record.value,
        headers=tuple((name, value) for name, value in record.headers if not name.startswith(OURS)),
    )
    return DeadLetter(process, Place(record.partition, record.offset), record.timestamp, original, ours)


def _number(text: str) -> int:
    # One record that is no dead letter must not keep an operator from reading the others.
    return int(text) if text.isascii() and text.isdigit() and len(text) < _TOO_LONG else 0


@dataclass(frozen=True)
class Wanted:
    """Which dead letters are meant; what is None or empty leaves none out."""

    places: Collection[Place] = ()
    code: str | None = None
    topic: str | None = None
    id: str | None = None

    def has(self, found: DeadLetter) -> bool:
        """Return whether a dead letter is meant."""
        return (
            (not self.places or found.place in self.places)
            and self.code in {None, found.code}
            and self.topic in {None, found.original.topic}
            and (self.id is None or self.id == found.summary()["id"])
        )


async def read(kafka: KafkaSettings, process: str) -> AsyncIterator[DeadLetter]:
    """Give every dead letter of a process that Kafka still holds, those of one partition in order."""
    async for record in reading.everything(kafka, dead_letters(known_process(process))):
        yield read_dead_letter(process, record)


@dataclass(frozen=True)
class Mark:
    """What an operator has done with a dead letter: `done` is `replayed` or `discarded`; `at` is in ms."""

    done: str
    at: int


def mark_key(process: str, at: Place) -> bytes:
    """Return the key of the mark of a dead letter."""
    return f"{process}/{at}".encode()


async def marks(kafka: KafkaSettings, process: str) -> dict[bytes, Mark]:
    """Return the marks of a process's dead letters, by key; of several the last one counts."""
    found: dict[bytes, Mark] = {}
    async for record in reading.everything(kafka, HANDLED):
        if not record.key.startswith(f"{process}/".encode()):
            continue
        try:
            found[record.key] = Mark(str(orjson.loads(record.value)["done"]), record.timestamp)
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise OpsError(f"{HANDLED} holds something that is no mark, at {record.offset}") from error
    return found
