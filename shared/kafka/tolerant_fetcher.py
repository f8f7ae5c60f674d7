"""Reads any records that other clients may have written: those that would end aiokafka's consumer do not.

Kafka checks neither the names of headers nor the unpacked size of a batch, and other clients may send any bytes.
aiokafka raises in the middle of a batch at a header name that is not UTF-8, and it unpacks a few kilobytes to
gigabytes. It would do so again and again at the same offset: one such record would stop every reader of its partition
for good. So a batch with such a name is read once more, by a slow reader that escapes the invalid bytes (`\\xff`), and
a batch that is too large to unpack becomes one record that says so. Their readers then decide what to do with them.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import cramjam
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy

from shared.contracts.messages.cloudevents import LEFT_OUT

LARGEST = 16 * 1024 * 1024
"""Bytes of an unpacked batch at most; clients make batches of a megabyte, before they compress them."""

_NONE, _GZIP, _SNAPPY, _LZ4, _ZSTD = range(5)
_AT_MOST = {_NONE: 1, _GZIP: 1_032, _SNAPPY: 1, _LZ4: 255, _ZSTD: LARGEST}
"""How many times larger a payload can become when unpacked; a megabyte of snappy can't become harmful."""
_PAYLOAD_AT = 61
_LOG_APPEND_TIME = 1


def read_whatever_came() -> None:
    """Make every consumer of this process read such records. Calling it again does nothing more."""
    fetcher.MemoryRecords = _Records


def fits(codec: int, payload: memoryview) -> bool:
    """Tell whether a compressed payload unpacks to no more than `LARGEST` bytes, without unpacking more than that."""
    if len(payload) * _AT_MOST[codec] <= LARGEST or codec == _SNAPPY:
        return True
    if codec == _GZIP:
        return len(zlib.decompressobj(wbits=31).decompress(payload, LARGEST + 1)) <= LARGEST
    into = cramjam.lz4.decompress_into if codec == _LZ4 else cramjam.zstd.decompress_into
    try:
        into(payload.tobytes(), bytearray(LARGEST))
    except cramjam.DecompressionError as error:
        return "whole buffer" not in str(error)  # Other errors are left to aiokafka.
    return True


@dataclass(frozen=True, slots=True)
class _LeftOut:
    """Replaces the records of a batch, with the attributes of aiokafka's records."""

    offset: int
    timestamp: int
    timestamp_type: int
    headers: list[tuple[str, bytes]]
    key: None = None
    value: None = None
    checksum: None = None


class _Name(bytearray):
    def decode(self, encoding: str = "utf-8", _errors: str = "strict") -> str:
        return super().decode(encoding, "backslashreplace")


class _Bytes(bytearray):
    def __getitem__(self, at: Any) -> Any:
        part = super().__getitem__(at)
        return _Name(part) if isinstance(at, slice) else part


class _SlowBatch(_DefaultRecordBatchPy):  # type: ignore[misc]  # aiokafka has no types.
    """aiokafka's own pure Python reader, on bytes whose every slice can be decoded."""

    _buffer: Any

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer = _Bytes(self._buffer)


class _Batch:
    """A batch that is read by the fast reader, and by the slow one from the first record on that needs it."""

    def __init__(self, fast: Any, raw: Any) -> None:
        self._fast = fast
        self._raw = raw

    def __getattr__(self, name: str) -> Any:
        return getattr(self._fast, name)

    def __iter__(self) -> Iterator[Any]:
        if not fits(self._fast.compression_type, self._raw[_PAYLOAD_AT:]):
            yield self._left_out()
            return
        yielded = 0
        try:
            for yielded, record in enumerate(self._fast, 1):  # noqa: B007 - how far it came is used below.
                yield record
        except UnicodeDecodeError:
            yield from islice(_SlowBatch(self._raw), yielded, None)

    def _left_out(self) -> _LeftOut:
        batch, last = self._fast, self._fast.next_offset - 1
        why = f"offsets {batch.base_offset} to {last} came in one batch of more than {LARGEST} bytes when unpacked"
        at = batch.max_timestamp if batch.timestamp_type == _LOG_APPEND_TIME else batch.first_timestamp
        return _LeftOut(batch.base_offset, at, batch.timestamp_type, [(LEFT_OUT, why.encode())])


class _Records(_MemoryRecordsPy):  # type: ignore[misc]  # aiokafka has no types.
    def next_batch(self) -> Any:
        raw = self._next_slice
        batch = super().next_batch()
        return _Batch(batch, raw) if isinstance(batch, DefaultRecordBatch) else batch
