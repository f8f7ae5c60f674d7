"""How INSEE's address fields become a postal address."""

from typing import Any

import pytest

from services.insee_adapter.addresses import read, unknown_country
from shared.contracts.messages.common import Address

LYON = {"codePostal": "69002", "libelleCommune": "LYON", "codeCommune": "69382"}
LIEGE = {"libelleCommuneEtranger": "LIEGE", "codePaysEtranger": "99131", "libellePaysEtranger": "BELGIQUE"}


def fields_of(**fields: Any) -> dict[str, Any]:
    return {f"{name}Etablissement": value for name, value in fields.items()}


def maybe(**fields: Any) -> Address | None:
    return read(fields_of(**fields), partial=False)


def address(**fields: Any) -> Address:
    found = maybe(**fields)
    assert found is not None
    return found


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
        ({"numeroVoie": "", "typeVoie": " ", "libelleVoie": None}, None),
        ({"numeroVoie": "4", "typeVoie": "RUE", "libelleVoie": "X " * 200}, "4 RUE " + " ".join("X" * 125)),
    ],
)
def test_number_and_street_make_the_first_line(fields: dict[str, Any], line1: str | None) -> None:
    assert address(**LYON, **fields).line1 == line1


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


@pytest.mark.parametrize(
    ("code", "label", "country"),
    [("99132", "JERSEY", "JE"), ("99135", "ARUBA", "AW"), ("99137", None, "LU"), (None, "BELGIQUE", "BE")],
)
def test_the_country_is_what_code_and_label_mean(code: str | None, label: str | None, country: str) -> None:
    found = address(libelleCommuneEtranger="VILLE", codePaysEtranger=code, libellePaysEtranger=label)
    assert (found.city, found.country) == ("VILLE", country)


@pytest.mark.parametrize(
    ("code", "label", "named"),
    [
        ("99998", "PAYS NOUVEAU", "PAYS NOUVEAU"),
        ("99998", None, "99998"),
        ("99132", "ILES ANGLO-NORMANDES", "ILES ANGLO-NORMANDES"),
    ],
)
def test_an_address_in_a_country_that_is_not_known_is_none_and_the_country_is_named(
    code: str, label: str | None, named: str
) -> None:
    values = fields_of(libelleCommuneEtranger="VILLE", codePaysEtranger=code, libellePaysEtranger=label)
    assert read(values, partial=False) is read(values, partial=True) is None
    assert unknown_country(values) == named


def test_an_address_abroad_of_which_not_even_the_country_is_told_is_none() -> None:
    values = fields_of(libelleCommuneEtranger="VILLE")
    assert (read(values, partial=False), unknown_country(values)) == (None, None)


@pytest.mark.parametrize(
    "commune",
    [LYON, {**LYON, "libelleCommune": None}, {**LYON, "libelleCommuneEtranger": "AMSTERDAM"}],
    ids=["code and label", "code alone", "a commune abroad too"],
)
def test_a_commune_of_france_beside_a_country_is_in_france(commune: dict[str, Any]) -> None:
    found = address(**commune, codePaysEtranger="99135", libellePaysEtranger="PAYS-BAS")
    assert found == Address(postcode="69002", city=commune["libelleCommune"], country="FR")


def test_without_the_code_of_a_commune_of_france_the_country_counts() -> None:
    assert address(**LIEGE, codePostal="4000") == Address(postcode="4000", city="LIEGE", country="BE")
    assert address(codePaysEtranger="99131", libelleCommune="LIEGE") == Address(city="LIEGE", country="BE")


@pytest.mark.parametrize(
    ("commune", "postcode"),
    [("97105", "97100"), ("97209", "97200"), ("97302", "97300"), ("97411", "97400"), ("97502", "97500"),
     ("97608", "97600"), ("97701", "97133"), ("97801", "97150"), ("98735", "98714"), ("98818", "98800")],
)  # fmt: skip
def test_communes_overseas_are_communes_of_france(commune: str, postcode: str) -> None:
    assert address(codeCommune=commune, codePostal=postcode, libelleCommune="X").country == "FR"


@pytest.mark.parametrize("code", ["codeCommune", "codePaysEtranger"])
def test_a_country_s_code_in_place_of_a_commune_s_is_that_country(code: str) -> None:
    assert address(**{code: "99138", "libelleCommune": "MONACO"}) == Address(city="MONACO", country="MC")


@pytest.mark.parametrize("fields", [{}, {"codeCommune": "75112"}, {"codePaysEtranger": "99131"}, {"codePostal": ""}])
def test_an_address_with_nothing_in_it_is_none(fields: dict[str, Any]) -> None:
    assert maybe(**fields) is None


def test_half_a_postcode_is_left_out() -> None:
    assert address(**{**LYON, "codePostal": "6900269002690026900"}).postcode is None
