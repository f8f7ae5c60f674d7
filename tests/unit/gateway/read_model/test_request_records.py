"""A request as the read model keeps it: the furthest of its steps, each beside it, whatever their order (rule R20)."""

from itertools import permutations
from typing import Any

import pytest

from gateway.read_model import request_records
from gateway.read_model.request_records import record, write
from shared.contracts.messages.life import FINAL
from shared.contracts.messages.structure import ActivateStructure
from tests.unit.gateway.mongo import made, meets

AT = "2026-01-01T00:00:00.000Z"
STEP = {"owner": "structure", "request_id": "r", "actor": "sam", "type": "t", "code": "x", "at": AT}
LABEL = {"before": {"label": "a"}, "after": {"label": "b"}}


def step(status: str, version: int = 0, **fields: Any) -> dict[str, Any]:
    return {**STEP, "status": status, "version": version, **fields}


RECEIVED = write(step("received", received_at=AT), journal=False, body_hash="h")
WAITING = write(step("waiting"), journal=True)
ACCEPTED_OUTCOME = write(step("accepted", 2), journal=False, body_hash="h")
ACCEPTED = write(step("accepted", 2, **LABEL), journal=True)
APPLIED = write(step("applied", 3, **LABEL), journal=True)
LIFE = (RECEIVED, WAITING, ACCEPTED_OUTCOME, ACCEPTED, APPLIED)


def test_steps_make_the_same_request_in_whatever_order_they_come() -> None:
    outcome = made(*LIFE)
    assert (outcome["_id"], outcome["body_hash"]) == ("sam|r|structure", "h")
    assert (outcome["record"]["status"], outcome["record"]["version"]) == ("applied", 3)
    assert outcome["record"]["after"] == {"label": "b"}
    steps = sorted(outcome["steps"].values(), key=lambda each: each["order"])
    assert [each["status"] for each in steps] == ["received", "waiting", "accepted", "applied"]
    for order in permutations(LIFE):
        assert made(*order) == outcome, [each.fresh["record"]["status"] for each in order]


def test_told_again_a_step_changes_nothing() -> None:
    assert made(*LIFE, *LIFE) == made(*LIFE)


def test_the_journal_says_more_than_an_outcome_of_the_same_step_and_wins() -> None:
    for order in ((ACCEPTED_OUTCOME, ACCEPTED), (ACCEPTED, ACCEPTED_OUTCOME)):
        outcome = made(*order)
        assert outcome["record"]["after"] == {"label": "b"}
        assert not meets(outcome, request_records.NOT_OF_THE_JOURNAL)
    assert meets(made(ACCEPTED_OUTCOME), request_records.NOT_OF_THE_JOURNAL), "what changed has still to come"
    assert meets(made(ACCEPTED, write(step("applied", 3), journal=False)), request_records.NOT_OF_THE_JOURNAL)


def test_sent_again_a_request_was_still_received_when_it_came_first_r21() -> None:
    again = write(step("received", at="2026-01-02T00:00:00.000Z"), journal=False, body_hash="another")
    outcome = made(RECEIVED, again)
    assert outcome["steps"]["received"]["at"] == outcome["record"]["received_at"] == AT
    assert outcome["body_hash"] == "h", "by which an id used for another request is known"
    assert made(again, RECEIVED)["body_hash"] == "another"


def test_the_hash_of_a_request_is_kept_though_its_journal_was_faster_r21() -> None:
    assert made(ACCEPTED, RECEIVED)["body_hash"] == "h"
    assert "body_hash" not in made(ACCEPTED)


def test_a_text_that_looks_like_a_field_or_an_expression_is_kept_as_it_is() -> None:
    """A write is an expression of MongoDB's: what is told must not become one."""
    outcome = {"before": {"label": "$record"}, "after": {"label": "$$ROOT", "$ne": 1}}
    assert made(RECEIVED, write(step("applied", 3, **outcome), journal=True))["record"]["after"] == outcome["after"]


@pytest.mark.parametrize("final", sorted(FINAL))
def test_what_ends_a_request_comes_after_all_else_of_its_version(final: str) -> None:
    order = [request_records.order(step(s, 4)) for s in ("received", "waiting", "accepted", final)]
    assert order == sorted(order)
    assert len(set(order)) == 4


def test_a_later_version_comes_after_any_step_of_an_earlier_one() -> None:
    assert request_records.order(step("received", 5)) > request_records.order(step("applied", 4))


def test_two_owners_may_be_sent_the_same_id() -> None:
    assert request_records.key("structure", "a|b", "r") != request_records.key("manager", "a|b", "r")


def test_what_a_step_does_not_tell_is_left_out() -> None:
    outcome = record(step("accepted", 2, details={}, follow_up=None, effective_at=AT, unknown="x"))
    assert outcome == {
        **step("accepted", 2, effective_at=AT, received_at=AT),
        "wrong": [],
        "structure": None,
    }


def test_wrong_fields_are_a_list_since_their_names_hold_dots() -> None:
    outcome = record(step("rejected", 1, fields={"address.city": "field_required", "label": "field_blank"}))
    assert outcome["wrong"] == [["address.city", "field_required"], ["label", "field_blank"]]


def test_the_first_step_is_the_gateways_own() -> None:
    request = ActivateStructure.model_validate({"structure": {"id": 42}})
    outcome = request_records.received(request, "sam", "r", 0, "c")
    assert outcome == {
        "owner": "structure",
        "request_id": "r",
        "actor": "sam",
        "type": "structure.activate.v1",
        "status": "received",
        "code": "received",
        "version": 0,
        "correlation_id": "c",
        "reference": {"structure": {"id": 42}},
        "at": "1970-01-01T00:00:00.000Z",
        "received_at": "1970-01-01T00:00:00.000Z",
    }
    assert record(outcome)["structure"] == 42


@pytest.mark.parametrize(("known", "repeat"), [("c", False), ("another", True), (None, True)])
def test_a_repeat_is_what_came_by_another_message_r21(known: str | None, repeat: bool) -> None:
    assert request_records.is_repeat({"correlation_id": known}, step("received", correlation_id="c")) is repeat


@pytest.mark.parametrize(
    ("outcome", "structure"),
    [
        ({"reference": {"structure": {"id": 42}}}, 42),
        ({"reference": {"structure": {"identifier": {"type": "AUTRE", "value": "X"}}}, "document": "structure:42"}, 42),
        ({"reference": {"structure": {"identifier": {"type": "AUTRE", "value": "X"}}}}, None),
        ({"reference": {"user": "alice"}, "document": "user:42"}, None),
        ({"document": "structure:x"}, None),
        ({}, None),
    ],
)
def test_the_structure_of_a_request_is_named_by_its_reference_or_its_document(
    outcome: Any, structure: int | None
) -> None:
    assert record(step("rejected", **outcome))["structure"] == structure
