"""A request as the API shows it: as it is now, in French, and the steps that led there."""

from typing import Any

import pytest

from gateway.queries import requests
from gateway.read_model import request_records
from shared.contracts import codes
from tests.unit.gateway.mongo import made

AT = "2026-01-01T00:00:00.000Z"
STEP = {
    "owner": "structure",
    "request_id": "r",
    "actor": "sam",
    "type": "structure.modify.v1",
    "at": AT,
    "correlation_id": "of nobody's concern",
    "reference": {"structure": {"id": 42}},
}


def step(status: str, version: int = 2, **fields: Any) -> dict[str, Any]:
    return {**STEP, "status": status, "code": status, "version": version, **fields}


def kept(*steps: dict[str, Any]) -> dict[str, Any]:
    return made(*(request_records.write(each, journal=True) for each in steps))


def test_a_request_is_shown_as_it_is_now_with_its_steps_in_their_order() -> None:
    effective = "2026-01-01T00:30:00.000Z"
    shown = requests.shown(
        kept(
            step("applied", 3, effective_at=effective, before={"label": "a"}, after={"label": "b"}),
            step("waiting", 0, code="waiting_insee"),
            step("accepted", 2, effective_at=effective),
        )
    )
    assert (shown["status"], shown["version"], shown["before"], shown["after"]) == (
        *("applied", 3),
        *({"label": "a"}, {"label": "b"}),
    )
    assert shown["message"] == "Votre demande est effective."
    assert [each["status"] for each in shown["steps"]] == ["waiting", "accepted", "applied"]
    assert [set(each) for each in shown["steps"]] == [
        {"status", "code", "at", "message"},
        *[{"status", "code", "at", "effective_at", "message"}] * 2,
    ]


@pytest.mark.parametrize("field", ["wrong", "structure", "correlation_id"])
def test_what_is_kept_for_ourselves_is_not_shown(field: str) -> None:
    raw = kept(step("accepted"))
    assert field in raw["record"]
    assert field not in requests.shown(raw)


@pytest.mark.parametrize(
    ("status", "code", "answered"),
    [
        ("received", "received", False),
        ("waiting", "waiting_insee", False),
        ("accepted", "accepted", True),
        ("applied", "applied", True),
        ("applied", "nothing_to_change", False),
        ("applied", "already_up_to_date", False),
        ("failed", "already_active", True),
        ("cancelled", "cancelled", True),
        ("rejected", "forbidden", False),
    ],
)
def test_a_version_is_told_only_where_a_record_of_it_will_come(status: str, code: str, answered: bool) -> None:
    assert ("version" in requests.shown(kept(step(status, code=code)))) is answered


def test_a_refusal_says_in_french_what_is_wrong_with_each_field() -> None:
    wrong = {"label": "field_too_long", "address.city": "field_required"}
    details = {"fields": {"label": {"max": 100}}}
    shown = requests.shown(kept(step("rejected", code="invalid_request", fields=wrong, details=details)))
    assert shown["message"] == codes.sentence("invalid_request")
    assert [(e["field"], e["code"], "100" in e["message"]) for e in shown["errors"]] == [
        ("label", "field_too_long", True),
        ("address.city", "field_required", False),
    ]
    assert "errors" not in requests.shown(kept(step("rejected", code="forbidden")))


def test_a_filter_that_is_not_given_narrows_nothing() -> None:
    assert requests._conditions({"status": None, "type": "x", "reference.structure.id": 42}) == {
        "record.type": "x",
        "record.reference.structure.id": 42,
    }
