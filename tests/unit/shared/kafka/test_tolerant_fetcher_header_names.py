"""A header's name that is not UTF-8 harms neither its record nor the others of the batch."""

from typing import Any

import pytest
from aiokafka.record import MemoryRecords
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from shared.kafka.tolerant_fetcher import _Records
from tests.support.odd_records import PLACEHOLDER, with_odd_names

NAMES = ("fine", PLACEHOLDER, "fine", PLACEHOLDER, "à")


def batch() -> bytes:
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1 << 20)
    for number, name in enumerate(NAMES):
        headers = [(name, b"\xff"), ("after", None)]
        builder.append(number, timestamp=1_000 + number, key=b"k%d" % number, value=b"\xff", headers=headers)
    return with_odd_names(bytes(builder.build()))


def read(kind: Any, data: bytes) -> list[Any]:
    records, read = kind(data), []
    while records.has_next():
        read += list(records.next_batch())
    return read


def test_aiokafka_alone_can_t_read_such_a_batch() -> None:
    with pytest.raises(UnicodeDecodeError):
        read(MemoryRecords, batch())


def test_all_records_are_read_in_order_as_they_are_but_for_odd_names() -> None:
    records = read(_Records, batch() * 2)

    assert [(r.offset, r.timestamp, r.key, r.value) for r in records] == [
        (n, 1_000 + n, b"k%d" % n, b"\xff") for n in range(5)
    ] * 2
    odd = r"\xff\xfe\xfd"
    assert [r.headers for r in records[:5]] == [
        [(name, b"\xff"), ("after", None)] for name in ("fine", odd, "fine", odd, "à")
    ]
    assert {type(name) for r in records for name, _ in r.headers} == {str}
    assert {type(r.value) for r in records} == {bytes}


def test_a_batch_s_own_attributes_are_aiokafka_s() -> None:
    first = _Records(batch()).next_batch()

    assert (first.base_offset, first.next_offset, first.is_control_batch, first.validate_crc()) == (0, 5, False, True)
