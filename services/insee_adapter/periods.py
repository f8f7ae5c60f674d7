"""Whether an establishment is open today, by its history in INSEE's register. Pure: the day is passed.

INSEE enters a closing or an opening that is declared up to a month ahead as a period that begins on a later day, and
gives that period first. So the period that covers today decides, and later periods are announcements. A correction may
split a period in two of the same state: what counts is since when the establishment has had this state.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise, takewhile
from typing import Any

from services.insee_adapter.fields import day, text

_OPEN, _CLOSED = "A", "F"


@dataclass(frozen=True, slots=True)
class Standing:
    """The state of an establishment today, by its history.

    `closed_on` is the first day closed, None also when INSEE does not know it; `changes_on` the day on which it will
    open or close, when one is announced.
    """

    is_open: bool
    closed_on: date | None = None
    changes_on: date | None = None


@dataclass(frozen=True, slots=True)
class _Period:
    """`state` is A or F, None when INSEE gives none that is known."""

    state: str | None
    start: date | None
    end: date | None
    changed: bool

    @property
    def is_open(self) -> bool:
        return self.state == _OPEN


def standing(objects: Sequence[Mapping[str, Any]], today: date) -> Standing | None:
    """Return the state by the periods of an establishment; None when they don't say whether it is open."""
    periods = _newest_first([_read(period) for period in objects])
    begun = [period for period in periods if period.start is None or period.start <= today]
    to_come = [period for period in reversed(periods) if period.state and period.start and period.start > today]
    if not begun:
        # Only future periods are known: before a first opening it is not open, before a closing it still is.
        return Standing(not to_come[0].is_open, changes_on=to_come[0].start) if to_come else None
    covering = next((at for at, period in enumerate(begun) if period.end is None or period.end >= today), 0)
    now = begun[covering]
    if now.state is None:
        return None
    change = next((period.start for period in to_come if period.state != now.state), None)
    return Standing(now.is_open, None if now.is_open else _closed_on(begun[covering:]), change)


def _read(period: Mapping[str, Any]) -> _Period:
    state = (text(period, "etatAdministratifEtablissement") or "").upper()
    return _Period(
        state if state in {_OPEN, _CLOSED} else None,
        day(period, "dateDebut"),
        day(period, "dateFin"),
        period.get("changementEtatAdministratifEtablissement") is True,
    )


def _newest_first(periods: list[_Period]) -> list[_Period]:
    # INSEE's own order, in which a period without a start has its place too, unless the dates contradict it.
    starts = [period.start for period in periods if period.start]
    if all(newer >= older for newer, older in pairwise(starts)):
        return periods
    return sorted(periods, key=lambda period: period.start or date.min, reverse=True)


def _closed_on(periods: Sequence[_Period]) -> date | None:
    """Return since when an establishment is closed, given its periods from the one that covers today back."""
    closed = list(takewhile(lambda period: period.state == _CLOSED, periods))
    was_open = any(period.is_open for period in periods[len(closed) : len(closed) + 1])
    return closed[-1].start if closed[-1].changed or was_open else None
