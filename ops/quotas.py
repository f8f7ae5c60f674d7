"""How much of the brokers each user of Kafka may take: Kafka makes whoever takes more wait.

librdkafka, and so confluent-kafka, can't set quotas; aiokafka has the types of Kafka's protocol for it, save the
request that sets them, which is defined here.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import for_code
from aiokafka.protocol.admin import DescribeClientQuotasRequest
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Float64, Int16, Int32, Schema, String

from shared.kafka.clients import connection
from shared.runtime.settings import KafkaSettings

Quota = Mapping[str, float]
"""Bytes per second written (`producer_byte_rate`) and read (`consumer_byte_rate`), and the share of one of the broker's
threads in percent (`request_percentage`). Each counts for each broker."""

_USER = "user"
_WHATEVER = 2
"""Asks for every name of a kind."""
_TEXT = String()
_ENTITY = ("entity", Array(("entity_type", _TEXT), ("entity_name", _TEXT)))


def current(kafka: KafkaSettings) -> dict[str, dict[str, float]]:
    """Return the quota of each user who has one. Raises KafkaError."""
    answer = asyncio.run(_ask(kafka, DescribeClientQuotasRequest([(_USER, _WHATEVER, None)], strict=True)))
    if answer.error_code:
        raise for_code(answer.error_code)(answer.error_message)
    # The quota of everybody who has none of their own has no name.
    return {entity[0][1]: dict(values) for entity, values in answer.entries or () if entity[0][1] is not None}


def change(kafka: KafkaSettings, quotas: Mapping[str, Mapping[str, float | None]]) -> None:
    """Set the quotas of users; a limit that is None is removed, and one that is not named is left alone.

    Raises KafkaError with the first refusal.
    """
    entries = [
        ([(_USER, user)], [(name, value or 0.0, value is None) for name, value in quota.items()])
        for user, quota in quotas.items()
    ]
    answer = asyncio.run(_ask(kafka, _AlterClientQuotasRequest(entries)))
    for code, message, _ in answer.entries:
        if code:
            raise for_code(code)(message)


def differing(wanted: Mapping[str, Quota], there: Mapping[str, Quota]) -> dict[str, dict[str, float]]:
    """Return the limits that are to be set, user by user."""
    wrong = {
        user: {name: value for name, value in quota.items() if there.get(user, {}).get(name) != value}
        for user, quota in wanted.items()
    }
    return {user: quota for user, quota in wrong.items() if quota}


async def _ask(kafka: KafkaSettings, request: Any) -> Any:
    client = AIOKafkaClient(**connection(kafka), client_id=kafka.user)
    try:
        await client.bootstrap()
        return await client.send(client.get_random_node(), request)
    finally:
        await client.close()


# aiokafka has no types.
class _Answer(Response):  # type: ignore[misc]
    API_KEY = 49
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32), ("entries", Array(("error_code", Int16), ("error_message", _TEXT), _ENTITY))
    )


class _AlterClientQuotasV0(RequestStruct):  # type: ignore[misc]
    API_KEY = 49
    API_VERSION = 0
    RESPONSE_TYPE = _Answer
    SCHEMA = Schema(
        ("entries", Array(_ENTITY, ("ops", Array(("key", _TEXT), ("value", Float64), ("remove", Boolean))))),
        ("validate_only", Boolean),
    )


class _AlterClientQuotasRequest(Request[_AlterClientQuotasV0]):  # type: ignore[misc]
    API_KEY = 49

    def __init__(self, entries: Sequence[Any]) -> None:
        self._entries = entries

    def build(self, request_struct_class: type[_AlterClientQuotasV0]) -> _AlterClientQuotasV0:
        return request_struct_class(self._entries, False)  # noqa: FBT003 - a field of the protocol.
