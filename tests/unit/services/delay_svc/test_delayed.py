"""What a delay record must say, and what becomes of one that doesn't."""

from typing import Any

import pytest
from aiokafka.partitioner import murmur2

from services.delay_svc.delayed import LONGEST, MARGIN, read
from shared.errors import Poison
from tests.unit.services.delay_svc.builders import ACCEPTED_AT, DELAY, DUE_AT, record


def test_a_record_says_when_it_is_due_and_where_it_goes() -> None:
    trigger = read(record(), DELAY)

    assert (trigger.due_at, trigger.target) == (DUE_AT, "toy.due")


def test_all_headers_but_the_target_are_forwarded_in_their_order() -> None:
    assert read(record(), DELAY).headers == [("ce_id", b"1"), ("due_at", b"%d" % DUE_AT)]


def test_what_is_due_already_is_right() -> None:
    assert read(record(due_at=b"0"), DELAY).due_at == 0


def test_a_fast_clock_is_forgiven_up_to_the_margin() -> None:
    last = ACCEPTED_AT + DELAY + MARGIN

    assert read(record(due_at=b"%d" % last), DELAY).due_at == last
    with pytest.raises(Poison) as poison:
        read(record(due_at=b"%d" % (last + 1)), DELAY)
    assert poison.value.code == "due_at_too_far"


def test_what_is_too_far_depends_on_the_delay_of_the_topic() -> None:
    with pytest.raises(Poison):
        read(record(), DELAY - MARGIN - 1)


@pytest.mark.parametrize("due_at", [None, b"", b"soon", b"-1", b"1.5", b"1e3", b" 1", "١".encode(), b"\xff", b"9" * 17])
def test_a_record_without_a_readable_time_is_poison(due_at: bytes | None) -> None:
    with pytest.raises(Poison) as poison:
        read(record(due_at=due_at), DELAY)

    assert poison.value.code == "due_at_invalid"


@pytest.mark.parametrize("target", [None, b"", b"toy.requests", b"toy.due.state", b"toy.due ", b"\xe9"])
def test_a_record_may_only_go_to_a_topic_of_due_things(target: bytes | None) -> None:
    with pytest.raises(Poison) as poison:
        read(record(target=target), DELAY)

    assert poison.value.code == "target_invalid"


@pytest.mark.parametrize("large", [{"key": b"x" * LONGEST}, {"value": b"x" * (LONGEST + 1), "key": None}])
def test_a_record_that_is_larger_than_any_trigger_is_poison(large: dict[str, Any]) -> None:
    with pytest.raises(Poison) as poison:
        read(record(**large), DELAY)

    assert poison.value.code == "message_too_large"


def test_a_key_has_the_partition_its_owner_would_choose() -> None:
    assert read(record(key=b"toy:17"), DELAY).spread % 12 == (murmur2(b"toy:17") & 0x7FFFFFFF) % 12


def test_records_without_a_key_or_a_value_keep_the_order_of_their_partition() -> None:
    assert read(record(key=None, value=None, partition=7), DELAY).spread == 7
