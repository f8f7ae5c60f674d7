"""The retry topic: requests whose token can't be verified, since the issuer is needed and does not answer.

Were they waited for, anybody who invents the name of a key could stop all others for as long as the issuer is down.
They go to a topic of their own, unchanged, and are decided once it answers. Only the owner itself can write there.
"""

from dataclasses import dataclass
from typing import Any

from shared.contracts.messages.cloudevents import Message
from shared.errors import Poison

_PLACE = "retry_of"
"""Header: topic, partition, offset and append time (ms) of the original record.

A message without an id gets one from its place, and the expiry of its token is compared with its first append time.
"""


@dataclass(frozen=True, slots=True)
class Came:
    """The original record. `aside` is the record of the retry topic that carries it."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Any
    aside: Any


def put_aside(record: Any, topic: str) -> Message:
    """Return the message that carries a record to the retry topic."""
    place = f"{record.topic}/{record.partition}/{record.offset}/{record.timestamp}"
    kept = tuple((name, value or b"") for name, value in record.headers if name != _PLACE)
    return Message(topic, record.key or b"", record.value or b"", (*kept, (_PLACE, place.encode())))


def as_it_came(record: Any) -> Came:
    """Return the original of a record of the retry topic. Raises Poison when we did not put it there."""
    place = dict(record.headers).get(_PLACE, b"")
    try:
        topic, partition, offset, timestamp = place.decode().split("/")
        numbers = int(partition), int(offset), int(timestamp)
    except ValueError as error:
        raise Poison("message_invalid", f"the header {_PLACE} does not say where it came from") from error
    kept = [(name, value) for name, value in record.headers if name != _PLACE]
    return Came(topic, *numbers, record.key, record.value, kept, record)
