"""Records that no careful client sends: Kafka takes them all the same."""

import struct
from typing import Any

from aiokafka.record.util import calc_crc32c

PLACEHOLDER = "ODD"
"""The name of a header that becomes bytes that are no UTF-8. A batch must not be compressed for that."""
_ODD = b"\xff\xfe\xfd"


def with_odd_names(batch: bytes) -> bytes:
    """Return an encoded batch with its placeholders replaced, under a right checksum."""
    odd = bytearray(batch.replace(PLACEHOLDER.encode(), _ODD))
    odd[17:21] = struct.pack(">I", calc_crc32c(bytes(odd[21:])))
    return bytes(odd)


def make_odd(builder: Any) -> Any:
    """Make a batch of a producer's `create_batch` be sent with its placeholders replaced. Return it."""
    build = builder._build
    builder._build = lambda: with_odd_names(bytes(build()))
    return builder
