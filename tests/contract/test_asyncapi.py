"""The published contract of the messages is AsyncAPI 3.0 as its specification asks, and its schemas are schemas."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from dev.contracts import FOLDER, asyncapi, every_topic, messages
from shared.clock import MINUTE
from shared.contracts import topics

DOCUMENT: dict[str, Any] = json.loads((FOLDER / "asyncapi.json").read_text(encoding="utf-8"))
SCHEMAS = sorted((FOLDER / "schemas").glob("*.json"))

_REFERENCE = {"type": "object", "required": ["$ref"], "properties": {"$ref": {"type": "string"}}}
_PARAMETER = {
    "type": "object",
    "required": ["description"],
    "additionalProperties": False,
    "properties": {"description": {"type": "string"}},
}
_MESSAGE = {
    "type": "object",
    "required": ["name", "contentType", "payload", "headers"],
    "properties": {
        **{key: {"type": "string", "minLength": 1} for key in ("name", "title", "summary")},
        "contentType": {"const": "application/json"},
        "payload": _REFERENCE,
        "headers": {"type": "object", "required": ["type"], "properties": {"type": {"const": "object"}}},
    },
}
STRUCTURE = {
    "type": "object",
    "required": ["asyncapi", "info", "channels", "operations"],
    "additionalProperties": False,
    "properties": {
        "asyncapi": {"const": "3.0.0"},
        "info": {"type": "object", "required": ["title", "version"]},
        "defaultContentType": {"type": "string"},
        "channels": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "required": ["address", "messages"],
                "additionalProperties": False,
                "properties": {
                    **{key: {"type": "string"} for key in ("address", "title", "summary", "description")},
                    "bindings": {"type": "object"},
                    "parameters": {"type": "object", "additionalProperties": _PARAMETER},
                    "messages": {"type": "object", "additionalProperties": _MESSAGE},
                },
            },
        },
        "operations": {
            "type": "object",
            "propertyNames": {"pattern": r"^[A-Za-z0-9_.\-]+$"},
            "additionalProperties": {
                "type": "object",
                "required": ["action", "channel"],
                "properties": {"action": {"enum": ["send", "receive"]}, "channel": _REFERENCE},
            },
        },
    },
}
"""What AsyncAPI 3.0.0 asks of the objects that this document uses."""


def _target(reference: str) -> Any:
    """Return what a reference leads to, inside the document or in a file beside it. Raises when that is nothing."""
    file, _, pointer = reference.partition("#")
    found: Any = json.loads((FOLDER / file).read_text(encoding="utf-8")) if file else DOCUMENT
    for part in pointer.split("/")[1:]:
        found = found[part.replace("~1", "/").replace("~0", "~")]
    return found


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [r for v in value.values() for r in _references(v)]
    return [r for v in value for r in _references(v)] if isinstance(value, list) else []


def test_it_has_the_structure_of_asyncapi_3() -> None:
    Draft202012Validator.check_schema(STRUCTURE)
    assert [error.message for error in Draft202012Validator(STRUCTURE).iter_errors(DOCUMENT)] == []


def test_every_reference_leads_somewhere() -> None:
    references = _references(DOCUMENT)
    assert references
    for reference in references:
        assert isinstance(_target(reference), dict), reference
    assert all(not r.startswith("/") and ".." not in r for r in references), "they stand beside the document"


def test_every_topic_has_its_channel_and_every_right_its_operation() -> None:
    table = every_topic()
    assert {topic.name for topic in topics.table(30 * MINUTE)} < {topic.name for topic in table}
    assert set(DOCUMENT["channels"]) == {topic.name for topic in table}
    for topic in table:
        for action, who in (("send", topic.writers), ("receive", topic.readers)):
            operation = DOCUMENT["operations"][f"{action}.{topic.name}".replace("{client}", "client")]
            assert _target(operation["channel"]["$ref"])["address"] == topic.name
            assert all(name in operation["summary"] for name in who)


def test_a_message_is_named_by_its_cloudevents_type() -> None:
    for topic in every_topic():
        for name, (event_type, _) in messages(topic.name).items():
            message = DOCUMENT["channels"][topic.name]["messages"][name]
            assert message["name"] == event_type
            own = {"const": event_type}
            # Whoever's it is, a trigger may wait; and a partner is told by every owner.
            any_ = {"enum": [event_type.replace("<owner>", owner) for owner in topics.OWNERS]}
            assert message["headers"]["properties"]["ce_type"] == (any_ if "<owner>" in event_type else own)
            if topic.name.endswith(".requests") and topic.name != "insee.requests":
                assert "authorization" in message["headers"]["properties"]


def test_the_topic_of_a_partner_is_named_by_its_client() -> None:
    channel = DOCUMENT["channels"]["outcomes.{client}"]
    assert channel["address"] == topics.partner_outcomes("{client}")
    assert set(channel["parameters"]) == {"client"}
    assert set(channel["messages"]) == {"Outcome"}


def test_what_is_committed_is_what_the_code_says() -> None:
    assert json.loads(json.dumps(asyncapi())) == DOCUMENT


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.stem)
def test_every_schema_is_one(path: Path) -> None:
    schema = json.loads(path.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    for reference in _references(schema):
        assert reference.startswith("#/$defs/")
        assert reference.removeprefix("#/$defs/") in schema["$defs"]


def test_every_schema_belongs_to_a_message() -> None:
    used = {Path(r).stem for r in _references(DOCUMENT) if r.startswith("./schemas/")}
    assert used == {path.stem for path in SCHEMAS}
