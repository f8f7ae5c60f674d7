"""What the adapter reads in an establishment."""

from datetime import date
from typing import Any

import pytest

from services.insee_adapter.reading import Unreadable, read
from shared.messages.common import Address
from shared.messages.insee import InseeAnswer, Restriction, Result
from tests.unit.insee.records import OPEN, PERSON, SIRET, body, period

NOW = 1_700_000_000_000


def reading(*arguments: Any, **more: Any) -> InseeAnswer:
    return read(SIRET, body(*arguments, **more), NOW)


def test_an_open_establishment_has_name_address_and_category() -> None:
    assert reading() == InseeAnswer(
        siret=SIRET,
        result=Result.ACTIVE,
        as_of=NOW,
        name="OCTO-TECHNOLOGY",
        address=Address(line1="34 AVENUE DE L'OPERA", postcode="75002", city="PARIS"),
        legal_category="5710",
    )


def test_the_current_period_is_the_one_without_an_end_wherever_it_stands() -> None:
    answer = reading([period("A", "2001-01-01", "2009-12-31"), period("F", "2010-01-01", changed=True)])
    assert answer.result is Result.CLOSED


def test_without_an_open_ended_period_the_newest_counts() -> None:
    answer = reading([period("F", "2010-01-01", "2011-01-01"), period("A", "2001-01-01", "2009-12-31")])
    assert answer.result is Result.CLOSED


def test_closing_is_when_the_state_changed_not_when_the_last_correction_starts() -> None:
    answer = reading(
        [
            period("F", "2022-06-01"),
            period("F", "2020-09-01", "2022-05-31", changed=True),
            period("A", "2015-01-01", "2020-08-31", changed=True),
        ]
    )
    assert answer.result is Result.CLOSED
    assert answer.closed_on == date(2020, 9, 1)


@pytest.mark.parametrize("start", [None, "1900-01-01", "not a date"])
def test_a_closing_whose_day_insee_does_not_know_has_none(start: str | None) -> None:
    answer = reading([period("F", start, changed=True)])
    assert (answer.result, answer.closed_on) == (Result.CLOSED, None)


def test_without_periods_a_ceased_legal_unit_means_closed() -> None:
    assert reading([], legal={"etatAdministratifUniteLegale": "C"}).result is Result.CLOSED


@pytest.mark.parametrize(
    ("periods", "legal"),
    [([], {"etatAdministratifUniteLegale": "A"}), ([], {}), ([period("X", "2020-01-01")], {})],
)
def test_what_has_no_known_state_is_never_said_open_nor_closed(periods: list[Any], legal: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        reading(periods, legal=legal)


@pytest.mark.parametrize(
    "more",
    [
        {"statutDiffusionEtablissement": "P"},
        {"legal": {"statutDiffusionUniteLegale": "P"}},
        {"statutDiffusionEtablissement": "M"},
        {"address": {"codePostalEtablissement": "[ND]"}},
    ],
)
def test_partial_diffusion_shows_the_commune_and_hides_the_street(more: dict[str, Any]) -> None:
    answer = reading(**more)
    assert (answer.result, answer.restriction) == (Result.RESTRICTED, Restriction.PARTIAL)
    assert answer.address == Address(city="PARIS")
    assert (answer.name, answer.hidden) == ("OCTO-TECHNOLOGY", ("address",))


def test_a_partially_shown_person_has_no_name_even_where_the_private_plan_shows_it() -> None:
    answer = reading(legal=PERSON, statutDiffusionEtablissement="P")
    assert (answer.name, answer.hidden) == (None, ("name", "address"))
    assert "CAMILLE" not in answer.model_dump_json()


def test_a_hidden_company_name_is_to_be_given_by_hand() -> None:
    answer = reading(legal={"denominationUniteLegale": "[ND]"})
    assert answer.result is Result.RESTRICTED
    assert "name" in answer.hidden


def test_a_closed_establishment_with_partial_diffusion_is_closed() -> None:
    answer = reading([period("F", "2020-01-01", changed=True)], statutDiffusionEtablissement="P")
    assert (answer.result, answer.restriction) == (Result.CLOSED, None)
    assert answer.hidden == ("address",)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ({}, "CAMILLE EXEMPLE"),
        ({"nomUsageUniteLegale": "MODELE"}, "CAMILLE MODELE"),
        ({"prenomUsuelUniteLegale": "DOMINIQUE"}, "DOMINIQUE EXEMPLE"),
        ({"prenom1UniteLegale": None}, "EXEMPLE"),
    ],
)
def test_an_individual_is_named_by_first_and_last_name(names: dict[str, Any], expected: str) -> None:
    assert reading(legal={**PERSON, **names}).name == expected


def test_a_removed_trade_name_is_no_name() -> None:
    legal = {"denominationUniteLegale": None, "denominationUsuelle1UniteLegale": "SUPPRESSION DU NOM COMMERCIAL"}
    answer = reading(legal=legal)
    assert (answer.result, answer.name, answer.hidden) == (Result.ACTIVE, None, ("name",))


def test_a_single_element_list_is_read_like_the_element() -> None:
    whole = body()
    whole["etablissements"] = [whole.pop("etablissement")]
    assert read(SIRET, whole, NOW) == reading()


def test_another_establishment_than_asked_for_is_a_doublon_someone_followed() -> None:
    answer = read("53222169400013", body(), NOW)
    assert (answer.siret, answer.result) == ("53222169400013", Result.MOVED)
    assert (answer.moved_to, answer.moved_to_result) == (SIRET, Result.ACTIVE)
    assert answer.name is None


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"etablissement": None},
        {"etablissement": []},
        {"etablissements": []},
        {"etablissements": [body()["etablissement"]] * 2},
        body(siret="12"),
        body(siret=None),
        body(periodesEtablissement="none"),
        body(periodesEtablissement=[None, 3]),
    ],
)
def test_what_makes_no_sense_is_unreadable(broken: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        read(SIRET, broken, NOW)


def test_values_of_unknown_kinds_crash_nothing() -> None:
    odd = {"numeroVoieEtablissement": 34, "typeVoieEtablissement": "", "libelleVoieEtablissement": ["x"]}
    answer = reading(OPEN, address=odd, legal={"categorieJuridiqueUniteLegale": 5710, "nomUniteLegale": {}})
    assert answer.result is Result.ACTIVE
    assert answer.address is not None
    assert answer.address.line1 is None
    assert answer.legal_category is None
