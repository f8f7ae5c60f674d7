"""The rule for texts (rule R25): what a person does not see makes no difference. Pure.

Invisible characters are removed, a run of spaces of any kind becomes one space, control characters and characters that
change the reading direction are refused, and a text must have something visible in it. The result is in Unicode's
normal form C, so that texts that look alike are equal.
"""

import re
import unicodedata


class Unfit(ValueError):
    """A value is invalid for its kind; `code` of `shared.contracts.codes` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


_NOWHERE_SEEN = "\u00ad\u034f\u180e\u200b\u2060-\u2064\ufeff\u115f\u1160\u17b4\u17b5\u3164\uffa0"
"""Zero-width spaces, soft hyphens, byte order marks and fillers: they show nothing and change nothing that is seen."""
_BETWEEN_LETTERS = "\u061c\u200c-\u200f"
"""Joiners and marks of direction: some scripts need them between letters, none at the ends of a text."""
_TURNING = "\u202a-\u202e\u2066-\u2069"
"""Overrides, embeddings and isolates: they show characters in another order than they are stored in."""

_UNSEEN = re.compile(f"[{_NOWHERE_SEEN}]+")
_SPACES = re.compile(r"[ \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")
_END = rf"[ \t\n\v\f\r{_NOWHERE_SEEN}{_BETWEEN_LETTERS}]+"
_ENDS = re.compile(rf"\A{_END}|{_END}\Z")
_REFUSED = re.compile(rf"[\x00-\x1f\x7f-\x9f{_TURNING}]")
_BLANK = frozenset("\u2800")  # A braille sign without a dot, the one symbol that shows nothing.
_SEEN = frozenset("LNPS")
"""Letters, numbers, punctuation and symbols: the categories of characters that are visible by themselves."""
_DASHES = re.compile(r"[\u2010-\u2015\u2212\ufe58\ufe63\uff0d]")
_APOSTROPHES = re.compile(r"[\u2018\u2019\u201b\u02bc\u0060\u00b4\uff07]")
_SEPARATORS = re.compile(rf"[\s.,/·\-{_NOWHERE_SEEN}{_BETWEEN_LETTERS}{_TURNING}]+")


def clean(text: str) -> str:
    """Return a text normalised by the rule. Raises Unfit(`field_blank`, `text_control`)."""
    text = tidy(text)
    if _REFUSED.search(text):
        raise Unfit("text_control")
    if not any(unicodedata.category(c)[0] in _SEEN and c not in _BLANK for c in text):
        raise Unfit("field_blank")
    return text


def tidy(text: str) -> str:
    """Return a text without invisible characters, its spaces plain. Characters to refuse are still in it."""
    text = _SPACES.sub(" ", _UNSEEN.sub("", text))
    return unicodedata.normalize("NFC", _ENDS.sub("", text))


def folded(text: str) -> str:
    """Return a text as identifiers are compared: normalised, in capitals, with plain dashes, apostrophes and digits."""
    for _ in range(2):  # Capitals may again be composed of characters that have plain forms.
        text = _APOSTROPHES.sub("'", _DASHES.sub("-", text))
        text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).upper())
    return tidy(text)


def without_separators(text: str) -> str:
    """Return a number as its digits and letters alone: no spaces, dots, commas, slashes or dashes, in capitals."""
    return folded(_SEPARATORS.sub("", folded(text)))
