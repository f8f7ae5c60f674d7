"""Requests put aside: the issuer is needed to check their proof, and does not answer.

Were they waited for, anybody who makes up the name of a key could stop all others for as long as the issuer is away.
They go to a topic of their own, as they came, and are decided once it answers. Only the owner itself can write there.
"""

from dataclasses import dataclass
from typing import Any

from shared.contracts.messages.cloudevents import Message
from shared.errors import Poison

_PLACE = "retry_of"
"""Header: topic, partition, offset and append time (ms) of the record as it first came.

A message without an id has one by its place, and the expiry of a token is compared with the time it first came.
"""


@dataclass(frozen=True, slots=True)
class Came:
    """A record as it first came. `aside` is the one that brings it again."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Any
    aside: Any


def put_aside(record: Any, topic: str) -> Message:
    """Return the message that brings a record again."""
    place = f"{record.topic}/{record.partition}/{record.offset}/{record.timestamp}"
    kept = tuple((name, value or b"") for name, value in record.headers if name != _PLACE)
    return Message(topic, record.key or b"", record.value or b"", (*kept, (_PLACE, place.encode())))


def as_it_came(record: Any) -> Came:
    """Return a record that was put aside as it first came. Raises Poison when it was not put aside by us."""
    place = dict(record.headers).get(_PLACE, b"")
    try:
        topic, partition, offset, timestamp = place.decode().split("/")
        numbers = int(partition), int(offset), int(timestamp)
    except ValueError as error:
        raise Poison("message_invalid", f"the header {_PLACE} does not tell where it came from") from error
    kept = [(name, value) for name, value in record.headers if name != _PLACE]
    return Came(topic, *numbers, record.key, record.value, kept, record)
