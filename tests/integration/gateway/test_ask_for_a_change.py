"""A write: what is published in the caller's name, and how it is answered, at once or once it is decided."""

import asyncio
from typing import Any

import httpx2
import pytest
from prometheus_client import REGISTRY

from shared.auth.verifier import actor_of
from shared.clock import iso
from tests.integration.gateway.stack import ADMIN, KAFKA, Stack, fresh_id, fresh_user, readable, until

CREATION = {"identifier": {"type": "RIDET", "value": "012 345 67 89"}, "name": "Exemple", "address": {"city": "Nouméa"}}

WRITES: tuple[tuple[str, str, Any, str, str], ...] = (
    ("POST", "/structures", CREATION, "structure.create.v1", "RIDET:0123456789"),
    ("PATCH", "/structures/{id}", {"label": "Siège"}, "structure.modify.v1", "structure:{id}"),
    ("POST", "/structures/{id}/activate", None, "structure.activate.v1", "structure:{id}"),
    ("POST", "/structures/{id}/deactivate", None, "structure.deactivate.v1", "structure:{id}"),
    ("POST", "/structures/{id}/correct-sphere", {"sphere": "state"}, "structure.correct-sphere.v1", "structure:{id}"),
)


@pytest.mark.parametrize(("method", "path", "body", "type_", "key"), WRITES, ids=lambda v: v if v in WRITES else None)
async def test_a_write_is_one_message_and_the_answer_says_where_it_is_read(
    stack: Stack, method: str, path: str, body: Any, type_: str, key: str
) -> None:
    id_, user = fresh_id(), fresh_user("writer")
    async with stack.as_(user) as client:
        answer = await client.request(method, path.format(id=id_), json=body)
        shown = answer.json()
        assert (answer.status_code, shown["status"], shown["code"]) == (202, "received", "received")
        assert (shown["actor"], shown["type"], shown["repeated"]) == (user, type_, False)
        assert answer.headers["location"] == shown["links"]["self"] == f"/api/v1/requests/{shown['request_id']}"
        read = (await client.get(answer.headers["location"].removeprefix("/api/v1"))).json()
        assert read["message"] == stack.sentence("received")

    async def came() -> Any:
        return stack.owners.received_from(user)

    ((topic, sent_key, event),) = await until(came)
    assert (topic, event.type, event.id) == ("structure.requests", type_, shown["request_id"])
    assert sent_key.decode() == key.format(id=id_)
    named = {} if method == "POST" and path == "/structures" else {"structure": {"id": id_}}
    assert event.data == {**(body or {}), **named}


async def test_the_message_carries_our_own_token_and_names_whom_we_act_for(stack: Stack) -> None:
    user = fresh_user("writer")
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    async with stack.as_(user, scope=f"{ADMIN} openid") as client:
        own = client.headers["authorization"]
        await client.post("/structures/1/activate", headers={"traceparent": trace})

    async def came() -> Any:
        return stack.owners.received_from(user)

    ((_, _, event),) = await until(came)
    assert event.headers["authorization"] != own
    claims = await stack.verified(event.headers["authorization"], KAFKA)
    assert (actor_of(claims).id, actor_of(claims).kind) == ("gateway", "technical")
    attributes = event.attributes
    assert (attributes["actor"], attributes["actorkind"], attributes["actorscope"]) == (user, "person", ADMIN)
    assert event.traceparent is not None
    assert event.traceparent.startswith(trace[:36])
    assert event.traceparent != trace


async def test_who_waits_learns_that_the_request_waits_for_insee_whatever_insee_has_answered(stack: Stack) -> None:
    user = fresh_user("writer")
    siret = {"identifier": {"type": "SIRET", "value": "41816609600069"}}
    async with stack.as_(user, wait=2) as client:
        requesting = asyncio.create_task(client.post("/structures", json=siret))

        async def came() -> Any:
            return stack.owners.received_from(user)

        ((_, _, event),) = await until(came)
        await stack.owners.outcome("structure", event, status="waiting", code="waiting_insee", version=0)
        about = {"siret": "41816609600069", "as_of": iso(0), "result": "UNAVAILABLE", "because": "OUTAGE"}
        # The look-up was made for this request, and carries its correlation id.
        correlation = event.attributes["correlationid"]
        await stack.owners.send("insee.outcomes", about["siret"], about, correlation_id=correlation)
        answer = await requesting
    assert (answer.status_code, answer.json()["code"]) == (202, "waiting_insee")


