"""Records that are none, for any topic whose readers expect a CloudEvent with data of their own."""

from dataclasses import dataclass
from typing import Any

import orjson

TYPED = (("ce_type", b"rubbish.v1"),)


@dataclass(frozen=True)
class Rubbish:
    """One such record, and the code with which it is dead-lettered."""

    name: str
    value: bytes | None
    code: str
    headers: tuple[tuple[str, bytes], ...] = TYPED
    key: bytes | None = b"structure:1"


ANYWHERE: tuple[Rubbish, ...] = (
    Rubbish("nothing", None, "message_empty"),
    Rubbish("an empty value", b"", "message_empty"),
    Rubbish("no JSON", b"\xff\xfe\x00", "message_unreadable"),
    Rubbish("half of it", b'{"id": 1', "message_unreadable"),
    Rubbish("no type", b"{}", "message_type_missing", headers=()),
    Rubbish("a type in another encoding", b"{}", "message_type_missing", headers=(("ce_type", b"\xff\xfe"),)),
    Rubbish(
        "structured, and no object", b"[]", "message_unreadable", (("content-type", b"application/cloudevents+json"),)
    ),
    Rubbish("structured, without data", b'{"specversion": "1.0", "type": "x"}', "message_invalid", ()),
    Rubbish("another value", b"7", "message_invalid"),
    Rubbish("a list", b"[1, 2]", "message_invalid"),
    Rubbish("an object of something else", b'{"a": {"b": [null]}}', "message_invalid"),
    Rubbish("no key", b"{}", "message_invalid", key=None),
    Rubbish("a key in another encoding", b"{}", "message_invalid", key=b"\xff\xfe"),
)
"""What nobody can read, wherever it stands."""


def spoilt(record: dict[str, Any], key: str) -> tuple[Rubbish, ...]:
    """Return records like a good one, each with one field that is wrong; the version's come first."""
    versions: tuple[Any, ...] = ("7", 7.5, None, True, [], {}, 2**63, -(2**63))
    wrong = [(f"a version that is {value!r}", {**record, "version": value}) for value in versions]
    wrong += [(f"no {name}", {k: v for k, v in record.items() if k != name}) for name in record]
    wrong += [(f"{name} of another kind", {**record, name: {"x": [{}]}}) for name in record]
    return tuple(Rubbish(name, orjson.dumps(data), "message_invalid", key=key.encode()) for name, data in wrong)
