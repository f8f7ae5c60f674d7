"""The house rule for texts (rule R25)."""

import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.domain import texts
from shared.domain.texts import Unfit

UNSEEN = "\u00ad\u034f\u180e\u200b\u2060\ufeff\u3164"
ODD_SPACES = "\u00a0\u1680\u2000\u2003\u2009\u2028\u2029\u202f\u205f\u3000"
TURNING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


@pytest.mark.parametrize(
    ("given_", "kept"),
    [
        ("  Siège  ", "Siège"),
        ("Sie\u0300ge", "Siège"),
        ("Siège\u200b", "Siège"),
        ("\ufeffSiège", "Siège"),
        ("\u200e\u00a0Siège\u202f\u200d", "Siège"),
        ("\t\r\nSiège\n", "Siège"),
        ("Si\u00adè\u200bge", "Siège"),
        ("Hôtel\u00a0de   \u3000Ville", "Hôtel de Ville"),
        ("e\u034f\u0301", "é"),
        ("می\u200cخواهم", "می\u200cخواهم"),  # A joiner between letters is a part of Persian.
        ("« Été »", "« Été »"),
        ("-", "-"),
    ],
)
def test_what_is_not_seen_makes_no_difference(given_: str, kept: str) -> None:
    assert texts.clean(given_) == kept


@pytest.mark.parametrize("sign", ["\x00", "\x07", "\x1b", "\x7f", "\x85", "\x9f", *TURNING])
@pytest.mark.parametrize("text", ["a{}b", "{}ab", "ab{}"])
def test_controls_and_signs_that_turn_the_direction_are_refused(sign: str, text: str) -> None:
    with pytest.raises(Unfit, match="text_control"):
        texts.clean(text.format(sign))


@pytest.mark.parametrize("sign", ["\t", "\n", "\r"])
def test_a_line_is_one_line(sign: str) -> None:
    with pytest.raises(Unfit, match="text_control"):
        texts.clean(f"a{sign}b")


@pytest.mark.parametrize("text", ["", " ", "\n", UNSEEN, ODD_SPACES, "\u200d", "\u2800", "\u0301", "\U000e0041"])
def test_a_text_has_something_visible_in_it(text: str) -> None:
    with pytest.raises(Unfit, match="field_blank"):
        texts.clean(text)


@settings(max_examples=500, deadline=None, derandomize=True, database=None)
@given(st.text(st.one_of(st.characters(), st.sampled_from(UNSEEN + ODD_SPACES + TURNING)), max_size=12))
@example("a \u200b b")
@example("\u0301a")
@example("a\u200d \u200d")
def test_a_clean_text_is_one_and_stays_it(text: str) -> None:
    try:
        clean = texts.clean(text)
    except Unfit:
        return
    assert texts.clean(clean) == clean == unicodedata.normalize("NFC", clean)
    assert clean == clean.strip()
    assert not {unicodedata.category(sign) for sign in clean} & {"Cc", "Zl", "Zp"}
    assert not set(clean) & set(UNSEEN + ODD_SPACES + TURNING)
    assert texts.clean(f"\u200b {clean}\u00a0\ufeff") == clean


@settings(max_examples=500, deadline=None, derandomize=True, database=None)
@given(st.text(max_size=12))
@example("¨")
@example("´")
@example("\u0345")
@example("\u2011\ufe31")
def test_folding_once_more_changes_nothing(text: str) -> None:
    for fold in (texts.tidy, texts.folded, texts.without_separators):
        assert fold(fold(text)) == fold(text)