async def test_who_waits_receives_the_decision(stack: Stack) -> None:
    id_, at = fresh_id(), iso(1_800_000_000_000)
    stack.owners.decide = lambda _: {
        "version": 7,
        "effective_at": at,
        "accepted_at": iso(0),
        "reference": {"structure": {"id": id_, "identifier": {"type": "AUTRE", "value": "X"}}},
    }
    async with stack.as_(fresh_user("writer"), wait=20) as client:
        answer = await client.post(f"/structures/{id_}/activate")
        shown = answer.json()
        assert (answer.status_code, shown["status"], shown["effective_at"], shown["version"]) == (
            202,
            "accepted",
            at,
            7,
        )
        assert shown["message"].startswith("Votre demande est prise en compte")
        assert answer.headers["preference-applied"] == "wait=20"
        assert shown["links"]["structure"] == f"/api/v1/structures/{id_}"
        assert (await client.get(f"/requests/{shown['request_id']}")).json()["status"] == "accepted"


async def test_who_leaves_while_waiting_has_submitted_all_the_same(stack: Stack) -> None:
    user = fresh_user("writer")
    async with stack.as_(user, wait=3) as client:
        broken = _answered_5xx()
        with pytest.raises(httpx2.ReadTimeout):
            await client.post("/structures/1/activate", headers={"Idempotency-Key": "left"}, timeout=0.5)

        async def readable_later() -> bool:
            return (await client.get("/requests/left")).status_code == 200

        await until(readable_later)
        assert _answered_5xx() == broken, "nobody is paged for a client that leaves"


def _answered_5xx() -> float:
    measured = next(m for m in REGISTRY.collect() if m.name == "structures_http_seconds")
    counts = [s for s in measured.samples if s.name.endswith("_count") and s.labels["status"] in {"0", "500", "503"}]
    return sum(s.value for s in counts)


async def test_who_waits_in_vain_receives_what_is_known(stack: Stack) -> None:
    stack.owners.decide = lambda _: {"status": "waiting", "code": "waiting_insee", "version": 0}
    async with stack.as_(fresh_user("writer"), wait=1) as client:
        shown = (await client.post("/structures/1/activate")).json()
    assert (shown["status"], shown["code"]) == ("waiting", "waiting_insee")
    stack.owners.decide = lambda _: None
    async with stack.as_(fresh_user("writer"), wait=1) as client:
        assert (await client.post("/structures/1/activate")).json()["status"] == "received"


async def test_nobody_receives_the_answer_to_another_request(stack: Stack) -> None:
    """Two callers use the same id, which is one id each: what distinguishes them is who they are."""
    stack.owners.decide = lambda event: {"details": {"of": event.attributes["actor"]}, "version": 1}
    callers = [fresh_user("writer") for _ in range(10)]

    async def activate(user: str) -> Any:
        async with stack.as_(user, wait=20) as client:
            return (await client.post("/structures/1/activate", headers={"Idempotency-Key": "same"})).json()

    answers = await asyncio.gather(*(activate(user) for user in callers))
    assert [(t["actor"], t["details"]["of"]) for t in answers] == [(user, user) for user in callers]


@pytest.mark.parametrize(
    ("code", "status"),
    [("forbidden", 403), ("already_active", 409), ("structure_not_found", 404), ("field_not_modifiable", 422)],
)
async def test_a_refusal_is_a_problem_with_a_code_and_a_french_sentence(stack: Stack, code: str, status: int) -> None:
    fields = {"address.city": "field_required"}
    stack.owners.decide = lambda _: {"status": "rejected", "code": code, "fields": fields, "version": 3}
    async with stack.as_(fresh_user("writer"), wait=20) as client:
        answer = await client.patch("/structures/1", json={"label": "x"})
        problem = answer.json()
        assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code)
        assert answer.headers["content-type"] == "application/problem+json"
        assert problem["type"] == f"urn:structures:code:{code}"
        assert problem["title"] == stack.sentence(code)
        wrong = {"field": "address.city", "code": "field_required", "message": stack.sentence("field_required")}
        assert problem["errors"] == [wrong]
        assert answer.headers["location"] == problem["instance"] == f"/api/v1/requests/{problem['request_id']}"
        kept = (await client.get(f"/requests/{problem['request_id']}")).json()
        assert (kept["status"], kept["code"], kept["errors"]) == ("rejected", code, [wrong])


