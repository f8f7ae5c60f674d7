"""What the adapter reads in an establishment."""

from datetime import date
from typing import Any

import pytest

from services.insee_adapter.reading import Unreadable, read
from shared.contracts.messages.common import Address
from shared.contracts.messages.insee import InseeAnswer, Restriction, Result
from tests.unit.services.insee_adapter.records import OPEN, PERSON, SIRET, body, period

NOW = 1_700_000_000_000
"""14 November 2023, 23:13 in France."""
MIDNIGHT = NOW + 46 * 60_000 + 40_000


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


def test_a_closed_establishment_says_since_when() -> None:
    answer = reading([period("F", "2010-01-01", changed=True), period("A", "2001-01-01", "2009-12-31")])
    assert (answer.result, answer.closed_on, answer.message) == (Result.CLOSED, date(2010, 1, 1), None)


def test_an_announced_closing_is_open_and_told_r9() -> None:
    answer = reading([period("F", "2023-11-30", changed=True), period("A", "2010-03-01", "2023-11-29")])
    assert (answer.result, answer.closed_on, answer.closes_on) == (Result.ACTIVE, None, date(2023, 11, 30))
    assert answer.message == "La fermeture de cet établissement est annoncée pour le 30/11/2023."


def test_an_announced_opening_is_closed_and_told_r9() -> None:
    answer = reading([period("A", "2023-11-30", changed=True), period("F", "2020-01-01", "2023-11-29", changed=True)])
    assert (answer.result, answer.closed_on, answer.opens_on) == (
        Result.CLOSED,
        date(2020, 1, 1),
        date(2023, 11, 30),
    )
    assert answer.message == "L'ouverture de cet établissement est annoncée pour le 30/11/2023."


@pytest.mark.parametrize(("as_of", "result"), [(MIDNIGHT - 1, Result.ACTIVE), (MIDNIGHT, Result.CLOSED)])
def test_it_closes_at_midnight_in_france_r9(as_of: int, result: Result) -> None:
    whole = body([period("F", "2023-11-15", changed=True), period("A", "2010-03-01", "2023-11-14")])
    assert read(SIRET, whole, as_of).result is result


def test_a_unit_said_to_have_ceased_whose_establishment_is_open_today_is_open() -> None:
    ceased = {"etatAdministratifUniteLegale": "C"}
    announced = [period("F", "2023-11-30", changed=True), period("A", "2010-03-01", "2023-11-29")]
    assert reading(announced, legal=ceased).result is Result.ACTIVE
    assert reading(OPEN, legal=ceased).result is Result.ACTIVE


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
        {"statutDiffusionEtablissement": "p"},
        {"address": {"codePostalEtablissement": "[ND]"}},
        {"legal": {"sigleUniteLegale": "[ND]"}},
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


@pytest.mark.parametrize("category", ["1000", "1300", "1900"])
def test_an_individual_of_an_older_category_is_one_too(category: str) -> None:
    person = {**PERSON, "categorieJuridiqueUniteLegale": category, "denominationUniteLegale": "CAMILLE EXEMPLE"}
    answer = reading(legal=person, statutDiffusionEtablissement="P")
    assert "CAMILLE" not in answer.model_dump_json()


def test_partial_diffusion_keeps_all_but_the_official_name_back() -> None:
    legal = {"denominationUniteLegale": "[ND]", "denominationUsuelle1UniteLegale": "USUEL", "sigleUniteLegale": "S"}
    assert reading(legal=legal).name is None


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
        ({"nomUsageUniteLegale": "", "prenomUsuelUniteLegale": " "}, "CAMILLE EXEMPLE"),
        ({"nomUniteLegale": None, "pseudonymeUniteLegale": "LA CLOWNE"}, "LA CLOWNE"),
        ({"nomUniteLegale": "", "nomUsageUniteLegale": None}, "CAMILLE"),
    ],
)
def test_an_individual_is_named_by_first_and_last_name(names: dict[str, Any], expected: str) -> None:
    assert reading(legal={**PERSON, **names}).name == expected


