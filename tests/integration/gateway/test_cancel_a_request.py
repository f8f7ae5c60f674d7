"""Cancel a pending request: by whoever could have made it, under the key of what it is about."""

from typing import Any

import pytest

from tests.integration.gateway.stack import ADMIN, Stack, fresh_id, fresh_user, readable, until

ACCESS_LEVELS = ("not a member", "ended", "consultation", "modification", "principal")


async def pending(stack: Stack, maker: str, structure: dict[str, Any] | None, owner: str = "structure") -> str:
    """Tell a request that somebody made; return its id."""
    request_id = f"made-{fresh_id()}"
    about = {"structure": structure} if structure else {"user": "somebody"}
    await stack.owners.journal(owner, actor=maker, request_id=request_id, status="accepted", version=2, reference=about)
    async with stack.as_(maker) as client:
        await readable(client, f"/requests/{request_id}")
    return request_id


async def _sent(stack: Stack, user: str) -> Any:
    async def came() -> Any:
        return stack.owners.received_from(user, "structure.cancel.v1")

    return (await until(came))[0]


async def test_ones_own_request_is_cancelled_by_its_id(stack: Stack) -> None:
    user, id_ = fresh_user("maker"), fresh_id()
    request_id = await pending(stack, user, {"id": id_, "identifier": {"type": "AUTRE", "value": f"X{id_}"}})
    stack.owners.decide = lambda _: {"status": "applied", "code": "cancellation_done", "version": 3}
    async with stack.as_(user, wait=20) as client:
        answer = await client.post(f"/requests/{request_id}/cancel")
        assert (answer.status_code, answer.json()["code"]) == (202, "cancellation_done")
        assert answer.json()["request_id"] != request_id
    topic, key, event = await _sent(stack, user)
    assert (topic, key) == ("structure.requests", b"structure:%d" % id_)
    assert event.data == {"structure": {"id": id_}, "request_id": request_id, "actor": user}


async def test_a_creation_that_waits_is_named_by_its_identifier(stack: Stack) -> None:
    user = fresh_user("maker")
    identifier = {"type": "SIRET", "value": f"{fresh_id():014}"}
    request_id = await pending(stack, user, {"identifier": identifier})
    async with stack.as_(user) as client:
        assert (await client.post(f"/requests/{request_id}/cancel")).status_code == 202
    _, key, event = await _sent(stack, user)
    assert key.decode() == f"SIRET:{identifier['value']}"
    assert event.data["structure"] == {"identifier": identifier}


@pytest.mark.parametrize("access_level", ACCESS_LEVELS)
async def test_anothers_request_is_named_with_who_made_it(stack: Stack, access_level: str) -> None:
    """Whether a member may cancel is the owner's to say; a stranger does not even learn that the request exists."""
    id_, maker, user = fresh_id(), fresh_user("maker"), fresh_user(access_level.replace(" ", "-"))
    principal = user if access_level == "principal" else maker
    await stack.owners.structure(id_, principal, sphere="private")
    await stack.owners.team(
        id_, principal, {user: access_level} if access_level in {"ended", "consultation", "modification"} else {}
    )
    async with stack.as_(principal) as first:
        await readable(first, f"/structures/{id_}/members")
    request_id = await pending(stack, maker, {"id": id_})
    async with stack.as_(user) as client:
        assert (await client.post(f"/requests/{request_id}/cancel")).status_code == 404  # It is not their own.
        answer = await client.post(f"/requests/{request_id}/cancel", params={"actor": maker})
    assert answer.status_code == (404 if access_level in {"not a member", "ended"} else 202)
    if answer.status_code == 202:
        assert (await _sent(stack, user))[2].data["actor"] == maker


async def test_an_administrator_finds_the_request_and_its_owner_decides(stack: Stack) -> None:
    maker, user = fresh_user("maker"), fresh_user("admin")
    request_id = await pending(stack, maker, {"id": fresh_id()})
    stack.owners.decide = lambda _: {"status": "rejected", "code": "forbidden", "version": 1}
    async with stack.as_(user, scope=ADMIN, wait=20) as client:
        answer = await client.post(f"/requests/{request_id}/cancel", params={"actor": maker})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_what_takes_effect_at_once_has_nothing_to_cancel(stack: Stack) -> None:
    user = fresh_user("maker")
    request_id = await pending(stack, user, None, owner="manager")
    async with stack.as_(user) as client:
        answer = await client.post(f"/requests/{request_id}/cancel")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_cancellable")
    assert stack.owners.received_from(user) == []


async def test_anonymous_cancels_nothing(stack: Stack) -> None:
    async with stack.anonymous() as nobody:
        answer = await nobody.post("/requests/x/cancel")
    assert (answer.status_code, answer.json()["code"]) == (401, "token_missing")
