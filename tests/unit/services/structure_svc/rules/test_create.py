"""« Créer une structure »: rules R8, R9, R11, R16, R19, R22."""

from typing import Any

import pytest

from services.structure_svc.state import StructureState, modifiable_fields
from shared.clock import HOUR
from shared.contracts import codes
from shared.contracts.messages.common import Identifier
from shared.contracts.messages.structure import CreateStructure
from shared.domain.actor import Actor
from shared.engine.core.decide import Wait
from tests.unit.services.structure_svc.builders import ADMIN, ALICE, DELAY, NOW, SIRET, SYSTEM, Case

PIGP = {"manager:user:alice": {"kind": "person", "pigp": True}}


def create(**fields: Any) -> CreateStructure:
    return CreateStructure.read({"identifier": {"type": "SIRET", "value": SIRET}, **fields})


def other(**fields: Any) -> CreateStructure:
    given = {"identifier": {"type": "AUTRE", "value": "A1"}, "name": "Exemple", "address": {"city": "Lyon"}}
    return create(**{**given, **fields})


def insee(result: str = "ACTIVE", **more: Any) -> dict[str, Any]:
    answer = {"siret": SIRET, "result": result, "as_of": NOW, "name": "OCTO", "legal_category": "5710", **more}
    answer.setdefault("address", {"city": "PARIS"})
    return {f"insee:{SIRET}": answer}


def asked(request: CreateStructure, actor: Actor = ALICE, **context: Any) -> tuple[Case, Any]:
    case = Case(None, **{"copies": PIGP, **context})
    return case, case.ask(request, actor)


def test_a_siret_structure_takes_name_address_and_sphere_from_insee_r4_r22() -> None:
    case, transition = asked(create(label="Mon libellé"), answers=insee())
    assert (transition.status, transition.code) == ("applied", "created")
    assert (case.state.name, case.state.address.city, case.state.sphere) == ("OCTO", "PARIS", "private")
    assert (case.state.status, case.state.principal) == ("inactive", "alice")
    assert case.draft.keys() == (f"SIRET:{SIRET}",)
    assert case.draft.idempotency_key == "alice|r1"


def test_without_insee_s_answer_the_creation_waits_and_asks_r9() -> None:
    _, wait = asked(create())
    assert isinstance(wait, Wait)
    assert (wait.waits_for, wait.code) == (f"insee:{SIRET}", "waiting_insee")
    assert wait.look_up is not None
    assert (wait.look_up.topic, wait.look_up.data["actor"]) == ("insee.requests", "alice")


def test_an_unreachable_insee_is_waited_for_an_hour_then_refused_r9() -> None:
    _, wait = asked(create(), answers=insee("UNAVAILABLE", because="OUTAGE", retry_after=30))
    assert isinstance(wait, Wait)
    assert wait.deadline == NOW + HOUR


def test_our_own_quota_is_not_an_unreachable_insee_r9() -> None:
    _, wait = asked(create(), answers=insee("UNAVAILABLE", because="QUOTA"))
    assert isinstance(wait, Wait)
    assert wait.deadline == NOW + 24 * HOUR


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (insee("NOT_FOUND"), "siret_not_found"),
        (insee("CLOSED"), "siret_closed"),
        (insee("CLOSED", opens_on="2027-01-31"), "siret_closed"),
        (insee("MOVED", moved_to="77887067500015"), "siret_moved"),
        (insee("MOVED", moved_to="77887067500015", moved_to_result="RESTRICTED"), "siret_moved"),
        (insee("MOVED", moved_to="77887067500015", moved_to_result="CLOSED"), "siret_moved_closed"),
        (insee("MOVED", moved_to="77887067500015", moved_to_result="NOT_FOUND"), "siret_moved_unknown"),
        (insee("MOVED"), "siret_moved_unknown"),
    ],
)
def test_what_insee_does_not_know_as_active_is_refused_r9(answer: dict[str, Any], code: str) -> None:
    _, transition = asked(create(), answers=answer)
    assert (transition.status, transition.code, transition.fields) == ("rejected", code, {"identifier": code})


@pytest.mark.parametrize(
    ("answer", "details"),
    [
        (insee("MOVED", moved_to="77887067500015"), {"moved_to": "77887067500015"}),
        (insee("MOVED"), {}),
        (insee("CLOSED", closed_on="2020-09-01"), {"closed_on": "2020-09-01"}),
        (insee("CLOSED", opens_on="2027-01-31"), {"opens_on": "2027-01-31"}),
    ],
)
def test_a_refusal_says_which_siret_to_use_and_since_when_it_is_closed_r9(
    answer: dict[str, Any], details: dict[str, str]
) -> None:
    _, transition = asked(create(), answers=answer)
    assert transition.details == details
    assert "?" not in codes.sentence(transition.code, transition.details)


def test_a_closing_announced_for_a_later_day_does_not_refuse_r9() -> None:
    _, transition = asked(create(), answers=insee(closes_on="2027-01-31"))
    assert (transition.status, transition.code) == ("applied", "created")


def test_a_doublon_whose_other_is_of_no_use_says_so_r9() -> None:
    _, transition = asked(create(), answers=insee("MOVED", moved_to="77887067500015", moved_to_result="CLOSED"))
    assert (transition.code, transition.details) == ("siret_moved_closed", {"moved_to": "77887067500015"})
    _, transition = asked(create(), answers=insee("MOVED"))
    assert (transition.code, transition.details) == ("siret_moved_unknown", {})


def test_a_closed_siret_is_told_since_when_r9() -> None:
    _, transition = asked(create(), answers=insee("CLOSED", closed_on="2024-05-01"))
    assert transition.details == {"closed_on": "2024-05-01"}
    assert asked(create(), answers=insee("CLOSED"))[1].details == {}


