"""CloudEvents 1.0 over Kafka: binary mode is sent, binary and structured are read.

Source: the CloudEvents specification, its JSON format and its Kafka protocol binding. Readers are tolerant, since other
systems write too: a header may be missing, given twice or not UTF-8, and there may be no value.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from shared.clock import iso
from shared.errors import Poison

Headers = tuple[tuple[str, bytes], ...]

VERSION = "1.0"
STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
JSON = b"application/json"
LEFT_OUT = "left-out"
"""Header of a record that replaces what `shared.kafka.tolerant_fetcher` left out; its value says what, and why."""
_DATA = frozenset({"data", "data_base64"})
_TEXTS = {"id": "request_id_invalid", "specversion": "message_version_unsupported"}
"""Attributes of a structured event that must be texts, each with its code: ignoring another type would be wrong."""
_LONGEST_CORRELATION = 200
"""Characters. It is repeated in every answer: without a limit an answer could be too large to be sent."""


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
    """A parsed record: its CloudEvents attributes (extensions included), its data and the other headers.

    `data` is the parsed JSON. An event without an id gets one from its place in the log. A record that can't be read
    completely has a `fault`, the Poison that says why; then there are no data, and perhaps no type.
    """

    id: str
    type: str
    attributes: Mapping[str, str]
    headers: Mapping[str, str]
    data: Any
    fault: Poison | None = None

    @property
    def correlation_id(self) -> str:
        """Return the correlation id of answers to this event: the sender's (at most 200 characters), else its id."""
        chosen = self.attributes.get("correlationid") or self.headers.get("correlationid") or self.id
        return chosen if len(chosen) <= _LONGEST_CORRELATION else self.id[:_LONGEST_CORRELATION]

    @property
    def traceparent(self) -> str | None:
        """Return the tracing context, or None."""
        return self.headers.get("traceparent") or self.attributes.get("traceparent")


def read(record: Record) -> Event:
    """Read a record. Raises Poison when it is no event that can be read; `look` returns what can be."""
    event = look(record)
    if event.fault is not None:
        raise event.fault
    return event


def look(record: Record) -> Event:
    """Return what can be read of any record; it has a `fault` unless it is a complete event."""
    headers = _headers(record)
    attributes = {name[3:]: value for name, value in headers.items() if name.startswith("ce_")}
    data: Any = None
    fault: Poison | None = None
    try:
        data = _value(record, headers, attributes)
        envelope = _envelope(headers, attributes, data)
        if envelope is not None:
            data, attributes = None, _attributes_of(envelope)
            data = _data_of(envelope)
        _check(attributes, headers)
    except Poison as poison:
        # Its sender can be answered all the same, so id and type are looked for wherever they may be.
        data, fault = None, poison
        attributes = {**_dashed(headers), **attributes}
    return Event(
        id=attributes.get("id") or derived_id(record),
        type=attributes.get("type", ""),
        attributes=attributes,
        headers=headers,
        data=data,
        fault=fault,
    )


def _headers(record: Record) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in record.headers or ():
        name = name.lower()
        try:
            # An id that is no text is refused. Were it ignored, it would be replaced, and a repeat be a second request.
            text = (value or b"").decode(errors="replace" if name == "ce_id" else "strict")
        except UnicodeDecodeError:
            continue  # A header in another encoding is not ours; the others still count.
        if name == "authorization" and headers.get(name, text) != text:
            text = f"{headers[name]}, {text}"  # Two tokens are none, as in HTTP; of other headers the last counts.
        headers[name] = text
    return headers


def _value(record: Record, headers: Mapping[str, str], attributes: Mapping[str, str]) -> Any:
    """Return the record's value as JSON, whatever its content type; when it is no JSON, the error names that type."""
    body = record.value
    if not body and LEFT_OUT in headers:
        raise Poison("message_unreadable", headers[LEFT_OUT])
    if not body:
        raise Poison("message_empty", "the record has no value")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        kind = headers.get("content-type") or attributes.get("datacontenttype")
        raise _no_json(kind, "message_unreadable", "the value is not JSON in UTF-8") from error


def _envelope(headers: Mapping[str, str], attributes: dict[str, str], value: Any) -> Mapping[str, Any] | None:
    """Return the event that is the whole value (structured mode), None when the value is its data (binary mode)."""
    kind = _media_type(headers.get("content-type"))
    untyped = "type" not in attributes
    if kind == BATCH or (untyped and isinstance(value, list) and value and all(_is_event(one) for one in value)):
        if isinstance(value, list) and value and _is_event(value[0]):
            attributes |= _attributes_of(value[0])  # The answer has the id of the first, which its sender knows.
        raise Poison("message_batch", "several events in one message")
    if kind == STRUCTURED or (untyped and _is_event(value)):
        if not isinstance(value, dict):
            raise Poison("message_unreadable", "a structured event is a JSON object")
        return value
    return None


def _is_event(value: Any) -> bool:
    return isinstance(value, dict) and "specversion" in value


def _attributes_of(envelope: Mapping[str, Any]) -> dict[str, str]:
    return {name: value for name, value in envelope.items() if name not in _DATA and isinstance(value, str)}


def _data_of(envelope: Mapping[str, Any]) -> Any:
    """Return a structured event's data, from `data` or `data_base64`. Raises Poison when an attribute is no text."""
    for name, code in _TEXTS.items():
        if not isinstance(envelope.get(name, ""), str | None):
            raise Poison(code, f"the attribute {name} is no text")
    kind, encoded, data = envelope.get("datacontenttype"), envelope.get("data_base64"), envelope.get("data")
    if encoded is None:
        if isinstance(data, str) and not _is_json(kind):
            raise _no_json(kind, "message_data_unreadable", "the data are a text")
        return data
    if data is not None:
        raise Poison("message_data_unreadable", "there are both data and data_base64")
    try:
        return orjson.loads(base64.b64decode(encoded, validate=True))
    except (ValueError, TypeError) as error:
        raise _no_json(kind, "message_data_unreadable", "data_base64 is not JSON in base64") from error


def _check(attributes: Mapping[str, str], headers: Mapping[str, str]) -> None:
    """Raise Poison for misnamed headers, a missing type, or another version of CloudEvents."""
    if misnamed := [name for name in ("id", "type") if name in _dashed(headers) and name not in attributes]:
        # Without its id, a request that is sent again would be another one.
        raise Poison("message_headers_misnamed", f"the header ce-{misnamed[0]} should be ce_{misnamed[0]}")
    if not attributes.get("type"):
        raise Poison("message_type_missing", "the header ce_type (or the attribute type) is missing")
    if (version := attributes.get("specversion") or VERSION) != VERSION:
        raise Poison("message_version_unsupported", f"specversion is {version[:20]}")


def _dashed(headers: Mapping[str, str]) -> dict[str, str]:
    """Return attributes written as over HTTP (`ce-id`): some frameworks do so on Kafka too, where it is `ce_id`."""
    return {name[3:]: value for name, value in headers.items() if name.startswith("ce-")}


def _no_json(kind: Any, code: str, reason: str) -> Poison:
    return Poison(code, reason) if _is_json(kind) else Poison("media_type_unsupported", f"{reason}: {kind}"[:200])


def _is_json(kind: Any) -> bool:
    """Tell whether a content type is JSON's; what has none is JSON, as CloudEvents says."""
    media = _media_type(kind)
    return not media or media.endswith(("/json", "+json"))


def _media_type(kind: Any) -> str:
    return kind.partition(";")[0].strip().lower() if isinstance(kind, str) else ""


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
