"""The same request put straight on Kafka by another system has the same effect and the same answer."""

import json
from typing import Any

import pytest

from tests.support.kafka import Partner, Reader, of
from tests.support.system import KAFKA_AUDIENCE, System, until

TOPIC = "structure.requests"
MODIFY = "structure.modify.v1"


def test_a_request_from_kafka_is_accepted_then_applied_and_readable(
    system: System, partner: Partner, outcomes: Reader, structure: dict[str, Any]
) -> None:
    token = system.token("alice", KAFKA_AUDIENCE)
    rid = partner.ask(TOPIC, MODIFY, {"structure": {"id": structure["id"]}, "phone": "0102030405"}, token)
    accepted = outcomes.until(of(rid, "accepted"))
    assert accepted["reference"]["structure"]["identifier"]["value"] == structure["identifier"]["value"]
    assert outcomes.until(of(rid, "applied"))["at"] >= accepted["effective_at"]
    with system.as_("alice") as api:
        until(lambda: api.get(f"/structures/{structure['id']}").json().get("phone") == "0102030405")


def test_no_key_and_structured_mode_are_fine(
    system: System, partner: Partner, outcomes: Reader, structure: dict[str, Any]
) -> None:
    event = {
        "specversion": "1.0",
        "id": f"structured-{structure['id']}",
        "source": "/partner",
        "type": MODIFY,
        "data": {"structure": {"identifier": structure["identifier"]}, "label": "structuré"},
    }
    headers = {
        "content-type": b"application/cloudevents+json; charset=UTF-8",
        "authorization": f"Bearer {system.token('alice', KAFKA_AUDIENCE)}".encode(),
    }
    partner.send(TOPIC, json.dumps(event).encode(), headers)
    assert outcomes.until(of(str(event["id"]), "accepted"))["code"] == "accepted"


@pytest.mark.parametrize(
    ("who", "audience", "code"),
    [("alice", "structures-http", "token_audience"), ("sam", KAFKA_AUDIENCE, "forbidden")],
)
def test_who_asks_is_proved_and_not_believed(
    system: System, partner: Partner, outcomes: Reader, structure: dict[str, Any], who: str, audience: str, code: str
) -> None:
    token = system.token(who, audience, through="facturier")
    rid = partner.ask(TOPIC, MODIFY, {"structure": {"id": structure["id"]}, "label": "x"}, token)
    assert outcomes.until(of(rid, "rejected"))["code"] == code


def test_a_message_that_proves_no_client_is_told_to_none(
    system: System, partner: Partner, outcomes: Reader, every_outcome: Reader, structure: dict[str, Any]
) -> None:
    data = {"structure": {"id": structure["id"]}, "label": "x"}
    unproved = partner.ask(TOPIC, MODIFY, data, None, key=b"1")
    assert every_outcome.until(of(unproved, "rejected"))["code"] == "token_missing"
    token = system.token("alice", KAFKA_AUDIENCE)
    proved = partner.ask(TOPIC, "structure.none.v1", data, token, key=b"1")
    outcomes.until(of(proved, "rejected"))
    assert unproved not in {seen.get("request_id") for seen in outcomes.seen}


def test_a_token_that_expired_before_the_broker_had_the_request_is_refused_and_its_client_told(
    system: System, partner: Partner, outcomes: Reader, structure: dict[str, Any]
) -> None:
    token = system.token("alice", KAFKA_AUDIENCE, expires_in=-60)
    rid = partner.ask(TOPIC, MODIFY, {"structure": {"id": structure["id"]}, "label": "x"}, token)
    told = outcomes.until(of(rid, "rejected"))
    assert (told["code"], told["actor"], told["recorded"]) == ("token_expired", "", False)


def test_acting_for_another_needs_the_scope_for_it(
    system: System, partner: Partner, outcomes: Reader, structure: dict[str, Any]
) -> None:
    token = system.token("facturier", KAFKA_AUDIENCE)
    data = {"structure": {"id": structure["id"]}, "label": "x"}
    rid = partner.ask(TOPIC, MODIFY, data, token, headers={"ce_actor": b"alice"})
    assert outcomes.until(of(rid, "rejected"))["code"] == "act_for_forbidden"
