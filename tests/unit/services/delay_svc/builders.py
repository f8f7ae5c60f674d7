"""Delay records, as aiokafka hands them over."""

from typing import Any

from aiokafka import ConsumerRecord

from services.delay_svc.delayed import Delayed, read

DELAY = 30 * 60 * 1000
ACCEPTED_AT = 1_763_978_400_000
"""When the records were appended (ms); they are due one delay later."""
DUE_AT = ACCEPTED_AT + DELAY


def record(
    offset: int = 0,
    *,
    due_at: bytes | None = b"%d" % DUE_AT,
    target: bytes | None = b"toy.due",
    key: bytes | None = b"toy:1",
    value: bytes | None = b'{"document":"toy:1"}',
    partition: int = 3,
) -> ConsumerRecord[Any, Any]:
    headers = [("ce_id", b"1"), ("due_at", due_at), ("target", target)]
    return ConsumerRecord(
        topic="delay.30m.v1",
        partition=partition,
        offset=offset,
        timestamp=ACCEPTED_AT,
        timestamp_type=1,
        key=key,
        value=value,
        checksum=None,
        serialized_key_size=0,
        serialized_value_size=0,
        headers=tuple((name, header) for name, header in headers if header is not None),
    )


def trigger(offset: int = 0, due_at: int = DUE_AT) -> Delayed:
    return read(record(offset, due_at=b"%d" % due_at), DELAY)
