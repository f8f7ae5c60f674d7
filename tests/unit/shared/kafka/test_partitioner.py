"""Our partitioner chooses as aiokafka's and Java's do, so that a key has one partition whoever sends it."""

import random

from aiokafka.partitioner import murmur2

from shared.kafka.partitioner import key_hash, partitioner


def test_the_hash_is_that_of_other_clients_whatever_the_length() -> None:
    dice = random.Random(20261123)
    for length in [*range(40), *range(255, 270), 4096, 4099]:
        key = dice.randbytes(length)
        assert key_hash(key) == murmur2(key) & 0x7FFFFFFF


def test_known_partitions_of_java() -> None:
    # From the tests of Kafka's own clients: murmur2 of these texts, as signed 32-bit numbers.
    for text, java in {
        "21": -973932308,
        "foobar": -790332482,
        "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    }.items():
        assert key_hash(text.encode()) == java & 0x7FFFFFFF


def test_a_key_has_always_the_same_partition() -> None:
    assert {partitioner(b"structure:1", range(12), range(12)) for _ in range(5)} == {key_hash(b"structure:1") % 12}


def test_a_record_without_a_key_goes_where_somebody_answers() -> None:
    assert {partitioner(None, range(12), [4]) for _ in range(5)} == {4}
