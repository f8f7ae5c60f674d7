"""The same request put straight on Kafka by another system has the same effect and the same answer."""

import base64
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
    rid = partner.submit(TOPIC, MODIFY, {"structure": {"id": structure["id"]}, "phone": "0102030405"}, token)
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


def test_data_in_base64_and_media_types_in_capitals_are_fine_too(
    system: System, partner: Partner, outcomes: Reader, structure: dict[str, Any]
) -> None:
    data = json.dumps({"structure": {"id": structure["id"]}, "label": "en base64"}).encode()
    event = {
        "specversion": "1.0",
        "id": f"base64-{structure['id']}",
        "source": "/partner",
        "type": MODIFY,
        "datacontenttype": "Application/JSON",
        "data_base64": base64.b64encode(data).decode(),
    }
    headers = {
        "Content-Type": b"APPLICATION/CLOUDEVENTS+JSON",
        "Authorization": f"bearer {system.token('alice', KAFKA_AUDIENCE)}".encode(),
    }
    partner.send(TOPIC, json.dumps(event).encode(), headers)
    assert outcomes.until(of(str(event["id"]), "accepted"))["code"] == "accepted"


def test_a_refusal_is_repeated_by_whichever_channel_it_comes_again(
    system: System, partner: Partner, outcomes: Reader, structure: dict[str, Any]
) -> None:
    """R21: the same id of the same actor has the same answer, and says that it was given before."""
    rid, body = f"refused-{structure['id']}", {"label": "d'un étranger"}
    token = system.token("sam", KAFKA_AUDIENCE)
    for count in (1, 2):
        data = {"structure": {"id": structure["id"]}, **body}
        partner.submit(TOPIC, MODIFY, data, token, request_id=rid, headers={"ce_correlationid": b"n%d" % count})
        outcome = outcomes.until(
            lambda seen, n=count: seen.get("correlation_id") == f"n{n}" and of(rid, "rejected")(seen)  # type: ignore[misc]
        )
        assert (outcome["code"], outcome["repeated"]) == ("structure_not_found", count == 2)
    for wait in (20, None):
        with system.as_("sam", wait=wait) as api:
            until(lambda api=api: api.get(f"/requests/{rid}").status_code == 200)  # type: ignore[misc]
            again = api.patch(f"/structures/{structure['id']}", json=body, headers={"Idempotency-Key": f'"{rid}"'})
        assert (again.status_code, again.json()["code"], again.json()["repeated"]) == (404, "structure_not_found", True)


def test_headers_written_as_over_http_are_answered_with_what_to_write(
    system: System, partner: Partner, outcomes: Reader, structure: dict[str, Any]
) -> None:
    """Some frameworks write `ce-id`: were it not answered, its sender would wait for ever."""
    rid = f"dashed-{structure['id']}"
    headers = {
        "ce-specversion": b"1.0",
        "ce-id": rid.encode(),
        "ce-source": b"/partner",
        "ce-type": MODIFY.encode(),
        "ce-correlationid": b"theirs",
        "authorization": f"Bearer {system.token('alice', KAFKA_AUDIENCE)}".encode(),
    }
    partner.send(TOPIC, json.dumps({"structure": {"id": structure["id"]}, "label": "tiret"}).encode(), headers)
    outcome = outcomes.until(of(rid, "rejected"))
    assert (outcome["code"], outcome["actor"], outcome["type"]) == ("message_headers_misnamed", "alice", MODIFY)
    assert (outcome["correlation_id"], outcome["recorded"]) == ("theirs", False)
    assert "ce_id" in outcome["message"]


@pytest.mark.parametrize(
    ("who", "audience", "code"),
    [("alice", "structures-http", "token_audience"), ("sam", KAFKA_AUDIENCE, "structure_not_found")],
)
def test_the_caller_is_authenticated_and_not_believed(
    system: System, partner: Partner, outcomes: Reader, structure: dict[str, Any], who: str, audience: str, code: str
) -> None:
    token = system.token(who, audience, through="facturier")
    rid = partner.submit(TOPIC, MODIFY, {"structure": {"id": structure["id"]}, "label": "x"}, token)
    assert outcomes.until(of(rid, "rejected"))["code"] == code


def test_a_message_that_authenticates_no_client_is_published_to_none(
    system: System, partner: Partner, outcomes: Reader, every_outcome: Reader, structure: dict[str, Any]
) -> None:
    data = {"structure": {"id": structure["id"]}, "label": "x"}
    unauthenticated = partner.submit(TOPIC, MODIFY, data, None, key=b"1")
    assert every_outcome.until(of(unauthenticated, "rejected"))["code"] == "token_missing"
    token = system.token("alice", KAFKA_AUDIENCE)
    authenticated = partner.submit(TOPIC, "structure.none.v1", data, token, key=b"1")
    outcomes.until(of(authenticated, "rejected"))
    assert unauthenticated not in {seen.get("request_id") for seen in outcomes.seen}


def test_a_token_that_expired_before_the_broker_had_the_request_is_refused_and_its_client_receives_it(
    system: System, partner: Partner, outcomes: Reader, structure: dict[str, Any]
) -> None:
    token = system.token("alice", KAFKA_AUDIENCE, expires_in=-60)
    rid = partner.submit(TOPIC, MODIFY, {"structure": {"id": structure["id"]}, "label": "x"}, token)
    outcome = outcomes.until(of(rid, "rejected"))
    assert (outcome["code"], outcome["actor"], outcome["recorded"]) == ("token_expired", "", False)


def test_acting_for_another_needs_the_scope_for_it(
    system: System, partner: Partner, outcomes: Reader, structure: dict[str, Any]
) -> None:
    token = system.token("facturier", KAFKA_AUDIENCE)
    data = {"structure": {"id": structure["id"]}, "label": "x"}
    rid = partner.submit(TOPIC, MODIFY, data, token, headers={"ce_actor": b"alice"})
    assert outcomes.until(of(rid, "rejected"))["code"] == "act_for_forbidden"
