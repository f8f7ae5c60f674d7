"""Search by words: accents and case ignored, parts of words found. Pure.

A record is indexed by the groups of three letters of its words. The groups of the words asked for find candidates in
the index; each word must then be part of the record's text, since groups may come from different words. A word of one
or two letters, too short for a group, finds the words that begin with it.
"""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from shared.errors import Rejected

_GROUP = 3
LONGEST = 200
"""Characters of a plain text that are searched for, at most: some of Unicode are spelt with eighteen."""
NOTHING: Mapping[str, Any] = {"_id": {"$in": []}}
"""The condition that nothing meets."""
_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae", "ß": "ss", "ø": "o", "ł": "l"})


@lru_cache(maxsize=16_384)  # What changes of a structure is seldom what it is found by.
def plain(text: str) -> str:
    """Return a text in lower case without accents, its words separated by one space."""
    letters = unicodedata.normalize("NFKD", text.lower().translate(_LIGATURES))
    return " ".join(re.findall(r"[^\W_]+", "".join(c for c in letters if not unicodedata.combining(c))))


@lru_cache(maxsize=4096)
def grams(text: str) -> tuple[str, ...]:
    """Return what a plain text is indexed by: its words' groups of three letters, and their beginnings, marked ^."""
    found: set[str] = set()
    for word in text.split():
        found.update(_groups(word))
        found.update((f"^{word[:1]}", f"^{word[:2]}"))
    return tuple(sorted(found))


def beginning(field: str, text: str) -> Mapping[str, Any]:
    """Return the MongoDB condition of a field that begins with a text; it matches nothing when that can be no text."""
    return {field: {"$regex": f"^{re.escape(text)}"}} if re.fullmatch(r"[\w -]+", text) else NOTHING


def condition(words: str) -> Mapping[str, Any]:
    """Return the MongoDB condition of a search, for all of its words; it matches nothing when there is none in it.

    Raises Rejected when they are more than can be searched for: a word left out would find what was not meant.
    """
    text = plain(words)
    if len(text) > LONGEST:
        raise Rejected("invalid_request", fields={"query.q": "field_too_long"})
    wanted = text.split()
    if not wanted:
        return NOTHING
    groups = {group for word in wanted for group in (_groups(word) if len(word) >= _GROUP else (f"^{word}",))}
    # A word of three letters is its own group: only longer ones need a second look.
    parts = [{"text": {"$regex": re.escape(word)}} for word in wanted if len(word) > _GROUP]
    return {"$and": [{"grams": {"$all": sorted(groups)}}, *parts]}


def _groups(word: str) -> list[str]:
    return [word[i : i + _GROUP] for i in range(len(word) - _GROUP + 1)]
