"""Cancelling a pending request: rule R7."""

from typing import Any

from shared.clock import iso
from shared.contracts.messages.structure import CancelRequest, ModifyStructure
from shared.engine.core.decide import Wait
from tests.unit.services.structure_svc.builders import ADMIN, ALICE, CLEO, DELAY, MARC, NOW, Case, structure

LABEL = ModifyStructure.model_validate({"structure": {"id": 42}, "label": "x"})


def cancel(request_id: str, **more: Any) -> CancelRequest:
    return CancelRequest.model_validate({"structure": {"id": 42}, "request_id": request_id, **more})


def test_a_cancelled_request_never_applies() -> None:
    case = Case(structure())
    case.ask(LABEL, ALICE, "first")
    transition = case.ask(cancel("first"))
    outcome = [(s.request_id, s.status) for s in case.draft.transitions[1:]]
    assert outcome == [("first", "cancelled"), (transition.request_id, "applied")]
    assert case.later(DELAY).state.label is None


def test_whoever_could_have_made_it_may_cancel_it() -> None:
    case = Case(structure())
    case.ask(LABEL, ALICE, "first")
    assert isinstance(case.ask(cancel("first", actor="alice"), CLEO), Wait)
    assert case.ask(cancel("first", actor="alice"), MARC).code == "cancellation_done"


def test_cancel_at_its_time_is_too_late_applied_yet_or_not() -> None:
    case = Case(structure())
    case.ask(LABEL, ALICE, "first")
    case.now += DELAY
    transition = case.ask(cancel("first"))
    assert (transition.code, transition.details) == ("too_late", {"effective_at": iso(NOW + DELAY)})
    case.context["earlier"] = {"alice|first": "applied"}
    case.later(0)
    assert case.ask(cancel("first")).code == "too_late"


def test_cancel_what_is_not_there() -> None:
    case = Case(structure(), earlier={"alice|gone": "cancelled", "alice|no": "rejected"})
    assert case.ask(cancel("unknown")).code == "request_not_found"
    assert case.ask(cancel("gone")).code == "already_cancelled"
    assert case.ask(cancel("no")).code == "not_cancellable"


def test_an_administrator_without_rights_on_the_structure_may_not() -> None:
    case = Case(structure())
    case.ask(LABEL, ALICE, "first")
    assert isinstance(case.ask(cancel("first", actor="alice"), ADMIN), Wait)
