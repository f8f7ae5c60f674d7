"""Search by words: accents and case ignored, parts of words found.

A record is indexed by the groups of three letters of its words; a query's groups find candidates in the index, and
its words must then each be part of the record's text.
"""

import re
import unicodedata

_SHORTEST = 2


def plain(text: str) -> str:
    """Return a text in lower case without accents, its words separated by one space."""
    letters = unicodedata.normalize("NFKD", text.lower())
    return " ".join(re.findall(r"[0-9a-z]+", "".join(c for c in letters if not unicodedata.combining(c))))


def grams(text: str) -> list[str]:
    """Return the groups of three letters of a plain text's words; shorter words stand for themselves."""
    found: set[str] = set()
    for word in text.split():
        found.update(word[i : i + 3] for i in range(len(word) - 2))
        found.update(word[i : i + 2] for i in range(len(word) - 1))
    return sorted(found)


def query(words: str) -> tuple[list[str], list[str]]:
    """Return the groups every match has, and the words every match's text contains."""
    wanted = [w for w in plain(words).split() if len(w) >= _SHORTEST]
    groups: set[str] = set()
    for word in wanted:
        groups.update((word[i : i + 3] for i in range(len(word) - 2)) if len(word) > _SHORTEST else (word,))
    return sorted(groups), wanted
