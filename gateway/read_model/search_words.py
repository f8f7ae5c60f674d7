"""Search by words: case and accents are ignored, special letters have plain ones, parts of words match. Pure.

A record is indexed by the trigrams of its words. The trigrams of a search find candidates in the index; each word must
then be part of the record's text, since trigrams may come from different words. A word of one or two letters, too
short for a trigram, finds the words that begin with it.

Words joined by an apostrophe, a hyphen or dots are found by their parts and as one word, and so are initials:
« L'Oréal » by `loreal`, « L.V.M.H. » by `lvmh`, and the other way round. Digits may be in groups: « 75 001 ».
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from shared.errors import Rejected

_GROUP = 3
LONGEST = 200
"""Characters of a search at most, in plain form: a single character of Unicode may become eighteen."""
NOTHING: Mapping[str, Any] = {"_id": {"$in": []}}
"""The condition that matches nothing."""
_ALIASES = {"ð": "d", "þ": "th", "ŋ": "n", "ə": "e", "ĸ": "k"}
_BASE = re.compile(r"LATIN SMALL (?:LETTER|LIGATURE) (?:DOTLESS )?([A-Z]{1,2})(?: WITH .*)?")
_WORD = re.compile(r"[^\W_]+")


@lru_cache(maxsize=1024)
def _plain_sign(sign: str) -> str:
    """Return the plain letters of one that Unicode does not decompose, such as ø, ł, đ, ı, æ, by its Unicode name."""
    found = _BASE.fullmatch(unicodedata.name(sign, ""))
    return found[1].lower() if found else _ALIASES.get(sign, sign)


def _folded(text: str) -> str:
    """Return a text in lower case, without accents and modifier letters, such as the one in Hawaiʻi."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    plainly = "".join(c for c in decomposed if not (unicodedata.combining(c) or "\u02b0" <= c <= "\u02ff"))
    return plainly if plainly.isascii() else "".join(map(_plain_sign, plainly))


@lru_cache(maxsize=16_384)  # Cached, since most changes of a structure leave its searched texts as they are.
def plain(text: str) -> str:
    """Return a text in lower case without accents, its words separated by one space."""
    return " ".join(_WORD.findall(_folded(text)))


def _chunks(text: str) -> Iterator[list[str]]:
    """Yield the words of a text; those joined by punctuation, initials and digits are in one list."""
    run: list[str] = []
    kind = ""
    for written in _folded(text).split():
        words = _WORD.findall(written)
        if not words:
            continue
        its = _kind(words)
        if run and (its != kind or not its):
            yield run
            run = []
        run, kind = run + words, its
    if run:
        yield run


def _kind(words: list[str]) -> str:
    """Return the kind of words that may go on in the next piece of a text; nothing for others."""
    if all(word.isdigit() for word in words):
        return "digits"
    return "initials" if all(len(word) == 1 for word in words) else ""


@lru_cache(maxsize=16_384)
def indexed(text: str) -> str:
    """Return the plain text by which a record is found: its words, and joined words as one."""
    joined = ["".join(words) for words in _chunks(text) if len(words) > 1]
    return " ".join([plain(text), *dict.fromkeys(joined)])


@lru_cache(maxsize=4096)
def grams(text: str) -> tuple[str, ...]:
    """Return the index entries of a plain text: the trigrams of its words, and their beginnings, marked ^."""
    found: set[str] = set()
    for word in text.split():
        found.update(_groups(word))
        found.update((f"^{word[:1]}", f"^{word[:2]}"))
    return tuple(sorted(found))


def beginning(field: str, text: str) -> Mapping[str, Any]:
    """Return the MongoDB condition of a field that begins with a text; for an impossible text it matches nothing."""
    return {field: {"$regex": f"^{re.escape(text)}"}} if re.fullmatch(r"[\w -]+", text) else NOTHING


def code_beginning(field: str, text: str) -> Mapping[str, Any]:
    """Return the same for a code, such as a postcode, in which spaces make no difference."""
    code = "".join(text.split()).upper()
    spaced = (f"{code[:place]} {code[place:]}" for place in range(1, len(code)))
    # One condition for each place of the space: with an optional space the index would use only one character.
    return {"$or": [beginning(field, written) for written in (code, *spaced)]}


def condition(words: str) -> Mapping[str, Any]:
    """Return the MongoDB condition of a search for all of its words; without any word it matches nothing.

    Raises Rejected when the text is too long: leaving words out would find the wrong records.
    """
    if len(plain(words)) > LONGEST:
        raise Rejected("invalid_request", fields={"query.q": "field_too_long"})
    wanted = [
        _either(_all(chunk), _all(["".join(chunk)])) if len(chunk) > 1 else _all(chunk) for chunk in _chunks(words)
    ]
    return {"$and": wanted} if wanted else NOTHING


def _either(one: Mapping[str, Any], other: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"$or": [one, other]}


def _all(words: list[str]) -> Mapping[str, Any]:
    """Return the condition that the record has each of these words, as a word or as a part of one."""
    groups = {group for word in words for group in (_groups(word) if len(word) >= _GROUP else (f"^{word}",))}
    # A word of three letters is a single trigram: only longer ones need the second condition.
    parts = [{"text": {"$regex": re.escape(word)}} for word in words if len(word) > _GROUP]
    return {"$and": [{"grams": {"$all": sorted(groups)}}, *parts]}


def _groups(word: str) -> list[str]:
    return [word[i : i + _GROUP] for i in range(len(word) - _GROUP + 1)]
