"""A day begins when it does in France, whatever the machine's time."""

from datetime import UTC, date, datetime

import pytest

from services.insee_adapter import days
from shared.clock import instant


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2026, 11, 30, 22, 59, 59, 999_000, UTC), date(2026, 11, 30)),
        (datetime(2026, 11, 30, 23, 0, tzinfo=UTC), date(2026, 12, 1)),
        (datetime(2026, 6, 30, 21, 59, 59, tzinfo=UTC), date(2026, 6, 30)),
        (datetime(2026, 6, 30, 22, 0, tzinfo=UTC), date(2026, 7, 1)),
    ],
)
def test_the_day_is_that_of_france_in_winter_and_in_summer(moment: datetime, day: date) -> None:
    assert days.today(instant(moment)) == day


@pytest.mark.parametrize("day", [date(2026, 12, 31), date(2026, 7, 1), date(2026, 3, 29), date(2026, 10, 25)])
def test_a_day_begins_at_its_first_moment(day: date) -> None:
    begins = instant(days.begins(day))
    assert (days.today(begins), days.today(begins - 1) < day) == (day, True)
