"""What INSEE writes can't break a record: texts are put right, and cut where they don't fit (rule R25)."""

import unicodedata

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.insee_adapter.fields import clean, hides, shown


@pytest.mark.parametrize(
    ("given_", "read"),
    [
        ("  DUPONT  ", "DUPONT"),
        ("DUPONT\u00a0ET\u202fFILS", "DUPONT ET FILS"),
        ("DUPONT\r\nET\tFILS", "DUPONT ET FILS"),
        ("\ufeffDU\u200bPONT\u202e", "DUPONT"),
        ("DU\x00PONT\x1b[31m", "DUPONT[31m"),
        ("\ud800DUPONT", "DUPONT"),
        ("CAFE\u0301", "CAF\u00c9"),
        ("\u200b \x00", ""),
    ],
)
def test_what_is_not_seen_goes_and_white_space_is_one_blank(given_: str, read: str) -> None:
    assert clean(given_) == read


@pytest.mark.parametrize(
    ("whole", "cut"),
    [
        ("UN NOM QUI TIENT", "UN NOM QUI TIENT"),
        ("UN NOM QUI NE TIENT PAS", "UN NOM QUI NE"),
        ("UN NOM QUI NE TI", "UN NOM QUI NE TI"),
        ("UN NOM QUI NE TI X", "UN NOM QUI NE TI"),
        ("X" * 40, "X" * 16),
    ],
)
def test_what_is_too_long_ends_after_its_last_whole_word(whole: str, cut: str) -> None:
    assert clean(whole, 16) == cut


@given(st.text(st.characters(codec=None), max_size=60), st.integers(1, 20))
def test_whatever_comes_can_be_stored_and_stays_as_it_is(value: str, most: int) -> None:
    read = clean(value, most)
    assert len(read) <= most
    assert clean(read, most) == read == unicodedata.normalize("NFC", read).strip()
    assert orjson.loads(orjson.dumps(read)) == read


def test_the_mark_of_a_hidden_value_is_known_whatever_surrounds_it() -> None:
    assert hides({"x": " [ND]\u200b"}, "x")
    assert shown({"x": "[ND] "}, "x") is None
