"""Users, for administrators; and the account that is closed."""

from typing import Any

import pytest

from tests.integration.gateway.stack import Stack, fresh_user, readable, until


async def test_an_administrator_reads_a_user(stack: Stack) -> None:
    user = fresh_user("u")
    fields: dict[str, Any] = {"first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.fr", "pigp": True}
    await stack.owners.user(user, **fields)
    async with stack.admin() as admin:
        shown = await readable(admin, f"/users/{user}")
    assert shown == {"id": user, "version": 1, "kind": "person", "active": True, **fields}


@pytest.mark.parametrize("access_level", ["themselves", "somebody else"])
async def test_nobody_else_reads_users(stack: Stack, access_level: str) -> None:
    user = fresh_user("u")
    await stack.owners.user(user)
    async with stack.as_(user if access_level == "themselves" else fresh_user("u")) as client:
        answer = await client.get(f"/users/{user}")
    assert (answer.status_code, answer.json()["code"]) == (403, "administrator_only")


async def test_an_unknown_user_is_not_found(stack: Stack) -> None:
    async with stack.admin() as admin:
        answer = await admin.get("/users/nobody")
    assert (answer.status_code, answer.json()["code"]) == (404, "user_not_found")


@pytest.mark.parametrize(
    ("what", "body", "type_"),
    [("pigp", {"pigp": True}, "user.set-pigp.v1"), ("active", {"active": False}, "user.set-active.v1")],
)
async def test_what_an_administrator_says_of_a_user_goes_to_their_owner(
    stack: Stack, what: str, body: Any, type_: str
) -> None:
    user = fresh_user("u")
    async with stack.admin() as admin:
        answer = await admin.put(f"/users/{user}/{what}", json=body)
        assert answer.status_code == 202
    actor = answer.json()["actor"]

    async def came() -> Any:
        return stack.owners.received_from(actor)

    ((topic, key, event),) = await until(came)
    assert (topic, key.decode(), event.type) == ("manager.requests", f"user:{user}", type_)
    assert event.data == {"user": user, **body}
    assert event.attributes["actorscope"] == "structures:admin"


@pytest.mark.parametrize(("what", "body"), [("pigp", {"pigp": "oui"}), ("active", {}), ("active", {"pigp": True})])
async def test_a_wrong_body_is_refused(stack: Stack, what: str, body: Any) -> None:
    async with stack.admin() as admin:
        answer = await admin.put(f"/users/u/{what}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_a_closed_account_is_turned_away_and_an_opened_one_is_let_in_again(stack: Stack) -> None:
    user = fresh_user("u")
    async with stack.as_(user) as client:

        async def becomes(status: int) -> bool:
            return (await client.get("/me")).status_code == status

        await stack.owners.user(user, active=False)
        await until(lambda: becomes(403))
        for method, path in (("GET", "/structures"), ("POST", "/structures/1/activate"), ("GET", "/insee/1")):
            answer = await client.request(method, path)
            assert (answer.status_code, answer.json()["code"]) == (403, "user_inactive")
        await stack.owners.user(user, version=2, active=True)
        await until(lambda: becomes(200))
