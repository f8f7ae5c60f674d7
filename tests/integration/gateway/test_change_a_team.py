"""Teams: who is in one, by name; and how members are added, changed and removed."""

from typing import Any

import pytest

from tests.integration.gateway.stack import Stack, fresh_id, fresh_user, readable, until


class Scenario:
    """A structure with its principal, two members and somebody who was one."""

    def __init__(self) -> None:
        self.id = fresh_id()
        self.path = f"/structures/{self.id}/members"
        self.principal, self.reader, self.writer, self.former = (
            fresh_user(name) for name in ("principal", "reader", "writer", "former")
        )


@pytest.fixture
async def team(stack: Stack) -> Scenario:
    there = Scenario()
    await stack.owners.structure(there.id, there.principal)
    await stack.owners.user(there.principal, first_name="Alice", last_name="Martin", email="alice@example.fr")
    profiles = {there.reader: "consultation", there.writer: "modification", there.former: "ended"}
    await stack.owners.team(there.id, there.principal, profiles)
    async with stack.as_(there.reader) as client:
        await until(lambda: _named(client, there))
    return there


async def _named(client: Any, there: Scenario) -> bool:
    answer = await client.get(there.path)
    return answer.status_code == 200 and "last_name" in answer.json()["principal"]


async def _sent(stack: Stack, user: str) -> Any:
    async def came() -> Any:
        return stack.owners.received_from(user)

    return (await until(came))[0]


async def test_members_are_shown_by_name_and_never_by_address(stack: Stack, team: Scenario) -> None:
    async with stack.as_(team.reader) as client:
        shown = (await client.get(team.path)).json()
    assert shown["principal"] == {
        "user": team.principal,
        "kind": "person",
        "first_name": "Alice",
        "last_name": "Martin",
    }
    assert {m["user"]: m["profile"] for m in shown["members"]} == {
        team.reader: "consultation",
        team.writer: "modification",
    }


@pytest.mark.parametrize(("who", "may"), [("reader", []), ("principal", ["set", "remove"])])
async def test_what_may_be_requested_is_shown(stack: Stack, team: Scenario, who: str, may: list[str]) -> None:
    async with stack.as_(getattr(team, who)) as client:
        assert (await client.get(team.path)).json()["possible_requests"] == may


async def test_a_structure_whose_team_is_not_published_yet_says_so(stack: Stack) -> None:
    id_, principal = fresh_id(), fresh_user("principal")
    await stack.owners.structure(id_, principal)
    async with stack.as_(principal) as client:
        await readable(client, f"/structures/{id_}")
        answer = await client.get(f"/structures/{id_}/members")
    assert (answer.status_code, answer.json()["code"]) == (404, "team_not_found")


@pytest.mark.parametrize("whom", ["somebody-new", "former", "reader"])
async def test_put_sets_who_is_no_member_and_who_is(stack: Stack, team: Scenario, whom: str) -> None:
    user = getattr(team, whom, whom)
    async with stack.as_(team.principal) as client:
        answer = await client.put(f"{team.path}/{user}", json={"profile": "modification"})
    assert (answer.status_code, answer.json()["type"]) == (202, "membership.set.v1")
    topic, key, event = await _sent(stack, team.principal)
    assert (topic, key) == ("manager.requests", b"structure:%d" % team.id)
    assert event.data == {"structure_id": team.id, "user": user, "profile": "modification"}


async def test_put_sent_again_is_what_it_was_the_first_time(stack: Stack, team: Scenario) -> None:
    headers = {"Idempotency-Key": "add-them"}
    user = fresh_user("new")
    async with stack.as_(team.principal) as client:
        first = await client.put(f"{team.path}/{user}", json={"profile": "consultation"}, headers=headers)
        await stack.owners.team(team.id, team.principal, {user: "consultation"}, version=2)
        await until(lambda: _is_member(client, team, user))
        again = await client.put(f"{team.path}/{user}", json={"profile": "consultation"}, headers=headers)
    assert first.json()["request_id"] == again.json()["request_id"] == "add-them"
    assert (again.status_code, again.json()["repeated"]) == (202, True)


async def _is_member(client: Any, there: Scenario, user: str) -> bool:
    return any(m["user"] == user for m in (await client.get(there.path)).json()["members"])


async def test_delete_removes(stack: Stack, team: Scenario) -> None:
    async with stack.as_(team.principal) as client:
        assert (await client.delete(f"{team.path}/{team.writer}")).json()["type"] == "membership.remove.v1"
    _, _, event = await _sent(stack, team.principal)
    assert event.data == {"structure_id": team.id, "user": team.writer}


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({}, "profile", "field_required"),
        ({"profile": "consultation", "user": "sam"}, "user", "field_unknown"),
    ],
)
async def test_a_wrong_body_is_reported_field_by_field(
    stack: Stack, team: Scenario, body: Any, field: str, code: str
) -> None:
    async with stack.as_(team.principal) as client:
        answer = await client.put(f"{team.path}/sam", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert [(e["field"], e["code"]) for e in answer.json()["errors"]] == [(field, code)]
    assert stack.owners.received_from(team.principal) == []


@pytest.mark.parametrize("access_level", ["reader", "writer", "former"])
async def test_whoever_may_not_change_the_team_is_refused_by_its_owner(
    stack: Stack, team: Scenario, access_level: str
) -> None:
    stack.owners.decide = lambda _: {"status": "rejected", "code": "principal_only", "version": 2}
    async with stack.as_(getattr(team, access_level), wait=20) as client:
        for answer in (
            await client.put(f"{team.path}/sam", json={"profile": "modification"}),
            await client.delete(f"{team.path}/{team.writer}"),
        ):
            assert (answer.status_code, answer.json()["code"]) == (403, "principal_only")
