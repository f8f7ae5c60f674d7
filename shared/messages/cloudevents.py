"""CloudEvents 1.0 over Kafka: binary mode is sent, binary and structured are read.

Source: the CloudEvents specification, its JSON format and its Kafka protocol binding. Readers are tolerant, since other
systems write too: a header may be missing, doubled or not UTF-8, a value may be nothing.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from shared.clock import iso
from shared.errors import Poison

Headers = tuple[tuple[str, bytes], ...]

STRUCTURED = "application/cloudevents+json"
JSON = b"application/json"
LEFT_OUT = "left-out"
"""Header of a record that stands for what could not be taken in (`shared.fetched`); its value says what, and why."""
_LONGEST_CORRELATION = 200
"""It comes back in every answer: without a limit an answer could be too large to be sent."""


class Record(Protocol):
    """What is used of a Kafka record."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Any


@dataclass(frozen=True, slots=True)
class Message:
    """A record to send."""

    topic: str
    key: bytes
    value: bytes
    headers: Headers


@dataclass(frozen=True, slots=True)
class Event:
    """A record as read: its CloudEvents attributes (extensions included), its data and the other headers.

    `data` is the parsed JSON. An event without an id gets one from its place in the log.
    """

    id: str
    type: str
    attributes: Mapping[str, str]
    headers: Mapping[str, str]
    data: Any

    @property
    def correlation_id(self) -> str:
        """Return what ties answers to this event: what the sender chose (at most 200 characters), else its id."""
        chosen = self.attributes.get("correlationid") or self.headers.get("correlationid") or self.id
        return chosen if len(chosen) <= _LONGEST_CORRELATION else self.id[:_LONGEST_CORRELATION]

    @property
    def traceparent(self) -> str | None:
        """Return the tracing context, or None."""
        return self.headers.get("traceparent") or self.attributes.get("traceparent")


def read(record: Record) -> Event:
    """Read a record. Raises Poison when it is no event: no value, no JSON, no type."""
    headers: dict[str, str] = {}
    for name, value in record.headers or ():
        name = name.lower()
        try:
            text = (value or b"").decode()
        except UnicodeDecodeError:
            continue  # A header in another encoding is not ours; the others still count.
        if name == "authorization" and headers.get(name, text) != text:
            text = f"{headers[name]}, {text}"  # Two proofs are none, as in HTTP; of another header the last one counts.
        headers[name] = text
    body = record.value
    if not body and LEFT_OUT in headers:
        raise Poison("message_unreadable", headers[LEFT_OUT])
    if not body:
        raise Poison("message_empty", "the record has no value")
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Poison("message_unreadable", "the value is not JSON in UTF-8") from error
    attributes = {name[3:]: value for name, value in headers.items() if name.startswith("ce_")}
    structured = headers.get("content-type", "").startswith(STRUCTURED)
    if structured or ("type" not in attributes and isinstance(data, dict) and "specversion" in data):
        if not isinstance(data, dict):
            raise Poison("message_unreadable", "a structured event is a JSON object")
        attributes = {k: v for k, v in data.items() if k != "data" and isinstance(v, str)}
        data = data.get("data")
    if not attributes.get("type"):
        raise Poison("message_type_missing", "the header ce_type (or the attribute type) is missing")
    return Event(
        id=attributes.get("id") or derived_id(record),
        type=attributes["type"],
        attributes=attributes,
        headers=headers,
        data=data,
    )


def derived_id(record: Record) -> str:
    """Return the id of an event that has none: from its place in the log, so that a redelivery has the same."""
    place = f"{record.topic}/{record.partition}/{record.offset}"
    return hashlib.sha256(place.encode()).hexdigest()[:32]


def build(
    topic: str,
    key: str,
    value: bytes,
    *,
    event_id: str,
    event_type: str,
    source: str,
    at: int,
    correlation_id: str | None = None,
    traceparent: str | None = None,
    extra: Headers = (),
) -> Message:
    """Return a record in binary mode; `value` is JSON in UTF-8, `at` an instant in ms."""
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", event_id.encode()),
        ("ce_source", source.encode()),
        ("ce_type", event_type.encode()),
        ("ce_time", iso(at).encode()),
        ("content-type", JSON),
    ]
    if correlation_id:
        headers.append(("ce_correlationid", correlation_id.encode()))
    if traceparent:
        headers.append(("traceparent", traceparent.encode()))
    return Message(topic, key.encode(), value, (*headers, *extra))
