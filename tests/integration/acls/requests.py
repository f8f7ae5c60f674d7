"""Requests of Kafka's protocol that aiokafka does not know, each in its first version."""

from typing import Any

from aiokafka.protocol.api import RequestStruct, Response
from aiokafka.protocol.types import (
    Array,
    Boolean,
    CompactArray,
    CompactBytes,
    CompactString,
    Float64,
    Int8,
    Int16,
    Int32,
    Schema,
    String,
    TaggedFields,
)

_TEXT, _SHORT_TEXT = String(), CompactString()
_ERROR = (("error_code", Int16), ("error_message", _TEXT))
_SHORT_ERROR = (("error_code", Int16), ("error_message", _SHORT_TEXT))
_TIME = ("throttle_time_ms", Int32)
_TAGS: tuple[str, Any] = ("tags", TaggedFields)
_SCRAM_SHA_512 = 2


def set_of_topics(topics: list[str], name: str, value: str) -> RequestStruct:
    """Set one setting of each topic."""
    kinds = Schema(
        (
            "resources",
            Array(
                ("resource_type", Int8),
                ("resource_name", _TEXT),
                ("configs", Array(("name", _TEXT), ("operation", Int8), ("value", _TEXT))),
            ),
        ),
        ("validate_only", Boolean),
    )
    answer = Schema(_TIME, ("responses", Array(*_ERROR, ("resource_type", Int8), ("resource_name", _TEXT))))
    return _request(44, kinds, answer)([(2, topic, [(name, 0, value)]) for topic in topics], False)


def limit_of_user(user: str, bytes_per_second: float) -> RequestStruct:
    """Limit how fast a user may write."""
    entity = ("entity", Array(("type", _TEXT), ("name", _TEXT)))
    operations = ("ops", Array(("key", _TEXT), ("value", Float64), ("remove", Boolean)))
    kinds = Schema(("entries", Array(entity, operations)), ("validate_only", Boolean))
    answer = Schema(_TIME, ("entries", Array(*_ERROR, entity)))
    change = ([("user", user)], [("producer_byte_rate", bytes_per_second, False)])
    return _request(49, kinds, answer)([change], False)


def users_described(users: list[str]) -> RequestStruct:
    """Request which of these users have a password. A broker that refuses it for all users never answers."""
    credential = ("credentials", CompactArray(("mechanism", Int8), ("iterations", Int32), _TAGS))
    kinds = Schema(("users", CompactArray(("name", _SHORT_TEXT), _TAGS)), _TAGS)
    results = ("results", CompactArray(("user", _SHORT_TEXT), *_SHORT_ERROR, credential, _TAGS))
    question = _request(50, kinds, Schema(_TIME, *_SHORT_ERROR, results, _TAGS), flexible=True)
    return question([(user, {}) for user in users], {})


def password_set(user: str) -> RequestStruct:
    """Set the password of a user, who need not be there yet."""
    return _change_of_users([], [(user, _SCRAM_SHA_512, 8192, b"salt" * 4, b"guessed" * 9 + b"!", {})])


def password_removed(user: str) -> RequestStruct:
    """Remove the password of a user."""
    return _change_of_users([(user, _SCRAM_SHA_512, {})], [])


def _change_of_users(deleted: list[Any], changed: list[Any]) -> RequestStruct:
    name = (("name", _SHORT_TEXT), ("mechanism", Int8))
    secret = (("iterations", Int32), ("salt", CompactBytes), ("salted_password", CompactBytes))
    kinds = Schema(
        ("deletions", CompactArray(*name, _TAGS)), ("upsertions", CompactArray(*name, *secret, _TAGS)), _TAGS
    )
    users = ("results", CompactArray(("user", _SHORT_TEXT), *_SHORT_ERROR, _TAGS))
    return _request(51, kinds, Schema(_TIME, users, _TAGS), flexible=True)(deleted, changed, {})


def offsets_deleted(group: str, topics: list[str]) -> RequestStruct:
    """Delete a group's offsets."""
    kinds = Schema(("group", _TEXT), ("topics", Array(("topic", _TEXT), ("partitions", Array(Int32)))))
    partitions = ("partitions", Array(("partition", Int32), ("error_code", Int16)))
    answer = Schema(("error_code", Int16), _TIME, ("topics", Array(("topic", _TEXT), partitions)))
    return _request(47, kinds, answer)(group, [(topic, [0]) for topic in topics])


def _request(key: int, kinds: Schema, answer: Schema, *, flexible: bool = False) -> Any:
    """Make the class of a request."""
    version = {"API_KEY": key, "API_VERSION": 0}
    response = type("Answer", (Response,), {**version, "SCHEMA": answer})
    return type(
        "Question",
        (RequestStruct,),
        {**version, "SCHEMA": kinds, "RESPONSE_TYPE": response, "FLEXIBLE_VERSION": flexible},
    )
