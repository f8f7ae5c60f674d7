"""How a write is answered: 202 with the request and where it is read, or the problem for which it was refused."""

from types import SimpleNamespace
from typing import Any, cast

import orjson
import pytest

from gateway.api.dependencies import Calling
from gateway.api.writes import Writing
from gateway.application.submit import Submission, Submitted
from gateway.read_model.request_records import record
from shared.contracts.messages.structure import ActivateStructure
from shared.domain.actor import Actor
from shared.errors import Rejected, Transient

REQUEST = ActivateStructure.read({"structure": {"id": 42}})


def step(status: str, **fields: Any) -> dict[str, Any]:
    kept = {"owner": "structure", "request_id": "r1", "actor": "alice", "type": REQUEST.type, "version": 3}
    reference = {"structure": {"id": 42}}
    return {
        **kept,
        "status": status,
        "code": status,
        "at": "2026-01-01T00:00:00.000Z",
        "reference": reference,
        **fields,
    }


async def answered(outcome: Submitted | Exception, *, wait: int = 0) -> tuple[Any, dict[str, Any], Submission]:
    """Return the answer to a write of which that came, its body, and what was submitted."""
    sent: list[Submission] = []

    async def submit(submission: Submission) -> Submitted:
        sent.append(submission)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    services = SimpleNamespace(submitter=SimpleNamespace(submit=submit))
    caller = cast("Calling", SimpleNamespace(services=services, actor=Actor("alice")))
    answer = await Writing(caller, "r1", chosen=True, wait=wait, traceparent=None).submit(REQUEST, {"x": 1})
    return answer, orjson.loads(answer.body), sent[0]


def submitted(outcome: dict[str, Any], *, repeated: bool = False, recorded: bool = True) -> Submitted:
    return Submitted(record(outcome), repeated, recorded)


async def test_a_write_is_answered_with_the_request_and_where_it_is_read() -> None:
    answer, body, submission = await answered(submitted(step("accepted"), repeated=True), wait=5)
    assert (answer.status_code, body["status"], body["repeated"], body["version"]) == (202, "accepted", True, 3)
    assert answer.headers["location"] == body["links"]["self"] == "/api/v1/requests/r1"
    assert body["links"]["events"] == "/api/v1/requests/r1/events"
    assert body["links"]["structure"] == "/api/v1/structures/42"
    assert answer.headers["preference-applied"] == "wait=5"
    assert submission == Submission(Actor("alice"), REQUEST, {"x": 1}, "r1", chosen=True, wait=5)


async def test_who_does_not_wait_is_not_told_that_they_did() -> None:
    answer, _, _ = await answered(submitted(step("received")))
    assert "preference-applied" not in answer.headers


@pytest.mark.parametrize(
    "named", [{}, {"structure": {"identifier": {"type": "AUTRE", "value": "X"}}}, {"user": "alice"}]
)
async def test_a_structure_is_linked_only_by_an_id_that_its_caller_was_told_r1(named: dict[str, Any]) -> None:
    _, body, _ = await answered(submitted(step("accepted", reference=named, document="structure:42")))
    assert set(body["links"]) == {"self", "events"}


async def test_a_refusal_is_a_problem_that_names_the_request() -> None:
    fields = {"address.city": "field_required"}
    refused = step("rejected", code="already_active", fields=fields, details={"effective_at": "x"})
    answer, body, _ = await answered(submitted(refused, repeated=True))
    assert (answer.status_code, answer.media_type) == (409, "application/problem+json")
    assert (body["code"], body["request_id"], body["repeated"]) == ("already_active", "r1", True)
    assert [(e["field"], e["code"]) for e in body["errors"]] == [*fields.items()]
    assert answer.headers["location"] == body["instance"] == "/api/v1/requests/r1"


async def test_what_never_became_a_request_is_nowhere_to_be_read() -> None:
    answer, body, _ = await answered(submitted(step("rejected", code="invalid_request"), recorded=False))
    assert answer.status_code == 422
    assert "location" not in answer.headers
    assert "instance" not in body


async def test_while_kafka_is_away_a_caller_is_told_the_id_with_which_to_ask_again() -> None:
    answer, body, _ = await answered(Transient("away"))
    assert (answer.status_code, body["code"], body["request_id"]) == (503, "unavailable", "r1")


async def test_an_id_used_for_another_request_is_the_application_s_to_answer() -> None:
    with pytest.raises(Rejected):
        await answered(Rejected("request_id_reused"))
