"""`Idempotency-Key`: a request that is sent again has one effect and the same answer (rule R21)."""

import asyncio
from typing import Any

import pytest

from shared.clock import iso
from tests.integration.gateway.stack import Stack, fresh_id, fresh_user, until

KEY = "Idempotency-Key"


async def _sent(stack: Stack, user: str, count: int) -> list[Any]:
    async def came() -> Any:
        sent = stack.owners.received_from(user)
        return sent if len(sent) >= count else None

    return [event for _, _, event in await until(came)]


async def test_the_key_is_the_id_of_the_request(stack: Stack) -> None:
    user = fresh_user("writer")
    async with stack.as_(user) as client:
        request = (await client.post("/structures/1/activate", headers={KEY: "A.b_c:d-1"})).json()
    assert request["request_id"] == "A.b_c:d-1"
    assert (await _sent(stack, user, 1))[0].id == "A.b_c:d-1"


@pytest.mark.parametrize("key", ["", "é", '"a b"'])
async def test_a_key_that_can_be_no_id_is_refused(stack: Stack, key: str) -> None:
    async with stack.as_(fresh_user("writer")) as client:
        answer = await client.post("/structures/1/activate", headers={KEY.encode(): key.encode()})
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_invalid")


async def test_sent_again_without_waiting_it_is_returned_as_it_stands(stack: Stack) -> None:
    user, id_ = fresh_user("writer"), fresh_id()
    stack.owners.decide = lambda _: {"version": 4, "effective_at": iso(1_800_000_000_000)}
    async with stack.as_(user) as client:

        async def send() -> Any:
            answer = await client.patch(f"/structures/{id_}", json={"label": "x"}, headers={KEY: "again"})
            assert answer.status_code == 202
            return answer.json()

        first = await send()
        assert (first["status"], first["repeated"]) == ("received", False)
        await stack.owners.journal("structure", actor=user, request_id="again", status="accepted", version=4)

        async def decided() -> Any:
            again = await send()
            assert again["repeated"] is True
            return again if again["status"] == "accepted" else None

        again = await until(decided)
    assert (again["version"], again["request_id"]) == (4, "again")


async def test_sent_again_at_once_it_is_one_request_that_is_still_received(stack: Stack) -> None:
    async with stack.as_(fresh_user("writer")) as client:
        first, second = [(await client.post("/structures/1/activate", headers={KEY: "twice"})).json() for _ in range(2)]
    assert (first["repeated"], second["repeated"]) == (False, True)
    assert first["received_at"] == second["received_at"]


async def test_what_was_refused_is_refused_again_without_waiting_too(stack: Stack) -> None:
    user = fresh_user("writer")
    stack.owners.decide = lambda _: {"status": "rejected", "code": "already_active", "version": 2}
    async with stack.as_(user) as client:
        headers = {KEY: "no", "Prefer": "wait=20"}
        first = await client.post("/structures/1/activate", headers=headers)
        again = await client.post("/structures/1/activate", headers={KEY: "no"})
    assert first.status_code == again.status_code == 409
    assert first.json() | {"repeated": True} == again.json()
    assert first.json()["repeated"] is False
    assert first.headers["location"] == again.headers["location"]


async def test_who_waits_learns_that_a_refusal_is_repeated(stack: Stack) -> None:
    stack.owners.decide = lambda _: {"status": "rejected", "code": "forbidden", "repeated": True, "version": 2}
    async with stack.as_(fresh_user("writer"), wait=20) as client:
        answer = await client.post("/structures/1/activate", headers={KEY: "no"})
    assert (answer.status_code, answer.json()["repeated"]) == (403, True)


