"""Search folds what a person does not type: case, accents, foreign letters, signs between words."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

import pytest

from gateway.projections import structure
from gateway.read_model import search_words
from shared.errors import Rejected
from tests.unit.gateway.builders import structure_record
from tests.unit.gateway.mongo import made, meets


def kept(**fields: Any) -> Mapping[str, Any]:
    """Return what the read model keeps of a structure that has hardly more than these fields."""
    bare = dict.fromkeys(("name", "label", "address", "former_identifiers"))
    return made(structure.structure(structure_record(**{**bare, **fields})))


def finds(words: str, **fields: Any) -> bool:
    return meets(kept(**fields), search_words.condition(words))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Kadıköy Belediyesi", "kadikoy"),
        ("KADIKÖY", "kadıköy"),
        ("İstanbul", "istanbul"),
        ("Łódź", "lodz"),
        ("Smørrebrød", "smorrebrod"),
        ("Đà Nẵng", "da nang"),
        ("Straße", "strasse"),
        ("STRASSE", "straße"),
        ("Æthelred Þórr", "aethelred thorr"),
        ("Œuvres", "oeuvres"),
        ("L.V.M.H.", "lvmh"),
        ("LVMH", "l.v.m.h."),
        ("L V M H", "lvmh"),
        ("A & B Conseil", "ab"),
        ("S.N.C.F. Réseau", "sncf reseau"),
        ("L'Oréal", "loreal"),
        ("Loreal", "l'oréal"),
        ("L’Oréal", "l'oreal"),
        ("Saint-Étienne", "saintetienne"),
        ("Saint-Étienne", "saint etienne"),
        ("Saint\u2011Étienne", "saint-etienne"),
        ("Saint Étienne", "saint-étienne"),
        ("Jean-Paul Dupont", "j p dupont"),
        ("Hawaiʻi", "hawaii"),
        ("Mairie de l'Haÿ-les-Roses", "hay roses"),
    ],
)
def test_a_name_is_found_as_people_type_it(name: str, words: str) -> None:
    assert finds(words, name=name)


@pytest.mark.parametrize(
    ("name", "words"), [("L.V.M.H.", "lvm hx"), ("Saint-Étienne", "etiennesaint"), ("Durand", "d. u. z."), ("AB", "ba")]
)
def test_what_is_not_there_is_not_found(name: str, words: str) -> None:
    assert not finds(words, name=name)


def test_every_letter_of_the_latin_alphabets_folds_to_plain_ones() -> None:
    """Letters with a stroke, a hook or a tail have no decomposition; their names say what they are."""
    medieval = "ẜẝẟỺỻỼỽỾỿ"
    latin = [
        chr(c) for c in (*range(0xC0, 0x180), *range(0x1E00, 0x1F00)) if chr(c).isalpha() and chr(c) not in medieval
    ]
    assert [c for c in latin if not search_words.plain(f"a{c}b").isascii()] == []
    hooked = [c for c in map(chr, range(0x180, 0x250)) if " WITH " in unicodedata.name(c) and c.isalpha()]
    assert len(hooked) > 50
    assert {c for c in hooked if not search_words.plain(c).isascii()} <= set("ƛƟƷƺƻƾǮǯ"), (
        "not of the Latin alphabet as people type it"
    )


@pytest.mark.parametrize("stored", ["75001", "75 001"])
@pytest.mark.parametrize("asked", ["75001", "75 001", "750", "75 0", "7"])
def test_a_postcode_is_found_whatever_its_spaces(stored: str, asked: str) -> None:
    document = kept(address={"postcode": stored, "city": "Paris"})
    condition = search_words.code_beginning("record.address.postcode", asked)
    assert meets(document, condition)
    assert not meets(document, search_words.code_beginning("record.address.postcode", "5001"))
    assert meets(document, search_words.condition(asked))


def test_a_siret_is_found_whatever_its_spaces() -> None:
    siret = {"type": "SIRET", "value": "41816609600069"}
    for written in ("418 166 096 00069", "41816609600069", "418166096", "418 166 096"):
        assert finds(written, identifier=siret)
    assert not finds("418 166 097", identifier=siret)


def test_the_beginnings_asked_for_are_ones_that_an_index_finds() -> None:
    """MongoDB uses the signs before the first special one: an optional space would leave one sign of the code."""
    condition = search_words.code_beginning("p", "75 001")
    assert condition == {"$or": [{"p": {"$regex": f"^{re.escape(c)}"}} for c in CODES]}


CODES = ("75001", "7 5001", "75 001", "750 01", "7500 1")


def test_what_was_indexed_before_is_still_found_by_its_parts() -> None:
    """A read model that was built before has the words alone, until it is built anew."""
    text = "mairie de lyon ete l v m h"
    before = {"text": text, "grams": search_words.grams(text)}
    for words in ("mairie lyon", "Lyon-Été", "l.v.m.h.", "airi"):
        assert meets(before, search_words.condition(words))
    assert not meets(before, search_words.condition("lvmh"))


PATTERNS = (
    *(".*", "^.", "(", "[b-y]+", "\\", "$where", "{'$gt': ''}", "mairie|secrete", "a" * 100, "\x00", "%", "\ud7ff"),
    *("\ufb00", "\u202e", "*", "a{2}"),
)


@pytest.mark.parametrize("text", PATTERNS)
def test_what_is_searched_for_is_text_and_never_a_pattern(text: str) -> None:
    """Were it one, some of these would find everything, and others would break the search."""
    document = kept(name="Mairie", address={"city": "Bordeaux", "postcode": "33000"})
    assert meets(document, search_words.condition("mairie"))
    for condition in (
        search_words.condition(text),
        search_words.beginning("city", text),
        search_words.beginning("city", search_words.plain(text)),
        search_words.code_beginning("record.address.postcode", text[:12]),
    ):
        assert not meets(document, condition)


@pytest.mark.parametrize("words", ["", " ", "-", "« »", "...", "\u00a0"])
def test_where_there_is_no_word_nothing_is_found(words: str) -> None:
    assert search_words.condition(words) == search_words.NOTHING


def test_all_words_are_searched_for_or_none() -> None:
    """One left out would find what was not meant."""
    longest = "\ufdfa" * 11  # Each stands for eighteen letters in four words.
    assert len(search_words.plain(longest)) <= search_words.LONGEST
    search_words.condition(longest)
    with pytest.raises(Rejected) as refused:
        search_words.condition("\ufdfa" * 12)
    assert (refused.value.code, refused.value.fields) == ("invalid_request", {"query.q": "field_too_long"})
