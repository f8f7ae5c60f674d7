"""What a search narrows its answer to, in which order it lists, and who is told what of a structure they ask for."""

from typing import Any

import pytest

from gateway.projections import manager as team_projections
from gateway.projections import structure as projections
from gateway.queries import structure as structures
from gateway.queries.structure import SORTS, Filters
from shared.errors import Rejected
from tests.unit.gateway.builders import READERS, document, structure_record, team_record
from tests.unit.gateway.mongo import made, meets

LYON = {
    "name": "Mairie de Lyon-Été",
    "label": "Hôtel de Ville",
    "status": "active",
    "address": {"postcode": "69001", "city": "Lyon", "country": "FR"},
}
OEUVRE = {
    "name": "Œuvres d'Ælis",
    "sphere": "state",
    "address": {"postcode": "1000-001", "city": "L'Haÿ-les-Roses", "country": "PT"},
}
PERSON = {
    "name": None,
    "label": None,
    "sphere": "private",
    "identifier": {"type": "PARTICULIER", "value": "P1"},
    "person": {"first_name": "Zoé", "last_name": "Ångström"},
    "address": {"city": "Nouméa", "country": "NC"},
}
ALL = {"lyon": document(**LYON), "oeuvre": document(**OEUVRE), "person": document(**PERSON)}


def found(**filters: str) -> list[str]:
    conditions = Filters(**filters).conditions()
    return [name for name, kept in ALL.items() if all(meets(kept, condition) for condition in conditions)]


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({}, ["lyon", "oeuvre", "person"]),
        ({"status": "active"}, ["lyon"]),
        ({"sphere": "state"}, ["oeuvre"]),
        ({"identifier_type": "PARTICULIER"}, ["person"]),
        ({"city": "noum"}, ["person"]),
        ({"city": "NOUMÉA"}, ["person"]),
        ({"city": "l'hay les"}, ["oeuvre"]),
        ({"city": "ouméa"}, []),  # From its beginning.
        ({"postcode": "69"}, ["lyon"]),
        ({"postcode": "69 001"}, ["lyon"]),
        ({"postcode": "1000-0"}, ["oeuvre"]),
        ({"postcode": "9001"}, []),
        ({"city": "lyon", "status": "inactive"}, []),
        ({"city": "", "postcode": "", "words": ""}, ["lyon", "oeuvre", "person"]),  # Left empty, as a form sends it.
        ({"city": " ", "postcode": "\u00a0", "words": "\t"}, ["lyon", "oeuvre", "person"]),
    ],
)
def test_filters_narrow_the_search(filters: dict[str, str], names: list[str]) -> None:
    assert found(**filters) == names


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("mairie", ["lyon"]),
        ("MAIRIE lyon ÉTÉ", ["lyon"]),
        ("hotel ville", ["lyon"]),
        ("airi", ["lyon"]),  # A part of a word.
        ("ly", ["lyon"]),  # Two letters: the beginning of a word.
        ("yo", []),
        ("oeuvres aelis", ["oeuvre"]),
        ("œuvre", ["oeuvre"]),
        ("hay roses", ["oeuvre"]),
        ("lhay", ["oeuvre"]),
        ("lyonete", ["lyon"]),
        ("69 001", ["lyon"]),
        ("69001", ["lyon"]),
        ("angstrom zoe", ["person"]),
        ("mairie aelis", []),  # Every word has to be there.
        ("irimai", []),  # Its letters are there, in another order.
        ("mairie de lyon ete hotel de ville 69001 m d", ["lyon"]),  # However many they are.
        ("mairie de lyon ete hotel de ville 69001 secrete", []),
        ("m d l e h d v 6 m d l z", []),
        ("-", []),  # Somebody asked for something, and there is no such thing.
    ],
)
def test_words_and_parts_of_words_are_found(words: str, names: list[str]) -> None:
    assert found(words=words) == names


@pytest.mark.parametrize("sort", SORTS)
def test_every_order_is_whole_and_a_minus_turns_it_around(sort: str) -> None:
    *_, (tie, direction) = SORTS[sort]
    assert tie == "_id", "else a page may show what another one has shown"
    assert {way for _, way in SORTS[sort]} == {direction} == {-1 if sort.startswith("-") else 1}
    turned = sort.removeprefix("-") if sort.startswith("-") else f"-{sort}"
    assert SORTS[turned] == tuple((field, -way) for field, way in SORTS[sort])


def _asked(shown: Any, kept: Any) -> bool | str:
    try:
        return bool(shown(kept))
    except Rejected as refused:
        return refused.code


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("sphere", ["private", "public_non_state", "state"])
def test_a_member_is_shown_all_an_outsider_is_told_why_not_or_that_there_is_nothing_r1(
    reader: str, sphere: str
) -> None:
    kept, actor = document(sphere=sphere), READERS[reader]
    inside = reader not in {"stranger", "former member", "technical account"}
    assert _asked(structures._known_to(actor), kept) is (inside or sphere != "private")
    assert _asked(structures._consulted_by(actor), kept) == (
        True if inside else False if sphere == "private" else "members_only"
    )


def test_what_is_read_of_a_structure_has_of_all_rights_the_readers_alone() -> None:
    fields = structures._fields(READERS["consultation"])
    assert fields["access"] == {"$elemMatch": {"user": "cleo"}}
    assert not any(name.startswith("team.members") for name in fields)


def test_a_structure_is_named_by_its_id() -> None:
    assert structures.by_id(42) == {"_id": 42}
    assert meets(made(projections.structure(structure_record())), structures.by_id(42))
    assert meets(made(team_projections.team(team_record())), structures.by_id(42))