@pytest.mark.parametrize(
    ("names", "name"),
    [
        ({"denominationUsuelle1UniteLegale": "USUEL", "sigleUniteLegale": "SIGLE"}, "USUEL"),
        ({"denominationUsuelle1UniteLegale": "", "denominationUsuelle2UniteLegale": "SECOND"}, "SECOND"),
        ({"sigleUniteLegale": "SIGLE"}, "SIGLE"),
        ({"denominationUsuelle1UniteLegale": "Suppression du nom commercial", "sigleUniteLegale": "S"}, "S"),
    ],
)
def test_a_company_without_an_official_name_has_its_usual_one_or_its_initials(names: dict[str, Any], name: str) -> None:
    assert reading(legal={"denominationUniteLegale": None, **names}).name == name


def test_a_removed_trade_name_is_no_name() -> None:
    legal = {"denominationUniteLegale": None, "denominationUsuelle1UniteLegale": "SUPPRESSION DU NOM COMMERCIAL"}
    answer = reading(legal=legal)
    assert (answer.result, answer.name, answer.hidden) == (Result.ACTIVE, None, ("name",))


def test_a_name_that_no_record_could_hold_is_put_right_and_cut() -> None:
    name = reading(legal={"denominationUniteLegale": "SOCIETE\u202e\x00 " + "SANS FIN " * 100}).name
    assert name is not None
    assert name.startswith("SOCIETE SANS FIN SANS")
    assert len(name) <= 255


def test_an_address_that_can_not_be_read_is_given_by_hand_and_why_is_told() -> None:
    abroad = {
        "libelleCommuneEtrangerEtablissement": "PORT-NEUF",
        "codePaysEtrangerEtablissement": "99998",
        "libellePaysEtrangerEtablissement": "PAYS NOUVEAU",
    }
    answer = reading(address=abroad)
    assert (answer.result, answer.address, answer.hidden) == (Result.ACTIVE, None, ("address",))
    assert answer.message is not None
    assert "dans un pays inconnu (« PAYS NOUVEAU ») : indiquez son adresse" in answer.message


def test_an_establishment_without_an_address_gets_it_by_hand() -> None:
    answer = reading(adresseEtablissement=None)
    assert (answer.result, answer.address, answer.hidden) == (Result.ACTIVE, None, ("address",))


def test_a_legal_category_that_is_none_is_left_out() -> None:
    assert reading(legal={"categorieJuridiqueUniteLegale": "57.10 (SAS)"}).legal_category is None


def test_a_single_element_list_is_read_like_the_element() -> None:
    whole = body()
    whole["etablissements"] = [whole.pop("etablissement")]
    assert read(SIRET, whole, NOW) == reading()


def test_another_establishment_than_asked_for_is_a_doublon_someone_followed() -> None:
    answer = read("53222169400013", body(), NOW)
    assert (answer.siret, answer.result) == ("53222169400013", Result.MOVED)
    assert (answer.moved_to, answer.moved_to_result) == (SIRET, Result.ACTIVE)
    assert answer.name is None


def test_a_doublon_of_a_closed_establishment_is_not_said_to_be_replaced_by_it() -> None:
    answer = read("53222169400013", body([period("F", "2010-01-01", changed=True)]), NOW)
    assert (answer.moved_to, answer.moved_to_result, answer.message) == (SIRET, Result.CLOSED, None)


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"etablissement": None},
        {"etablissement": []},
        {"etablissements": []},
        {"etablissements": [body()["etablissement"]] * 2},
        body(siret="12"),
        body(siret="٤١٨١٦٦٠٩٦٠٠٠٦٩"),
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


def test_of_a_closed_establishment_the_head_office_of_today_is_named_when_it_is_another_r10() -> None:
    closed = [period("F", "2010-01-01", changed=True), period("A", "2001-01-01", "2009-12-31")]
    assert reading(closed, legal={"nicSiegeUniteLegale": "00077"}).head_office == f"{SIRET[:9]}00077"
    assert reading(closed, legal={"nicSiegeUniteLegale": SIRET[9:]}).head_office is None
    assert reading(closed, legal={"nicSiegeUniteLegale": "77"}).head_office is None
    assert reading(legal={"nicSiegeUniteLegale": "00077"}).head_office is None, "an open one is the one to use"
