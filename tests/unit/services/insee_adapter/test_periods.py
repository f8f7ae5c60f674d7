"""The period that covers today decides; what is to come is announced (rule R9)."""

from datetime import date
from typing import Any

import pytest

from services.insee_adapter.periods import Standing, standing
from tests.unit.services.insee_adapter.records import period

TODAY = date(2026, 11, 30)
OPEN_UNTIL_CLOSING = [period("F", "2026-12-31", changed=True), period("A", "2010-03-01", "2026-12-30")]
CLOSED_UNTIL_REOPENING = [
    period("A", "2027-01-15", changed=True),
    period("F", "2025-06-01", "2027-01-14", changed=True),
    period("A", "2010-03-01", "2025-05-31"),
]


def on(day: date, *periods: dict[str, Any]) -> Standing | None:
    return standing(periods, day)


def test_a_closing_announced_for_a_later_day_is_open_today_and_told() -> None:
    assert on(TODAY, *OPEN_UNTIL_CLOSING) == Standing(is_open=True, changes_on=date(2026, 12, 31))


@pytest.mark.parametrize(
    ("day", "is_open"), [(date(2026, 12, 30), True), (date(2026, 12, 31), False), (date(2027, 1, 1), False)]
)
def test_it_is_closed_from_the_first_day_of_the_closed_period(day: date, is_open: bool) -> None:
    found = on(day, *OPEN_UNTIL_CLOSING)
    assert found is not None
    assert found.is_open is is_open
    assert found.closed_on == (None if is_open else date(2026, 12, 31))


def test_a_reopening_to_come_is_not_open_today() -> None:
    assert on(TODAY, *CLOSED_UNTIL_REOPENING) == Standing(
        is_open=False, closed_on=date(2025, 6, 1), changes_on=date(2027, 1, 15)
    )


def test_a_reopening_that_has_come_is_open_and_was_never_closed_for_today() -> None:
    assert on(date(2027, 1, 15), *CLOSED_UNTIL_REOPENING) == Standing(is_open=True)


def test_of_several_changes_to_come_the_next_one_is_told() -> None:
    found = on(
        TODAY,
        period("A", "2027-02-01", changed=True),
        period("F", "2026-12-31", "2027-01-31", changed=True),
        period("A", "2010-03-01", "2026-12-30"),
    )
    assert found == Standing(is_open=True, changes_on=date(2026, 12, 31))


def test_a_later_period_of_the_same_state_announces_nothing() -> None:
    found = on(TODAY, period("A", "2027-01-01"), period("A", "2010-03-01", "2026-12-31"))
    assert found == Standing(is_open=True)


@pytest.mark.parametrize(("state", "is_open"), [("A", False), ("F", True)])
def test_when_only_what_is_to_come_is_known_today_is_the_contrary(state: str, is_open: bool) -> None:
    assert on(TODAY, period(state, "2026-12-15", changed=True)) == Standing(
        is_open=is_open, changes_on=date(2026, 12, 15)
    )


@pytest.mark.parametrize(
    ("periods", "is_open"),
    [
        # The current one last, or without an order.
        ([period("A", "2001-01-01", "2009-12-31"), period("F", "2010-01-01", changed=True)], False),
        (
            [
                period("F", "2005-01-01", "2009-12-31"),
                period("A", "2010-01-01"),
                period("A", "2001-01-01", "2004-12-31"),
            ],
            True,
        ),
        # Two that share their day, as other programs of INSEE write them.
        ([period("F", "2026-11-30", changed=True), period("A", "2010-01-01", "2026-11-30")], False),
        # Two without an end: the one that began last.
        ([period("A", "2010-01-01"), period("F", "2020-01-01", changed=True)], False),
        # All have ended: the newest is the last word.
        ([period("F", "2010-01-01", "2011-01-01"), period("A", "2001-01-01", "2009-12-31")], False),
        # A gap between what has ended and what is to come.
        ([period("F", "2026-12-15"), period("A", "2010-01-01", "2026-11-01")], True),
        # A start that INSEE does not know leaves the period where INSEE put it.
        ([period("F", None, changed=True), period("A", "1990-01-01")], False),
        ([period("A", "1990-01-01"), period("F", None, "1989-12-31")], True),
        ([period("f", "2020-01-01", changed=True), period("a", "2010-01-01", "2019-12-31")], False),
    ],
)
def test_the_period_that_covers_today_is_found_whatever_order_and_dates(periods: list[Any], is_open: bool) -> None:
    found = on(TODAY, *periods)
    assert found is not None
    assert found.is_open is is_open


def test_it_is_closed_since_its_state_changed_not_since_the_last_correction() -> None:
    found = on(
        TODAY,
        period("F", "2022-06-01"),
        period("F", "2020-09-01", "2022-05-31", changed=True),
        period("A", "2015-01-01", "2020-08-31", changed=True),
    )
    assert found == Standing(is_open=False, closed_on=date(2020, 9, 1))


def test_it_is_closed_since_the_last_closing_not_since_one_before_a_reopening() -> None:
    found = on(
        TODAY,
        period("F", "2024-01-01", changed=True),
        period("A", "2022-01-01", "2023-12-31", changed=True),
        period("F", "2020-01-01", "2021-12-31", changed=True),
        period("A", "2015-01-01", "2019-12-31"),
    )
    assert found == Standing(is_open=False, closed_on=date(2024, 1, 1))


@pytest.mark.parametrize("start", [None, "1900-01-01", "not a date", "2026-02-30"])
def test_a_closing_whose_day_insee_does_not_know_has_none(start: str | None) -> None:
    assert on(TODAY, period("F", start, changed=True)) == Standing(is_open=False)


def test_a_record_that_begins_closed_does_not_tell_since_when() -> None:
    assert on(TODAY, period("F", "1988-01-01")) == Standing(is_open=False)


@pytest.mark.parametrize(
    "periods",
    [
        [],
        [period("X", "2020-01-01")],
        [period("X", "2026-12-31")],
        [{"dateDebut": "2020-01-01", "etatAdministratifEtablissement": None}],
        [period("X", "2020-01-01"), period("A", "2010-01-01", "2019-12-31")],
    ],
)
def test_a_state_that_is_not_known_is_neither_open_nor_closed(periods: list[Any]) -> None:
    assert on(TODAY, *periods) is None
