"""« Modifier une structure »: rules R4, R6, R7."""

from typing import Any

import pytest
from pydantic import ValidationError

from services.structure_svc.rules import modify
from services.structure_svc.state import StructureState
from shared.contracts.messages.structure import ModifyStructure
from shared.errors import Failed
from tests.unit.services.structure_svc.builders import DELAY, NOW, Case, public, structure


def change(**fields: Any) -> ModifyStructure:
    return ModifyStructure.read({"structure": {"id": 42}, **fields})


@pytest.mark.parametrize("fields", [{"name": "X"}, {"address": {"city": "Nice"}}, {"name": "X", "label": "L"}])
def test_name_and_address_of_a_siret_structure_are_greyed_r4(fields: dict[str, Any]) -> None:
    transition = Case(public()).ask(change(**fields))
    assert (transition.status, transition.code) == ("rejected", "field_not_modifiable")
    assert set(transition.fields) == set(fields) - {"label"}


def test_what_insee_hides_of_a_siret_structure_is_modifiable_r4() -> None:
    case = Case(public(hidden_by_insee=["address"]))
    assert case.ask(change(address={"city": "Nice"})).status == "accepted"
    assert case.ask(change(name="X")).code == "field_not_modifiable"


def test_name_and_address_of_other_structures_are_modifiable_r4() -> None:
    case = Case(structure())
    assert case.ask(change(name="Autre", address={"city": "Nice"})).status == "accepted"
    state = case.later(DELAY).state
    assert (state.name, state.address.city) == ("Autre", "Nice")


def test_the_names_of_a_person_are_modifiable_instead_of_the_name_of_an_organisation() -> None:
    person: dict[str, Any] = {"identifier": {"type": "PARTICULIER", "value": "P1"}, "name": None}
    case = Case(structure(**person, person={"first_name": "Ada", "last_name": "L"}))
    assert case.ask(change(name="X")).code == "field_not_modifiable"
    assert case.ask(change(person={"first_name": "Ada", "last_name": "Lovelace"})).status == "accepted"


def test_nothing_to_change_is_no_error_and_ends_at_once_r4() -> None:
    transition = Case(structure(email="a@b.fr")).ask(change(email="a@b.fr"))
    assert (transition.status, transition.code) == ("applied", "nothing_to_change")


def test_a_request_is_compared_with_what_is_pending_too_r5() -> None:
    case = Case(structure())
    case.ask(change(email="a@b.fr"))
    case.ask(change(phone="0102030405"))
    again = case.ask(change(email="a@b.fr"))
    assert (again.status, again.code) == ("rejected", "already_pending"), "who asked first may still take it back"
    assert again.details["request_id"] == "r1"


def test_several_pending_changes_apply_in_order_each_with_its_own_fields_r6() -> None:
    case = Case(structure(phone="0102030405"))
    case.ask(change(email="a@b.fr", label="un"))
    case.now += 1_000
    case.ask(change(label="deux"))
    state = case.later(DELAY).state
    assert (state.email, state.label, state.phone) == ("a@b.fr", "deux", "0102030405")


def test_null_empties_an_optional_field_and_is_refused_for_a_needed_one() -> None:
    case = Case(structure(email="a@b.fr"))
    assert case.ask(change(email=None)).status == "accepted"
    assert case.ask(change(name=None)).fields == {"name": "name_required"}
    assert case.later(DELAY).state.email is None


def test_parameters_change_box_by_box_and_only_for_public_structures() -> None:
    case = Case(public(parameters={"edi_enabled": True}))
    case.ask(change(parameters={"moa": True}))
    case.ask(change(parameters={"moa_only": True}))
    parameters = case.later(DELAY).state.parameters
    assert (parameters.edi_enabled, parameters.moa, parameters.moa_only) == (True, True, True)
    assert Case(structure()).ask(change(parameters={"moa": True})).fields == {"parameters": "parameters_public_only"}


def test_moa_only_needs_moa() -> None:
    assert Case(public()).ask(change(parameters={"moa_only": True})).fields == {"parameters": "moa_only_needs_moa"}


def test_modify_is_allowed_on_an_inactive_structure_r5() -> None:
    assert Case(structure(status="inactive")).ask(change(label="L")).status == "accepted"


def test_a_field_that_became_greyed_meanwhile_fails_the_change_r7() -> None:
    with pytest.raises(Failed, match="field_not_modifiable"):
        modify.apply({"parameters": {"moa": True}}, structure(), NOW)


def test_a_structure_that_was_duplicated_names_the_one_to_change_r5_r7() -> None:
    transition = Case(structure(duplicated_to=43)).ask(change(label="x"))
    assert (transition.code, transition.details) == ("structure_duplicated", {"duplicated_to": 43})
    with pytest.raises(Failed, match="structure_duplicated"):
        modify.apply({"label": "x"}, structure(duplicated_to=43), NOW)


def test_unknown_stored_fields_survive_a_change() -> None:
    newer = StructureState.model_validate({**structure().model_dump(), "from_a_newer_version": 1}, extra="allow")
    changed = modify.apply({"label": "x"}, newer, NOW)
    assert changed.model_dump()["from_a_newer_version"] == 1


@pytest.mark.parametrize("start", ["2026-02-30", "2026-13-01", "8643-03-67", "0000-01-01"])
def test_a_mandate_starts_on_a_day_that_exists(start: str) -> None:
    mandate = {"mandatary": {"type": "AUTRE", "value": "X"}, "start": start}
    with pytest.raises(ValidationError, match=r"billing_mandate\.start"):
        change(billing_mandate=mandate)
    assert change(billing_mandate={**mandate, "start": "2028-02-29"}).billing_mandate is not None


def test_texts_that_look_alike_are_no_change_r25() -> None:
    case = Case(structure(label="Été", phone="0102030405", address={"city": "Nîmes", "postcode": "30000"}))
    same = {"city": "Ni\u0302mes\u200b", "postcode": "30\u00a0000", "country": "FR"}
    for fields in ({"label": "E\u0301te\u0301 "}, {"phone": "01.02.03.04.05"}, {"address": same}):
        assert case.ask(change(**fields)).code == "nothing_to_change"


def test_moa_only_needs_moa_once_all_boxes_are_what_they_will_be() -> None:
    case = Case(public(parameters={"moa": True}))
    assert case.ask(change(parameters={"moa_only": True})).status == "accepted"
    transition = case.ask(change(parameters={"moa": False}))
    assert transition.fields == {"parameters": "moa_only_needs_moa"}
    with pytest.raises(Failed, match="moa_only_needs_moa"):
        modify.apply({"parameters": {"moa_only": True}}, public(), NOW)
