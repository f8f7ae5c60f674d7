"""Records and answers of other processes, validated strictly by their readers.

Only their owner may write these topics, so an invalid record is a mistake, ours or an operator's, and is
dead-lettered. Were it kept, a version that is no number would block every later one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import Field, ValidationError

from shared.contracts.messages import cloudevents
from shared.contracts.messages.cloudevents import Record
from shared.contracts.messages.common import Stored
from shared.contracts.messages.insee import InseeAnswer
from shared.contracts.messages.life import JournalEntry, Outcome
from shared.contracts.messages.registry import RECORDS
from shared.errors import Poison


class _Versioned(Stored):
    version: int = Field(ge=0)


ANSWERS: Mapping[str, type[Stored]] = {"insee": InseeAnswer}
"""The answers of `<name>.outcomes` to look-ups."""


@dataclass(frozen=True, slots=True)
class State:
    """A record of a `state` topic. `key` is its document, such as `structure:42`; `data` are the raw data."""

    key: str
    kind: str
    version: int
    data: Mapping[str, Any]


def state(owner: str, record: Record) -> State:
    """Return a record of `<owner>.state`. Raises Poison when it is none, or when its key is another document's."""
    key = _key(record)
    kind, _, id_ = key.partition(":")
    model = RECORDS.get(owner, {}).get(kind, _Versioned)
    data = _checked(model, record)
    named = data.get("structure_id", data.get("id"))
    if model is not _Versioned and str(named) != id_:
        raise Poison("message_invalid", "the key is another document's")
    return State(key, kind, data["version"], data)


def answer(name: str, record: Record) -> tuple[str, Mapping[str, Any]]:
    """Return an answer of `<name>.outcomes` and its key. Raises Poison when it is none."""
    return _key(record), _checked(ANSWERS.get(name, Stored), record)


def entry(record: Record) -> Mapping[str, Any]:
    """Return an entry of a `journal` topic. Raises Poison when it is none."""
    return _checked(JournalEntry, record)


def outcome(record: Record) -> Mapping[str, Any]:
    """Return the outcome of a request, from an owner's `outcomes` topic. Raises Poison when it is none."""
    return _checked(Outcome, record)


def _key(record: Record) -> str:
    try:
        return (record.key or b"").decode()
    except UnicodeDecodeError as error:
        raise Poison("message_invalid", "the key is not UTF-8") from error


def _checked(model: type[Stored], record: Record) -> Mapping[str, Any]:
    """Return the data of a record; a newer version may have fields that the model does not know."""
    data = cloudevents.read(record).data
    try:
        # Strictly: the text "3" is no version. Integers beyond 53 bits are refused, since not every reader keeps them.
        model.model_validate_json(orjson.dumps(data, option=orjson.OPT_STRICT_INTEGER), strict=True)
    except ValidationError as error:
        wrong = ", ".join(".".join(map(str, problem["loc"])) for problem in error.errors(include_input=False))
        raise Poison("message_invalid", f"wrong fields: {wrong}"[:500]) from error
    except orjson.JSONEncodeError as error:
        raise Poison("message_invalid", "an integer is too large") from error
    found: Mapping[str, Any] = data
    return found
