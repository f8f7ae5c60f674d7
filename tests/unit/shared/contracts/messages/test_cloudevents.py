"""What is read of a record: events as CloudEvents 1.0 writes them, binary and structured; of others, what is wrong."""

import base64
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from shared.contracts.messages.cloudevents import Event, derived_id, look, read
from shared.errors import Poison

DATA = {"structure": {"id": 1}}
ENVELOPE = {"specversion": "1.0", "id": "r1", "source": "/partner", "type": "structure.modify.v1"}
STRUCTURED = {"content-type": "application/cloudevents+json"}
BINARY = {"ce_specversion": "1.0", "ce_id": "r1", "ce_source": "/partner", "ce_type": "structure.modify.v1"}


def record(value: Any, headers: dict[str, Any]) -> Any:
    raw = value if isinstance(value, bytes) or value is None else orjson.dumps(value)
    given = [(name, text if isinstance(text, bytes) else text.encode()) for name, text in headers.items()]
    return SimpleNamespace(topic="t", partition=0, offset=7, timestamp=0, key=None, value=raw, headers=given)


def in_base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def reported(event: Event) -> tuple[str, str, Any]:
    return event.id, event.type, event.data


BINARY_HEADERS: dict[str, dict[str, Any]] = {
    "as the specification writes them": BINARY,
    "with a content type": {**BINARY, "content-type": "application/json"},
    "with a charset": {**BINARY, "content-type": "application/json; charset=utf-8"},
    "with a content type in capitals": {**BINARY, "Content-Type": "APPLICATION/JSON;CHARSET=UTF-8"},
    "with a content type of its own": {**BINARY, "content-type": "application/vnd.partner.v1+json"},
    "with a content type that is wrong": {**BINARY, "content-type": "text/plain"},
    "in capitals": {name.upper(): value for name, value in BINARY.items()},
    "in the case of Java": {"Ce_Id": "r1", "Ce_Type": "structure.modify.v1"},
    "without source and version": {"ce_id": "r1", "ce_type": "structure.modify.v1"},
    "beside one that is written with a dash": {**BINARY, "ce-id": "other", "ce-subject": "x"},
}


@pytest.mark.parametrize("headers", BINARY_HEADERS.values(), ids=BINARY_HEADERS)
def test_a_binary_event_is_read_whatever_the_writing_of_its_headers(headers: dict[str, Any]) -> None:
    assert reported(read(record(DATA, headers))) == ("r1", "structure.modify.v1", DATA)


STRUCTURED_EVENTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "as the specification writes it": ({**ENVELOPE, "data": DATA}, STRUCTURED),
    "with a charset": ({**ENVELOPE, "data": DATA}, {"content-type": "application/cloudevents+json; charset=UTF-8"}),
    "with a content type in capitals": (
        {**ENVELOPE, "data": DATA},
        {"Content-Type": "Application/CloudEvents+JSON", "ce_type": "of no matter"},
    ),
    "without a content type": ({**ENVELOPE, "data": DATA}, {}),
    "with the content type of its data": ({**ENVELOPE, "data": DATA}, {"content-type": "application/json"}),
    "that says what its data are": ({**ENVELOPE, "datacontenttype": "application/json", "data": DATA}, STRUCTURED),
    "without a source": ({"specversion": "1.0", "id": "r1", "type": ENVELOPE["type"], "data": DATA}, STRUCTURED),
    "with data in base64": ({**ENVELOPE, "data_base64": in_base64(orjson.dumps(DATA))}, STRUCTURED),
    "with data in base64 that say what they are": (
        {**ENVELOPE, "datacontenttype": "text/json", "data_base64": in_base64(b' {"structure": {"id": 1} }\n')},
        STRUCTURED,
    ),
    "with data beside a base64 that is null": ({**ENVELOPE, "data": DATA, "data_base64": None}, STRUCTURED),
}


@pytest.mark.parametrize(("event", "headers"), STRUCTURED_EVENTS.values(), ids=STRUCTURED_EVENTS)
def test_a_structured_event_is_read_with_its_data(event: dict[str, Any], headers: dict[str, Any]) -> None:
    found = read(record(event, headers))
    assert reported(found) == ("r1", "structure.modify.v1", DATA)
    assert "data_base64" not in found.attributes


