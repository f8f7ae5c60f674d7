"""How INSEE's address fields become a postal address."""

from typing import Any

import pytest

from services.insee_adapter.addresses import read
from shared.messages.common import Address


def address(**fields: Any) -> Address:
    return read({f"{name}Etablissement": value for name, value in fields.items()}, partial=False)


@pytest.mark.parametrize(
    ("fields", "line1"),
    [
        ({"numeroVoie": "20", "typeVoie": "AV", "libelleVoie": "DE SEGUR"}, "20 AVENUE DE SEGUR"),
        ({"numeroVoie": "20", "typeVoie": "AVENUE", "libelleVoie": "DE SEGUR"}, "20 AVENUE DE SEGUR"),
        ({"numeroVoie": None, "typeVoie": "PL", "libelleVoie": "DU MARCHE"}, "PLACE DU MARCHE"),
        ({"numeroVoie": "4", "indiceRepetition": "B", "typeVoie": "RUE", "libelleVoie": "X"}, "4 BIS RUE X"),
        ({"numeroVoie": "4", "indiceRepetition": "TER", "typeVoie": "RUE", "libelleVoie": "X"}, "4 TER RUE X"),
        ({"numeroVoie": "4", "dernierNumeroVoie": "8", "typeVoie": "RUE", "libelleVoie": "X"}, "4-8 RUE X"),
        ({"typeVoie": "SENTIER", "libelleVoie": "DES BOIS"}, "SENTIER DES BOIS"),
        ({}, None),
    ],
)
def test_number_and_street_make_the_first_line(fields: dict[str, Any], line1: str | None) -> None:
    assert address(**fields).line1 == line1


def test_a_range_in_the_complement_stays_in_the_second_line() -> None:
    found = address(complementAdresse="22-24", numeroVoie="22", typeVoie="RUE", libelleVoie="DU WAD BILLY")
    assert (found.line1, found.line2) == ("22 RUE DU WAD BILLY", "22-24")


@pytest.mark.parametrize(
    ("given", "city"),
    [
        ("PARIS 7", "PARIS"),
        ("PARIS 1ER", "PARIS"),
        ("LYON 4EME", "LYON"),
        ("MARSEILLE 8EME", "MARSEILLE"),
        ("PARIS", "PARIS"),
        ("VILLEPARISIS 7", "VILLEPARISIS 7"),
    ],
)
def test_older_records_that_number_the_arrondissement_read_like_newer_ones(given: str, city: str) -> None:
    assert address(libelleCommune=given).city == city


def test_saint_martin_gets_the_postcode_the_register_lacks() -> None:
    assert address(codeCommune="97801", libelleCommune="SAINT-MARTIN").postcode == "97150"


def test_an_address_abroad_has_its_country() -> None:
    found = address(
        numeroVoie="7", typeVoie="RUE", libelleVoie="DU PONT", libelleCommuneEtranger="LIEGE", codePaysEtranger="99131"
    )
    assert found == Address(line1="7 RUE DU PONT", city="LIEGE", country="BE")


def test_a_country_without_a_known_code_is_named_in_words() -> None:
    found = address(libelleCommuneEtranger="VADUZ", codePaysEtranger="99113", libellePaysEtranger="LIECHTENSTEIN")
    assert (found.country, found.line2) == ("ZZ", "LIECHTENSTEIN")
