"""Generates the contract of the messages: AsyncAPI 3.0, one JSON Schema for each message, and the catalogue of codes.

`python -m dev.contracts` writes `docs/contracts/`; with `--check` it compares and fails when something differs.
"""

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from shared.clock import MINUTE
from shared.contracts import codes, topics
from shared.contracts.messages import insee, life
from shared.contracts.messages.common import Request
from shared.contracts.messages.registry import RECORDS, REQUESTS

FOLDER = Path(__file__).parent.parent / "docs" / "contracts"

_RECORDS: Mapping[str, tuple[type[BaseModel], ...]] = {
    **{topics.name(owner, topics.STATE): (*records.values(),) for owner, records in RECORDS.items()},
    "insee.requests": (insee.InseeLookUp,),
    "insee.outcomes": (insee.InseeAnswer,),
}

_ANY_DUE, _ANY_OUTCOME = "<owner>.due.v1", "<owner>.outcome.v1"
"""CloudEvents types of messages that are the same for all owners: delayed records, and outcomes of partners."""
_CLIENT = "{client}"


def every_topic() -> list[topics.Topic]:
    """Return the topics of the contract: those of the table, and that of a partner, named by its client."""
    return [*topics.table(30 * MINUTE), topics.partner_topic(_CLIENT)]


def messages(topic: str) -> dict[str, tuple[str, type[BaseModel]]]:
    """Return the messages of a topic: by schema name, the CloudEvents type and the model of its data."""
    owner, _, what = topic.partition(".")
    if owner in topics.OWNERS:
        if what == topics.REQUESTS:
            return {m.__name__: (m.type, m) for m in REQUESTS[owner]}
        plain: Mapping[str, type[BaseModel]] = {
            topics.OUTCOMES: life.Outcome,
            topics.JOURNAL: life.JournalEntry,
            topics.DUE: life.DueTrigger,
        }
        if what in plain:
            singular = {topics.OUTCOMES: "outcome"}.get(what, what)
            return {plain[what].__name__: (f"{owner}.{singular}.v1", plain[what])}
    if topic.startswith(topics.PARTNER_PREFIX):
        return {"Outcome": (_ANY_OUTCOME, life.Outcome)}
    if owner == "delay":
        return {"DelayedTrigger": (_ANY_DUE, life.DueTrigger)}
    return {m.__name__: (getattr(m, "type", f"{owner}.state.v1"), m) for m in _RECORDS.get(topic, ())}


def _message(name: str, event_type: str, model: type[BaseModel]) -> dict[str, Any]:
    headers: dict[str, Any] = {
        "ce_specversion": {"const": "1.0"},
        "ce_id": {"type": "string", "description": "the request's or event's id"},
        "ce_type": {"enum": [event_type.replace("<owner>", o) for o in topics.OWNERS]}
        if event_type in {_ANY_DUE, _ANY_OUTCOME}
        else {"const": event_type},
        "ce_correlationid": {"type": "string", "description": "comes back in the answers"},
        "traceparent": {"type": "string", "description": "W3C trace context"},
    }
    if issubclass(model, Request):
        headers["authorization"] = {"type": "string", "description": "Bearer and a token for this audience"}
    return {
        "name": event_type,
        "title": name,
        "summary": " ".join((model.__doc__ or "").split("\n\n")[0].split()),
        "contentType": "application/json",
        "headers": {"type": "object", "properties": headers},
        "payload": {"$ref": f"./schemas/{name}.json"},
    }


def asyncapi() -> dict[str, Any]:
    """Return the AsyncAPI document."""
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    for topic in every_topic():
        found = messages(topic.name)
        channels[topic.name] = {
            "address": topic.name,
            "title": topic.name,
            "description": f"{topic.says[0].upper()}{topic.says[1:]}. Key: {topic.key}.",
            "messages": {name: _message(name, *message) for name, message in found.items()},
            "bindings": {
                "kafka": {
                    "topic": topic.name,
                    "partitions": topic.partitions,
                    "topicConfiguration": _configuration(topic.config),
                }
            },
        }
        if _CLIENT in topic.name:
            about = {"description": "client of the issuer, as `client_id` (or `azp`, or `sub`) of its tokens names it"}
            channels[topic.name]["parameters"] = {_CLIENT.strip("{}"): about}
        for action, who in (("send", topic.writers), ("receive", topic.readers)):
            # The name of an operation has no braces.
            operations[f"{action}.{re.sub('[{}]', '', topic.name)}"] = {
                "action": action,
                "channel": {"$ref": f"#/channels/{topic.name.replace('/', '~1')}"},
                "summary": f"Allowed to: {', '.join(dict.fromkeys(who))}.",
            }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Structures",
            "version": "1.0.0",
            "description": "The directory of organisations, over Kafka. Messages are CloudEvents 1.0, binary mode; "
            "requests are accepted in structured mode too.",
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
    }


def _configuration(config: Mapping[str, str]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    if "cleanup.policy" in config:
        shown["cleanup.policy"] = [config["cleanup.policy"]]
    if "retention.ms" in config:
        shown["retention.ms"] = int(config["retention.ms"])
    return shown


def files() -> dict[str, Any]:
    """Return every generated file, by its path below the folder."""
    generated: dict[str, Any] = {"asyncapi.json": asyncapi()}
    for topic in every_topic():
        for name, (_, model) in messages(topic.name).items():
            generated[f"schemas/{name}.json"] = model.model_json_schema(mode="serialization")
    generated["codes.json"] = {name: code.published() for name, code in codes.CODES.items()}
    return generated


def main() -> None:
    """Write the files, or compare them."""
    check = "--check" in sys.argv
    stale = []
    for path, content in files().items():
        text = json.dumps(content, ensure_ascii=False, indent=2, sort_keys=path.startswith("schemas/")) + "\n"
        target = FOLDER / path
        if check:
            if not target.exists() or target.read_text() != text:
                stale.append(path)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
    if stale:
        sys.exit(f"docs/contracts is not up to date ({', '.join(stale)}): run `make contracts`.")


if __name__ == "__main__":
    main()
