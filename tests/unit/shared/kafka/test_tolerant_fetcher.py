"""Records as other clients may write them, read without harm to any other."""

import gzip
from types import SimpleNamespace
from typing import Any

import cramjam
import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.messages import cloudevents
from shared.errors import Poison
from shared.kafka.tolerant_fetcher import LARGEST, _Records, _SlowBatch, fits

NONE, GZIP, SNAPPY, LZ4, ZSTD = CODECS = range(5)
Given = tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]]]
some = st.none() | st.binary(max_size=300)
given_records = st.lists(st.tuples(some, some, st.lists(st.tuples(st.text(max_size=20), some), max_size=4)), min_size=1)


def chunk(codec: int, records: list[Given]) -> bytes:
    builder: Any = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=codec,
        is_transactional=0,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=10**9,
    )
    for offset, (key, value, headers) in enumerate(records):
        builder.append(offset, timestamp=1_000 + offset, key=key, value=value, headers=headers)
    return bytes(builder.build())


def read(data: bytes, reader: Any = _Records) -> list[Any]:
    records, found = reader(data), []
    while records.has_next():
        batch = records.next_batch()
        assert batch.next_offset > batch.base_offset
        found += [(r.offset, r.timestamp, r.timestamp_type, r.key, r.value, list(r.headers)) for r in batch]
    return found


@given(st.sampled_from(CODECS), given_records)
def test_what_can_be_read_is_read_as_aiokafka_does(codec: int, records: list[Given]) -> None:
    data = chunk(codec, records) + chunk(NONE, records)
    assert read(data) == read(data, MemoryRecords)


@given(st.sampled_from(CODECS), given_records)
def test_the_slow_reading_of_a_batch_is_the_same(codec: int, records: list[Given]) -> None:
    data = chunk(codec, records)
    slow = _SlowBatch(memoryview(data))
    read_so = [(r.offset, r.timestamp, r.timestamp_type, r.key, r.value, r.headers) for r in slow]
    assert read_so == read(data, MemoryRecords)


@pytest.mark.parametrize("codec", [GZIP, LZ4, ZSTD])
def test_a_batch_too_large_to_unpack_is_one_record_that_says_so(codec: int) -> None:
    bomb: list[Given] = [(b"k", b"0" * LARGEST, []), (b"k", b"x", [])]
    (left_out,) = list(_Records(chunk(codec, bomb)).next_batch())
    assert (left_out.offset, left_out.value) == (0, None)
    with pytest.raises(Poison, match="offsets 0 to 1 came in one batch of more than 16777216 bytes") as poison:
        cloudevents.read(_as_handed_on(left_out))
    assert poison.value.code == "message_unreadable"


def _as_handed_on(record: Any) -> Any:
    """Return a record as aiokafka hands it on, with its place."""
    return SimpleNamespace(topic="t", partition=0, offset=record.offset, value=record.value, headers=record.headers)


@pytest.mark.parametrize(
    ("codec", "pack"),
    [
        (GZIP, gzip.compress),
        (LZ4, lambda raw: bytes(cramjam.lz4.compress(raw))),
        (ZSTD, lambda raw: bytes(cramjam.zstd.compress(raw))),
    ],
)
def test_the_limit_is_exact(codec: int, pack: Any) -> None:
    assert fits(codec, memoryview(pack(b"0" * LARGEST)))
    assert not fits(codec, memoryview(pack(b"0" * (LARGEST + 1))))
