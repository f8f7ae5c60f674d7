"""A user may have any subject their issuer gives them: it is named in a path as it is anywhere, percent-encoded."""

import asyncio
import itertools
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from tests.integration.gateway.stack import Stack, fresh_id, readable, until

_numbers = itertools.count(1)
SUBJECTS = (
    "auth0|abc",
    "a b",
    "https://idp/x?y#z",
    "..",
    ".",
    "%2F",
    "%252F",
    "a/pigp",
    "/",
    "//x/",
    " x ",
    "a+b",
    "é.$",
    'CN="Zoé"; O=Mairie, C=FR',
    "$ref",
    "x" * 255,
)


def _own(subject: str) -> str:
    """Return a subject like this one that no other test has."""
    return f"{next(_numbers)}{subject}"[:255] if subject not in {"..", "."} else subject


async def _raw(stack: Stack, method: str, path: str, token: str, body: bytes = b"") -> int:
    """Send a request whose path no client has touched; return its status."""
    address = urlsplit(stack.api)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    head = (
        f"{method} {address.path}{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n"
    )
    kind = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write((head + kind).encode() + body)
    answer = await reader.read()
    writer.close()
    return int(answer.split(b" ", 2)[1])


async def _sent(stack: Stack, actor: str, type_: str) -> Any:
    async def came() -> Any:
        return stack.owners.received_from(actor, type_)

    return (await until(came))[-1]


@pytest.mark.parametrize("subject", SUBJECTS, ids=ascii)
async def test_a_user_is_consulted_and_changed_by_an_administrator(stack: Stack, subject: str) -> None:
    user = _own(subject)
    named = quote(user, safe="").replace(".", "%2E")  # A client may take dots for steps in the path.
    await stack.owners.user(user, first_name="Ada")
    admin = f"admin {next(_numbers)}"
    token = stack.issuer.token(admin, scope="structures:admin")

    async def there() -> bool:
        return await _raw(stack, "GET", f"/users/{named}", token) == 200

    await until(there)
    assert await _raw(stack, "PUT", f"/users/{named}/pigp", token, b'{"pigp": true}') == 202
    topic, key, event = await _sent(stack, admin, "user.set-pigp.v1")
    assert (topic, key.decode(), event.data) == ("manager.requests", f"user:{user}", {"user": user, "pigp": True})
    assert await _raw(stack, "PUT", f"/users/{named}", token) == 405, "the path of the user, not of what is changed"


@pytest.mark.parametrize("subject", [s for s in SUBJECTS if s not in {"..", "."}], ids=ascii)
async def test_any_client_names_a_user_by_encoding_them(stack: Stack, subject: str) -> None:
    user = _own(subject)
    await stack.owners.user(user, first_name="Ada")
    async with stack.admin() as admin:
        shown = await readable(admin, f"/users/{quote(user, safe='')}")
    assert (shown["id"], shown["first_name"]) == (user, "Ada")


@pytest.mark.parametrize("subject", SUBJECTS, ids=ascii)
async def test_they_act_are_members_and_their_requests_are_found(stack: Stack, subject: str) -> None:
    user, structure, marc = _own(subject), fresh_id(), _own("marc|")
    await stack.owners.structure(structure, user, sphere="private")
    await stack.owners.team(structure, user, {marc: "consultation"})
    path = f"/structures/{structure}"
    async with stack.as_(user) as client, stack.as_(marc) as other:
        await until(lambda: _has_team(other, path))
        await until(lambda: _has_team(client, path))
        assert (await client.get("/me")).json()["id"] == user
        assert (await client.get(path)).json()["role"] == "principal"
        team = (await client.get(f"{path}/members")).json()
        assert (team["principal"]["user"], [m["user"] for m in team["members"]]) == (user, [marc])
        named = quote(marc, safe="")
        assert (await client.delete(f"{path}/members/{named}")).status_code == 202
        assert (await _sent(stack, user, "membership.remove.v1"))[2].data == {"structure_id": structure, "user": marc}
        changed = await client.put(f"{path}/members/{named}", json={"profile": "modification"})
        assert (changed.status_code, changed.json()["type"]) == (202, "membership.set.v1")
        request = (await client.patch(path, json={"label": "x"})).json()
        _, _, event = await _sent(stack, user, "structure.modify.v1")
        assert (event.id, event.attributes["actor"]) == (request["request_id"], user)
        # A member follows what another submitted: by its actor and its id.
        mine = {"actor": user}
        assert (await other.get(f"/requests/{request['request_id']}", params=mine)).json()["actor"] == user
        assert (await other.get(f"{path}/requests", params=mine)).json()["total"] == 3
        steps = []
        async with other.stream("GET", f"/requests/{request['request_id']}/events", params=mine) as stream:
            async for line in stream.aiter_lines():
                if line.startswith("id: "):
                    steps.append(line)
                    if len(steps) == 1:
                        about = {"structure": {"id": structure}}
                        refused = {"status": "rejected", "code": "forbidden", "version": 1, "reference": about}
                        await stack.owners.outcome("structure", event, **refused)
        assert len(steps) == 2


async def _has_team(client: Any, path: str) -> bool:
    return bool((await client.get(f"{path}/members")).status_code == 200)


@pytest.mark.parametrize("named", ["a%00b", "a%0Ab", "%E2%80%AEa", "%C2%A0", "x" * 256, "a%2Fb%2F" * 70])
async def test_what_can_be_nobody_s_is_refused(stack: Stack, named: str) -> None:
    async with stack.admin() as admin:
        for answer in (
            await admin.get(f"/users/{named}"),
            await admin.put(f"/structures/1/members/{named}", json={"profile": "consultation"}),
            await admin.get(f"/requests/r?actor={named}"),
        ):
            assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


@pytest.mark.parametrize("path", ["/users/a/b", "/users/", "/structures/1/members/", "/structures/1/members/a/b"])
async def test_a_slash_that_is_not_encoded_parts_a_path(stack: Stack, path: str) -> None:
    async with stack.admin() as admin:
        answer = await admin.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_an_identifier_may_hold_a_slash_and_a_percent_sign(stack: Stack) -> None:
    id_ = fresh_id()
    value = f"N°{id_}/50%2F"
    await stack.owners.structure(id_, "p", identifier={"type": "AUTRE", "value": value})
    async with stack.as_("reader") as client:
        for named in (quote(value, safe=""), quote(value)):
            assert (await readable(client, f"/structures/by-identifier/AUTRE/{named}"))["id"] == id_
