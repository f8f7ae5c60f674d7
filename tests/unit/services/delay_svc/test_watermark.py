"""What a commit says of the records behind its position."""

import pytest

from services.delay_svc.watermark import NONE, Watermark, read


def test_it_covers_what_was_read_and_due() -> None:
    forwarded = Watermark(due_at=100, end=7)

    assert forwarded.covers(6, 100)
    assert not forwarded.covers(6, 101)
    assert not forwarded.covers(7, 100)


def test_nothing_is_covered_when_nothing_was_said() -> None:
    assert not NONE.covers(0, 0)


def test_it_is_written_and_read() -> None:
    forwarded = Watermark(1_763_978_400_000, 9_223_372_036_854_775_807)

    assert read(str(forwarded)) == forwarded


@pytest.mark.parametrize("metadata", ["", "7", "1:2:3", "-1:2", " 1:2", "1:2\n", "a:b", "\u0661:2", "1" * 17 + ":2"])
def test_what_somebody_else_has_committed_says_nothing(metadata: str) -> None:
    assert read(metadata) == NONE