def test_what_insee_hides_is_given_by_hand_r9() -> None:
    hidden = insee("RESTRICTED", restriction="PARTIAL", hidden=["address"])
    _, transition = asked(create(), answers=hidden)
    assert transition.fields == {"address": "address_required"}
    case, transition = asked(create(address={"city": "Metz"}), answers=hidden)
    assert (transition.status, case.state.address.city, case.state.name) == ("applied", "Metz", "OCTO")


def test_an_address_that_insee_lacks_or_writes_unreadably_is_given_by_hand_and_stays_so_r4_r9() -> None:
    answers = insee(address=None)
    _, transition = asked(create(), answers=answers)
    assert transition.fields == {"address": "address_required"}
    case, transition = asked(create(address={"city": "Port-Neuf", "country": "FJ"}), answers=answers)
    assert (transition.status, case.state.address.country, case.state.hidden_by_insee) == (
        "applied",
        "FJ",
        ("address",),
    )
    assert "address" in modifiable_fields(case.state)


def test_what_insee_tells_is_not_given_by_hand_r4() -> None:
    _, transition = asked(create(name="Autre nom"), answers=insee())
    assert transition.fields == {"name": "given_by_insee"}


@pytest.mark.parametrize(
    ("category", "sphere"), [("7210", "public_non_state"), ("4110", "public_non_state"), ("5710", "private")]
)
def test_the_sphere_follows_from_the_legal_category_r22(category: str, sphere: str) -> None:
    case, _ = asked(create(), answers=insee(legal_category=category))
    assert case.state.sphere == sphere


def test_a_structure_of_the_state_is_created_by_an_administrator_who_names_its_principal_r22() -> None:
    state = insee(legal_category="7120")
    assert asked(create(), answers=state)[1].code == "state_needs_administrator"
    assert asked(create(), ADMIN, answers=state)[1].code == "principal_required"
    case, transition = asked(create(principal="alice"), ADMIN, answers=state)
    assert (transition.status, case.state.principal, case.state.sphere) == ("applied", "alice", "state")


def test_a_person_without_pigp_does_not_become_principal_of_a_public_structure_r19() -> None:
    _, wait = asked(create(), answers=insee(legal_category="7210"), copies={})
    assert isinstance(wait, Wait)
    assert wait.waits_for == "manager:user:alice"


def test_an_identifier_is_unique_in_the_directory_r8() -> None:
    _, transition = asked(other(), holders={"AUTRE:A1": "structure:7"})
    assert transition.code == "identifier_taken"


def test_a_technical_account_names_the_person_who_becomes_principal_r16() -> None:
    assert asked(other(), SYSTEM)[1].code == "principal_required"
    assert asked(other(principal="facturier"), SYSTEM)[1].code == "principal_not_person"
    case, transition = asked(other(principal="alice"), SYSTEM)
    assert (transition.status, case.state.principal, case.state.creator) == ("applied", "alice", "facturier")


def test_a_person_can_not_name_another_principal_r16() -> None:
    assert asked(other(principal="bob"))[1].code == "principal_not_yours"


def test_other_identifiers_need_name_and_address_by_hand() -> None:
    _, transition = asked(other(name=None, address=None))
    assert transition.fields == {"name": "name_required", "address": "address_required"}


def test_a_private_individual_has_names_of_a_person() -> None:
    individual = {"type": "PARTICULIER", "value": "P1"}
    assert asked(other(identifier=individual))[1].fields == {
        "person": "person_names_required",
        "name": "name_forbidden",
    }
    case, _ = asked(other(identifier=individual, name=None, person={"first_name": "Ada", "last_name": "L"}))
    assert case.state.person.first_name == "Ada"


def test_parameters_are_for_public_structures() -> None:
    assert asked(other(parameters={"moa": True}))[1].fields == {"parameters": "parameters_public_only"}
    public = insee(legal_category="7210")
    assert asked(create(parameters={"moa": True}), answers=public)[0].state.parameters.moa is True
    assert asked(create(), answers=public)[0].state.parameters.moa is False


def test_activation_asked_at_once_is_a_second_request_named_in_the_outcome_r11() -> None:
    case, transition = asked(other(activate=True))
    second = case.draft.transitions[-1]
    assert transition.follow_up == second.request_id
    assert (second.type, second.status, second.effective_at) == ("structure.activate.v1", "accepted", NOW + DELAY)
    assert case.state.status == "inactive"
    again, _ = asked(other(activate=True))
    assert again.draft.transitions[-1].request_id == second.request_id


def test_what_was_given_is_stored_as_what_is_stored() -> None:
    """Compared with what is read back, a value that is the same must not look changed."""
    mandate = {"mandatary": {"type": "SIRET", "value": SIRET}, "start": "2026-01-01", "attachments": ["m.pdf"]}
    given = {"identifier": {"type": "RIDET", "value": "711 030/001"}, "billing_mandate": mandate}
    case, transition = asked(other(**given))
    assert transition.status == "applied"
    assert StructureState.model_validate(case.state.model_dump(exclude_none=True)) == case.state
    assert case.state.identifier == Identifier(type="RIDET", value="0711030001")
    assert case.draft.keys() == ("RIDET:0711030001",)


@pytest.mark.parametrize("held", ["RIDET:0711030001", "RIDET:711030001"])
def test_an_identifier_held_in_an_old_form_is_taken_r8(held: str) -> None:
    _, transition = asked(other(identifier={"type": "RIDET", "value": "0711030001"}), holders={held: "structure:7"})
    assert transition.code == "identifier_taken"
