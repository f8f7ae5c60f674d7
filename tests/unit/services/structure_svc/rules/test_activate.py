"""« Activer » and « Désactiver une structure »: rules R2, R5, R6, R7."""

import pytest

from services.structure_svc.rules import activate, deactivate
from shared.clock import iso
from shared.contracts.messages.structure import ActivateStructure, DeactivateStructure
from shared.domain.actor import Actor
from shared.engine.core.decide import Wait
from shared.errors import Failed
from tests.unit.services.structure_svc.builders import ALICE, CLEO, DELAY, MARC, NOW, STRANGER, Case, structure

ACTIVATE = ActivateStructure.model_validate({"structure": {"id": 42}})
DEACTIVATE = DeactivateStructure.model_validate({"structure": {"id": 42}})


@pytest.mark.parametrize("actor", [MARC, ALICE])
def test_activate_by_modification_and_principal_is_accepted_for_after_the_delay(actor: Actor) -> None:
    transition = Case(structure()).ask(ACTIVATE, actor)
    assert (transition.status, transition.effective_at) == ("accepted", NOW + DELAY)
    assert (transition.before, transition.after["status"]) == (
        {"status": "inactive", "first_activated_at": None},
        "active",
    )


@pytest.mark.parametrize("actor", [STRANGER, CLEO, Actor("gone")])
def test_activate_below_modification_waits_for_a_copy_that_lags_then_is_refused_r2(actor: Actor) -> None:
    case = Case(structure())
    wait = case.ask(ACTIVATE, actor)
    assert isinstance(wait, Wait)
    assert (wait.waits_for, wait.deadline) == ("manager:structure:42", NOW + 2_000)


def test_activate_by_a_closed_account_is_not_accepted() -> None:
    case = Case(structure(), copies={"manager:user:alice": {"active": False}})
    assert isinstance(case.ask(ACTIVATE), Wait)


def test_activate_takes_effect_at_its_time_and_not_before() -> None:
    case = Case(structure())
    case.ask(ACTIVATE)
    assert case.later(DELAY - 1).state.status == "inactive"
    assert case.later(1).state.status == "active"
    assert case.state.first_activated_at == NOW + DELAY


def test_activate_keeps_the_date_of_the_first_activation() -> None:
    case = Case(structure(first_activated_at=5))
    case.ask(ACTIVATE)
    assert case.later(DELAY).state.first_activated_at == 5


def test_activate_twice_is_refused_while_the_first_is_pending_r5() -> None:
    case = Case(structure())
    case.ask(ACTIVATE, MARC, "first")
    case.now += 1_000
    transition = case.ask(ACTIVATE)
    assert transition.code == "already_pending"
    # It names the request that will do it and when, and not who asked.
    assert transition.details == {"request_id": "first", "effective_at": iso(NOW + DELAY)}


def test_activate_an_active_structure_is_refused() -> None:
    assert Case(structure(status="active")).ask(ACTIVATE).code == "already_active"


def test_deactivate_an_inactive_structure_is_refused() -> None:
    assert Case(structure()).ask(DEACTIVATE).code == "already_inactive"


def test_the_opposite_of_a_pending_request_is_accepted_and_both_take_effect_in_order_r5_r6() -> None:
    case = Case(structure())
    first = case.ask(ACTIVATE)
    case.now -= 60_000  # a clock that steps back does not let the second one overtake the first
    second = case.ask(DEACTIVATE)
    assert second.status == "accepted"
    assert second.effective_at == first.effective_at
    case.later(DELAY + 60_000)
    assert [s.type for s in case.draft.transitions if s.status == "applied"] == [ACTIVATE.type, DEACTIVATE.type]
    assert case.state.status == "inactive"


def test_a_superseded_structure_can_not_be_activated() -> None:
    assert Case(structure(duplicated_to=43)).ask(ACTIVATE).code == "superseded"
    with pytest.raises(Failed, match="superseded"):
        activate.apply({}, structure(duplicated_to=43), NOW)


def test_what_can_no_longer_be_applied_fails_and_leaves_the_structure_as_it_was_r7() -> None:
    with pytest.raises(Failed, match="already_active"):
        activate.apply({}, structure(status="active"), NOW)
    with pytest.raises(Failed, match="already_inactive"):
        deactivate.apply({}, structure(), NOW)


def test_until_its_team_is_known_the_first_principal_of_a_structure_is_its_principal() -> None:
    assert Case(structure(), copies={}).ask(ACTIVATE, ALICE).status == "accepted"
    assert isinstance(Case(structure(), copies={}).ask(ACTIVATE, MARC), Wait)
