"""Reads single values of INSEE's JSON, of whatever type, and recognises INSEE's mark for a hidden one."""

import unicodedata
from collections.abc import Mapping
from datetime import date
from typing import Any

HIDDEN = "[ND]"
"""INSEE's mark in place of a hidden value (« non diffusible »), since March 2023."""

_NO_DATE = date(1900, 1, 1)
# INSEE writes 1900-01-01 where it has no date, in nearly all cases.


def clean(value: str, most: int | None = None) -> str:
    """Return a text of INSEE as rule R25 requires: it can't be refused, so it is corrected.

    Invisible characters are removed (controls, marks of direction, unpaired surrogates), white space becomes one space,
    letters are composed, and a text longer than `most` is cut after its last whole word.
    """
    seen = "".join(sign for sign in value if sign.isspace() or not unicodedata.category(sign).startswith("C"))
    whole = " ".join(unicodedata.normalize("NFC", seen).split())
    if most is None or len(whole) <= most:
        return whole
    words, _, _ = whole[: most + 1].rpartition(" ")
    return words or whole[:most]


def text(values: Mapping[str, Any], name: str) -> str | None:
    """Return a text, `HIDDEN` included; None for what is absent, empty or no text."""
    value = values.get(name)
    return clean(value) or None if isinstance(value, str) else None


def shown(values: Mapping[str, Any], name: str) -> str | None:
    """Return a text, or None when it is absent or hidden."""
    value = text(values, name)
    return None if value == HIDDEN else value


def hides(values: Mapping[str, Any], *names: str) -> bool:
    """Tell whether one of these values is hidden."""
    return any(text(values, name) == HIDDEN for name in names)


def day(values: Mapping[str, Any], name: str) -> date | None:
    """Return a day; None when there is none, or it is invalid."""
    value = text(values, name)
    if value is None:
        return None
    try:
        found = date.fromisoformat(value[:10])
    except ValueError:
        return None
    return None if found == _NO_DATE else found


def inner(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a nested object; an empty one when it is absent or no object."""
    value = values.get(name)
    return value if isinstance(value, Mapping) else {}


def objects(values: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """Return the objects of a list; none when it is absent."""
    value = values.get(name)
    return [period for period in value if isinstance(period, Mapping)] if isinstance(value, list) else []
