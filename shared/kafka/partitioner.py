"""The partition of a key: the same that Java's clients and aiokafka choose, in half of aiokafka's time.

aiokafka's own murmur2 works byte by byte and takes longer than everything else about sending a small message.
"""

import random
from collections.abc import Sequence
from struct import Struct, unpack_from

_SEED = 0x9747B28C
_M = 0x5BD1E995
_32_BITS = 0xFFFFFFFF

_WORDS = [Struct(f"<{count}I") for count in range(65)]
"""Readers of the 4-byte words of the usual, short keys."""


def key_hash(key: bytes) -> int:
    """Return Kafka's positive murmur2 hash of a key; its remainder by the number of partitions is the partition."""
    words, rest = divmod(len(key), 4)
    h = _SEED ^ len(key)
    for k in _WORDS[words].unpack_from(key) if words < len(_WORDS) else unpack_from(f"<{words}I", key):
        k = k * _M & _32_BITS
        h = (h * _M & _32_BITS) ^ ((k ^ k >> 24) * _M & _32_BITS)
    if rest:
        h = (h ^ int.from_bytes(key[-rest:], "little")) * _M & _32_BITS
    h = (h ^ h >> 13) * _M & _32_BITS
    return (h ^ h >> 15) & 0x7FFFFFFF


def partitioner(key: bytes | None, partitions: Sequence[int], available: Sequence[int]) -> int:
    """Choose the partition of a key among all `partitions`; without a key any `available` one. For aiokafka."""
    if key is None:
        return random.choice(available or partitions)  # noqa: S311 - it spreads load; no security depends on it.
    return partitions[key_hash(key) % len(partitions)]
