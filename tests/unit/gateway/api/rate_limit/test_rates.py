"""A rate: what its bucket lets through, and how it is written. The time is given."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api.rate_limit.rates import Bucket, Rate, read

RATES = st.builds(Rate, st.integers(1, 50), st.integers(1, 100))


def test_a_burst_at_once_then_so_many_a_second() -> None:
    rate = Rate(2, 5)
    bucket = Bucket(rate, 0.0)
    assert [bucket.take(rate, 0.0) for _ in range(6)] == [0, 0, 0, 0, 0, 0.5]
    assert bucket.take(rate, 0.5) == 0
    assert bucket.take(rate, 0.5) == 0.5
    assert [bucket.take(rate, 100.0) for _ in range(6)] == [0, 0, 0, 0, 0, 0.5], "rest saves up a burst and no more"


def test_a_clock_that_goes_back_takes_nothing_away() -> None:
    rate = Rate(1, 2)
    bucket = Bucket(rate, 10.0)
    assert [bucket.take(rate, at) for at in (10.0, 5.0)] == [0, 0]
    assert bucket.take(rate, 4.0) > 0
    assert bucket.take(rate, 5.0) == 0


@given(rate=RATES, gaps=st.lists(st.floats(0, 3), min_size=1, max_size=200))
def test_in_any_time_no_more_than_a_burst_and_the_rate_pass_and_a_wait_is_told_rightly(
    rate: Rate, gaps: list[float]
) -> None:
    bucket, now = Bucket(rate, 0.0), 0.0
    for passed, gap in enumerate(gaps, 1):
        now += gap
        wait = bucket.take(rate, now)
        if wait:
            assert wait <= 1 / rate.per_second
            now += wait + 1e-6
            assert bucket.take(rate, now) == 0
        assert passed <= rate.burst + rate.per_second * now + 1e-3


@pytest.mark.parametrize("text", ["50/200", "1/1", "100000/999999999"])
def test_it_is_written_as_it_is_read(text: str) -> None:
    assert str(read(text)) == text


@pytest.mark.parametrize(
    "text", ["", "50", "50/", "/200", "0/5", "5/0", "-1/5", "50/200/3", "5.0/3", "50 / 200", "٥/٥"]
)
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no rate"):
        read(text)


@pytest.mark.parametrize(("rate", "seconds"), [(Rate(50, 200), 4), (Rate(50, 201), 5), (Rate(5, 1), 1)])
def test_its_window_is_the_time_in_which_it_fills(rate: Rate, seconds: int) -> None:
    assert rate.window_s == seconds
