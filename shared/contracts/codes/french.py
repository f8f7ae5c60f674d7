"""French typography for our sentences, and values as a person reads them. Pure.

Typographic signs are put into our own sentences before values are, so that users' text stays as they typed it.
"""

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

NARROW, WIDE = "\u202f", "\u00a0"
"""The two spaces at which no line is broken."""

_PARIS = ZoneInfo("Europe/Paris")
_MONTHS = (
    *("janvier", "février", "mars", "avril", "mai", "juin"),
    *("juillet", "août", "septembre", "octobre", "novembre", "décembre"),
)
_UNITS = "caractères|chiffres|éléments|modifications|utilisateurs|octets|lignes|Mo|s"
_SIGNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile("'"), "’"),
    (re.compile(" (?=[;!?])"), NARROW),
    (re.compile(" (?=[:»])|(?<=«) "), WIDE),
    (re.compile(rf"(?<=[0-9}}]) (?=(?:{_UNITS})\b)"), WIDE),
)


def typeset(text: str) -> str:
    """Return a sentence that was typed on a keyboard, with the spaces and apostrophes of printed French."""
    for sign, printed in _SIGNS:
        text = sign.sub(printed, text)
    return text


def value(name: str, raw: object) -> str:
    """Return a value as a sentence shows it: `…_at` is an instant, `…_on` a day, a list is joined with « ou ».

    One that can't be read that way, such as one of another version, is shown as it is.
    """
    said: Callable[[str], str] | None = _said.get(name[-3:])
    if said is not None and isinstance(raw, str):
        try:
            return said(raw)
        except ValueError:
            return raw
    if isinstance(raw, Sequence) and not isinstance(raw, str):
        *others, last = (str(one) for one in raw) if raw else ("",)
        return f"{', '.join(others)} ou {last}" if others else last
    return str(raw)


def instant(text: str) -> str:
    """Write an instant (RFC 3339) in the time of Paris. The zone is named, since some readers live in others.

    Raises ValueError when it is none.
    """
    # Messages published together repeat the same few minutes.
    return _instant(f"{text[:16]}Z" if text.endswith("Z") else text)


@lru_cache(maxsize=1024)
def _instant(text: str) -> str:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"« {text} » has no offset from UTC")
    there = moment.astimezone(_PARIS)
    return f"{_day(there)} à {there.hour}{WIDE}h{WIDE}{there.minute:02d} (heure de Paris)"


def day(text: str) -> str:
    """Write a day, given as YYYY-MM-DD. Raises ValueError when it is none."""
    return _day(date.fromisoformat(text))


def _day(when: date) -> str:
    number = "1er" if when.day == 1 else str(when.day)
    return f"{number}{WIDE}{_MONTHS[when.month - 1]} {when.year}"


_said: dict[str, Callable[[str], str]] = {"_at": instant, "_on": day}