async def test_a_refusal_of_what_never_became_a_request_leaves_none(stack: Stack) -> None:
    stack.owners.decide = lambda _: {"status": "rejected", "code": "invalid_request", "recorded": False, "version": 0}
    async with stack.as_(fresh_user("writer"), wait=20) as client:
        answer = await client.patch("/structures/1", json={"label": "x"})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
        assert "location" not in answer.headers
        assert (await client.get(f"/requests/{answer.json()['request_id']}")).status_code == 404


async def test_when_our_own_token_is_refused_it_is_not_the_callers_fault(stack: Stack) -> None:
    stack.owners.decide = lambda _: {"status": "rejected", "code": "token_expired", "recorded": False, "actor": ""}
    async with stack.as_(fresh_user("writer"), wait=20) as client:
        answer = await client.post("/structures/1/activate")
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        stack.owners.decide = lambda _: {}
        assert (await client.post("/structures/1/activate")).status_code == 202  # With a new token.


@pytest.mark.parametrize("prefer", ["wait=31", "wait=soon"])
async def test_a_wait_that_is_none_is_refused(stack: Stack, prefer: str) -> None:
    async with stack.as_(fresh_user("writer")) as client:
        answer = await client.post("/structures/1/activate", headers={"Prefer": prefer})
    assert (answer.status_code, answer.json()["code"]) == (400, "prefer_invalid")


@pytest.mark.parametrize(
    "prefer",
    ["respond-async, wait=5", "handling=lenient"],
)
async def test_other_preferences_are_not_ours(stack: Stack, prefer: str) -> None:
    stack.owners.decide = lambda _: {}
    async with stack.as_(fresh_user("writer")) as client:
        answer = await client.post("/structures/1/activate", headers={"Prefer": prefer})
    waited = "5" in prefer
    assert (answer.json()["status"], answer.headers.get("preference-applied")) == (
        ("accepted", "wait=5") if waited else ("received", None)
    )


async def test_a_preference_may_come_in_a_header_of_its_own(stack: Stack) -> None:
    stack.owners.decide = lambda _: {}
    async with stack.as_(fresh_user("writer")) as client:
        answer = await client.post(
            "/structures/1/activate", headers=[("Prefer", "return=minimal"), ("Prefer", "wait=5")]
        )
    assert (answer.json()["status"], answer.headers["preference-applied"]) == ("accepted", "wait=5")


async def test_a_caller_is_registered_once_and_again_when_their_name_changes(stack: Stack) -> None:
    user = fresh_user("newcomer")

    async def registrations(times: int) -> Any:
        async def came() -> Any:
            made = stack.owners.received_from(user, "user.register.v1")
            return made if len(made) >= times else None

        return await until(came)

    claims: dict[str, Any] = {"given_name": "Ada", "family_name": "Lovelace", "email": "x" * 300}
    async with stack.as_(user, **claims) as client:
        for _ in range(3):
            assert (await client.get("/me")).status_code == 200
        ((topic, key, event),) = await registrations(1)
        assert (topic, key.decode()) == ("manager.requests", f"user:{user}")
        assert event.data == {"first_name": "Ada", "last_name": "Lovelace"}  # What has no usable form is left out.
        await stack.owners.user(user, first_name="Ada", last_name="Lovelace")
        await readable(client, "/me/structures")
        await until(lambda: _known(client))
    async with stack.as_(user, **claims | {"family_name": "Byron"}) as client:
        await until(lambda: _again(client, stack, user))
        made = await registrations(2)
    assert made[1][2].data == {"first_name": "Ada", "last_name": "Byron"}
    assert made[0][2].id != made[1][2].id


async def _known(client: Any) -> bool:
    return "version" in (await client.get("/me")).json()


async def _again(client: Any, stack: Stack, user: str) -> bool:
    await client.get("/me")
    return len(stack.owners.received_from(user, "user.register.v1")) > 1