@pytest.mark.parametrize(("status", "http"), [("rejected", 409), ("accepted", 202)])
async def test_what_came_by_kafka_first_is_repeated_too(stack: Stack, status: str, http: int) -> None:
    user, key = fresh_user("writer"), f"kafka-{fresh_id()}"
    code = "already_active" if status == "rejected" else status
    step = {"actor": user, "request_id": key, "status": status, "code": code, "version": 2}
    await stack.owners.journal("structure", correlation_id=key, **step)
    async with stack.as_(user) as client:
        await until(lambda: _is_known(client, key))
        answer = await client.post("/structures/1/activate", headers={KEY: key})
    assert (answer.status_code, answer.json()["code"], answer.json()["repeated"]) == (http, code, True)


async def _is_known(client: Any, request_id: str) -> bool:
    return bool((await client.get(f"/requests/{request_id}")).status_code == 200)


async def test_what_is_decided_before_it_can_be_looked_at_is_no_repeat(stack: Stack) -> None:
    """The owner is as fast as the gateway: its decision may stand in the read model before the gateway's own record."""
    user = fresh_user("writer")

    async def decide(key: str) -> None:
        event = (await _sent(stack, user, 1))[0]
        step = {"actor": user, "request_id": key, "status": "accepted", "version": 2}
        await stack.owners.journal("structure", correlation_id=event.attributes["correlationid"], **step)

    async with stack.as_(user, wait=2) as client:
        deciding = asyncio.create_task(decide("fast"))
        request = (await client.post("/structures/1/activate", headers={KEY: "fast"})).json()
        await deciding
    assert (request["status"], request["repeated"]) == ("accepted", False)


async def test_a_key_in_quotes_is_the_same_key(stack: Stack) -> None:
    """The IETF draft writes it as a string of a structured field; most clients write it bare."""
    user = fresh_user("writer")
    async with stack.as_(user) as client:
        first = await client.post("/structures/1/activate", headers={KEY: '"one-1"'})
        again = await client.post("/structures/1/activate", headers={KEY: "one-1"})
    assert first.headers["location"] == again.headers["location"] == "/api/v1/requests/one-1"
    assert (first.json()["request_id"], again.json()["repeated"]) == ("one-1", True)
    assert [event.id for event in await _sent(stack, user, 2)] == ["one-1", "one-1"]


async def test_the_owner_publishes_a_repeat_to_who_waits(stack: Stack) -> None:
    stack.owners.decide = lambda _: {"repeated": True, "version": 9}
    async with stack.as_(fresh_user("writer"), wait=20) as client:
        request = (await client.post("/structures/1/activate", headers={KEY: "again"})).json()
    assert (request["repeated"], request["version"]) == (True, 9)


async def test_an_id_used_for_another_body_is_refused_with_and_without_waiting(stack: Stack) -> None:
    user = fresh_user("writer")
    async with stack.as_(user) as client:
        assert (await client.patch("/structures/1", json={"label": "a"}, headers={KEY: "k"})).status_code == 202
        other = await client.patch("/structures/1", json={"label": "b"}, headers={KEY: "k"})
        assert (other.status_code, other.json()["code"]) == (409, "request_id_reused")
        stack.owners.decide = lambda _: {"status": "rejected", "code": "request_id_reused", "recorded": False}
        other = await client.patch("/structures/1", json={"label": "b"}, headers={KEY: "k", "Prefer": "wait=20"})
        assert (other.status_code, other.json()["code"]) == (409, "request_id_reused")
        kept = (await client.get("/requests/k")).json()
        assert kept["status"] == "received"  # The first one is untouched.
        same = await client.patch("/structures/1", content=b' {"label":\n"a"} ', headers={KEY: "k"})
        assert (same.status_code, same.json()["repeated"]) == (202, True)  # Spaces don't make another body.


async def test_many_at_once_are_one_request(stack: Stack) -> None:
    user = fresh_user("writer")
    async with stack.as_(user) as client:
        answers = await asyncio.gather(
            *(client.patch("/structures/1", json={"label": "x"}, headers={KEY: "burst"}) for _ in range(20))
        )
        assert {a.status_code for a in answers} == {202}
        assert {a.json()["received_at"] for a in answers} == {
            (await client.get("/requests/burst")).json()["received_at"]
        }
        assert (await client.get("/requests")).json()["total"] == 1
