"""Records whose headers have names that are not UTF-8: aiokafka can't read them, here they are read.

Kafka does not look at names, and other clients send any bytes. aiokafka raises from the middle of a batch, again and
again at the same place: one such record would stop every reader of its partition for good. Such a batch is read once
more, slowly, with the odd bytes written out (`\\xff`); what is wrong with the record is then for its reader to judge.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy


def read_any_header_name() -> None:
    """Make every consumer of this process read such records. Calling it again does nothing more."""
    fetcher.MemoryRecords = _Records


class _Name(bytearray):
    def decode(self, encoding: str = "utf-8", _errors: str = "strict") -> str:
        return super().decode(encoding, "backslashreplace")


class _Bytes(bytearray):
    def __getitem__(self, at: Any) -> Any:
        part = super().__getitem__(at)
        return _Name(part) if isinstance(at, slice) else part


class _SlowBatch(_DefaultRecordBatchPy):  # type: ignore[misc]  # aiokafka has no types.
    """aiokafka's own reader in Python, on bytes of which each part can be decoded."""

    _buffer: Any

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer = _Bytes(self._buffer)


class _Batch:
    """A batch that is read fast, and slowly from the first record on that can't be."""

    def __init__(self, fast: Any, raw: Any) -> None:
        self._fast = fast
        self._raw = raw

    def __getattr__(self, name: str) -> Any:
        return getattr(self._fast, name)

    def __iter__(self) -> Iterator[Any]:
        given = 0
        try:
            for given, record in enumerate(self._fast, 1):  # noqa: B007 - how far it came is used below.
                yield record
        except UnicodeDecodeError:
            yield from islice(_SlowBatch(self._raw), given, None)


class _Records(_MemoryRecordsPy):  # type: ignore[misc]  # aiokafka has no types.
    def next_batch(self) -> Any:
        raw = self._next_slice
        batch = super().next_batch()
        return _Batch(batch, raw) if isinstance(batch, DefaultRecordBatch) else batch