DASHED = {name.replace("ce_", "ce-"): value for name, value in BINARY.items()}
UNREADABLE: dict[str, tuple[Any, dict[str, Any], str]] = {
    "headers as over HTTP": (DATA, DASHED, "message_headers_misnamed"),
    "an id as over HTTP": (DATA, {"ce-id": "r1", "ce_type": "structure.modify.v1"}, "message_headers_misnamed"),
    "a type as over HTTP": (DATA, {"ce_id": "r1", "CE-Type": "structure.modify.v1"}, "message_headers_misnamed"),
    "a batch": (
        [{**ENVELOPE, "data": DATA}, {**ENVELOPE, "id": "r2"}],
        {"content-type": "application/cloudevents-batch+json; charset=utf-8"},
        "message_batch",
    ),
    "a batch that does not say so": ([{**ENVELOPE, "data": DATA}], {}, "message_batch"),
    "a batch with an id in its header": ([], {**BINARY, "content-type": "APPLICATION/CloudEvents-Batch+JSON"}, ""),
    "an earlier version": (DATA, {**BINARY, "ce_specversion": "0.3"}, "message_version_unsupported"),
    "a version to come": ({**ENVELOPE, "specversion": "2.0", "data": DATA}, STRUCTURED, "message_version_unsupported"),
    "a version that is a number": ({**ENVELOPE, "specversion": 1.0}, STRUCTURED, "message_version_unsupported"),
    "Avro": (b"\x00\x01", {**BINARY, "content-type": "application/avro"}, "media_type_unsupported"),
    "XML": (b"<x/>", {**BINARY, "content-type": "text/xml; charset=utf-8"}, "media_type_unsupported"),
    "XML told by an attribute": (b"<x/>", {**BINARY, "ce_datacontenttype": "text/xml"}, "media_type_unsupported"),
    "a structured event in Avro": (
        b"\x00\x01",
        {**BINARY, "content-type": "application/cloudevents+avro"},
        "media_type_unsupported",
    ),
    "XML in a structured event": (
        {**ENVELOPE, "datacontenttype": "application/xml", "data": "<x/>"},
        STRUCTURED,
        "media_type_unsupported",
    ),
    "XML in base64": (
        {**ENVELOPE, "datacontenttype": "application/xml", "data_base64": in_base64(b"<x/>")},
        STRUCTURED,
        "media_type_unsupported",
    ),
    "no JSON in base64": ({**ENVELOPE, "data_base64": in_base64(b"{")}, STRUCTURED, "message_data_unreadable"),
    "nothing in base64": ({**ENVELOPE, "data_base64": ""}, STRUCTURED, "message_data_unreadable"),
    "no base64": ({**ENVELOPE, "data_base64": '{"structure": {"id": 1}}'}, STRUCTURED, "message_data_unreadable"),
    "a base64 that is no text": ({**ENVELOPE, "data_base64": DATA}, STRUCTURED, "message_data_unreadable"),
    "two data": (
        {**ENVELOPE, "data": DATA, "data_base64": in_base64(b"{}")},
        STRUCTURED,
        "message_data_unreadable",
    ),
    "JSON in another encoding": (
        '{"label": "é"}'.encode("latin-1"),
        {**BINARY, "content-type": "application/json; charset=iso-8859-1"},
        "message_unreadable",
    ),
    "nothing": (None, BINARY, "message_empty"),
    "no type": (DATA, {"ce_id": "r1"}, "message_type_missing"),
}


@pytest.mark.parametrize(("value", "headers", "code"), UNREADABLE.values(), ids=UNREADABLE)
def test_what_can_not_be_read_says_why_and_whose_it_is(value: Any, headers: dict[str, Any], code: str) -> None:
    came = record(value, headers)
    found = look(came)
    assert found.fault is not None
    assert (found.id, found.data, found.fault.code) == ("r1", None, code or "message_batch")
    assert found.fault.reason
    with pytest.raises(Poison) as poison:
        read(came)
    assert poison.value.code == found.fault.code


@pytest.mark.parametrize("id_", [42, True, {"a": 1}, ["r1"]])
def test_an_id_that_is_no_text_is_refused_and_not_replaced(id_: Any) -> None:
    """Replaced by one of ours, the event sent again would be a second request (rule R21)."""
    found = look(record({**ENVELOPE, "id": id_, "data": DATA}, STRUCTURED))
    assert found.fault is not None
    assert found.fault.code == "request_id_invalid"


def test_an_id_in_another_encoding_is_not_replaced_either() -> None:
    assert look(record(DATA, {**BINARY, "ce_id": b"r\xff"})).id == "r\ufffd"


@pytest.mark.parametrize("none", [None, ""])
def test_an_event_without_an_id_has_one_from_its_place(none: Any) -> None:
    came = record({**ENVELOPE, "id": none, "data": DATA}, STRUCTURED)
    assert read(came).id == derived_id(came)
