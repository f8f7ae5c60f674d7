"""Finds the ISO 3166 country of INSEE's code and label. Pure; the table is `countries.csv` beside this file.

INSEE's code is that of a state, or of several territories of one: then the label decides (« JERSEY » with the code of
the United Kingdom). Labels are compared by their words, regardless of order, articles, accents and punctuation, since
INSEE has written « MAN (ILE) » and « Île de Man ». When neither identifies a country, or they contradict each other, it
is unknown: a guess would be a wrong address.
"""

import csv
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_TABLE = Path(__file__).with_name("countries.csv")
_WORD = re.compile(r"[A-Z]+")
_LITTLE = frozenset(
    ("AU", "AUX", "D", "DE", "DES", "DU", "EN", "ET", "ILE", "ILES", "ISLE", "L", "LA", "LE", "LES", "OF", "OU", "THE")
)
_SPELT_OUT = {"ST": "SAINT", "STE": "SAINTE"}

Words = frozenset[str]


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of the table. `iso` is None where a code or a name does not identify one country."""

    iso: str | None
    names: tuple[Words, ...]


def _words(label: str) -> Words:
    plain = unicodedata.normalize("NFKD", label.replace("’", "'")).encode("ascii", "ignore").decode().upper()
    return frozenset(_SPELT_OUT.get(word, word) for word in _WORD.findall(plain) if word not in _LITTLE)


def _load() -> tuple[dict[str, list[_Line]], dict[str, list[_Line]]]:
    own: dict[str, list[_Line]] = defaultdict(list)
    territories: dict[str, list[_Line]] = defaultdict(list)
    text = _TABLE.read_text(encoding="utf-8")
    for line in csv.DictReader(names for names in text.splitlines() if not names.startswith("#")):
        names = _Line(line["iso"] or None, tuple(map(_words, line["names"].split("|"))))
        own[line["cog"]].append(names)
        if line["of"]:
            territories[line["of"]].append(names)
    return dict(own), dict(territories)


_OWN, _TERRITORIES = _load()


def knows(code: str) -> bool:
    """Tell whether INSEE gives this code to a country or a territory abroad."""
    return code in _OWN


def iso(code: str | None, label: str | None) -> str | None:
    """Return the ISO 3166 alpha-2 code of a country; None when code and label don't identify one."""
    said = _words(label or "")
    by_name = _one(names.iso for lines in _OWN.values() for names in lines if said in names.names)
    own = _OWN.get(code or "", [])
    if not own:
        return by_name
    candidates = [*own, *_TERRITORIES.get(code or "", ())]
    if exact := [names for names in candidates if said in names.names]:
        return _one(names.iso for names in exact)
    meant = {names.iso for names in own if names.iso}
    state = next(iter(meant)) if len(meant) == 1 else None
    named = [names for names in candidates if names.iso != state and any(name <= said for name in names.names)]
    if named:
        return _one(names.iso for names in named)
    return state if by_name in {None, state} else None


def _one(found: Iterable[str | None]) -> str | None:
    different = set(found)
    return different.pop() if len(different) == 1 else None
