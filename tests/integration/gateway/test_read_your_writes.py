"""Read your writes: what a caller got as an outcome can be read, by a version and on every replica."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from dev.brokers import Brokers
from tests.integration.gateway.conftest import replica
from tests.integration.gateway.stack import Issuer, Stack, fresh_id, fresh_user, readable, until
from tests.integration.gateway.test_follow_a_request import events


@pytest_asyncio.fixture(scope="module")
async def second(gateway_brokers: Brokers, issuer: Issuer) -> AsyncIterator[str]:
    """The address of a second replica."""
    async with replica(gateway_brokers, issuer) as (api, _):
        yield api


class Versioned:
    """Something that has a version, and who may read it."""

    def __init__(self, stack: Stack, kind: str) -> None:
        self.stack, self.kind, self.id, self.user = stack, kind, fresh_id(), fresh_user("principal")
        self.path = {
            "structure": f"/structures/{self.id}",
            "identifier": f"/structures/by-identifier/AUTRE/X{self.id}",
            "team": f"/structures/{self.id}/members",
            "user": f"/users/{self.user}",
        }[kind]

    async def publish(self, version: int) -> None:
        owners = self.stack.owners
        if self.kind == "user":
            await owners.user(self.user, version=version)
        elif self.kind == "team":
            await owners.structure(self.id, self.user)
            await owners.team(self.id, self.user, version=version)
        else:
            await owners.structure(self.id, self.user, version=version)

    def reader(self) -> Any:
        return self.stack.admin()


KINDS = ("structure", "identifier", "team", "user")


@pytest.mark.parametrize("kind", KINDS)
async def test_a_version_that_is_there_is_read_at_once(stack: Stack, kind: str) -> None:
    what = Versioned(stack, kind)
    await what.publish(3)
    async with what.reader() as client:
        await readable(client, what.path)
        for min_version in (0, 1, 3):
            answer = await client.get(what.path, params={"min_version": min_version})
            assert (answer.status_code, answer.json()["version"]) == (200, 3)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_version_that_is_on_its_way_is_waited_for(stack: Stack, kind: str) -> None:
    what = Versioned(stack, kind)
    await what.publish(1)
    async with what.reader() as client:
        await readable(client, what.path)

        async def read() -> Any:
            return await client.get(what.path, params={"min_version": 2})

        async def published() -> None:
            await asyncio.sleep(0.1)  # The reader comes first.
            await what.publish(2)

        async def comes() -> Any:  # On a busy machine half a second may not do: whoever gets 425 tries again.
            answer = await read()
            return answer if answer.status_code == 200 else None

        first, _ = await asyncio.gather(read(), published())
        answer = first if first.status_code == 200 else await until(comes)
    assert answer.json()["version"] == 2


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("there", [True, False])
async def test_a_version_that_does_not_come_is_said_to_be_late(stack: Stack, kind: str, there: bool) -> None:
    what = Versioned(stack, kind)
    async with what.reader() as client:
        if there:
            await what.publish(1)
            await readable(client, what.path)
        started = time.monotonic()
        answer = await client.get(what.path, params={"min_version": 2})
    assert time.monotonic() - started >= 0.5
    assert (answer.status_code, answer.json()["code"]) == (425, "not_yet")
    assert answer.headers["retry-after"] == "1"


@pytest.mark.parametrize("part", ["", "/members"])
async def test_waiting_for_a_version_discloses_nothing_to_a_stranger(stack: Stack, part: str) -> None:
    """Neither that there is a private structure, nor its version: the answer and its time are those of nothing."""
    id_, principal = fresh_id(), fresh_user("principal")
    await stack.owners.structure(id_, principal, sphere="private", version=5)
    await stack.owners.team(id_, principal, version=5)
    async with stack.admin() as admin:
        await readable(admin, f"/structures/{id_}{part}")
    async with stack.as_(fresh_user("stranger")) as client:
        for min_version in (1, 5, 6):
            for structure in (id_, fresh_id()):
                started = time.monotonic()
                answer = await client.get(f"/structures/{structure}{part}", params={"min_version": min_version})
                assert (answer.status_code, answer.json()["code"]) == (425, "not_yet")
                assert time.monotonic() - started >= 0.5


async def test_the_team_of_a_public_structure_discloses_no_version_to_others(stack: Stack) -> None:
    id_, principal = fresh_id(), fresh_user("principal")
    await stack.owners.structure(id_, principal)
    await stack.owners.team(id_, principal, version=5)
    async with stack.as_(fresh_user("stranger")) as client:
        await readable(client, f"/structures/{id_}")
        for min_version in (0, 5, 6):
            answer = await client.get(f"/structures/{id_}/members", params={"min_version": min_version})
            assert (answer.status_code, answer.json()["code"]) == (403, "members_only")


async def test_a_structure_that_its_reader_is_shown_while_they_wait_is_read_by_them(stack: Stack) -> None:
    """What is hidden is waited for as what is not there: once it is theirs, they read it."""
    id_, principal, reader = fresh_id(), fresh_user("principal"), fresh_user("reader")
    await stack.owners.structure(id_, principal, sphere="private", version=5)
    async with stack.as_(reader) as client:

        async def read() -> Any:
            answer = await client.get(f"/structures/{id_}", params={"min_version": 5})
            return answer.status_code == 200

        assert not await read()
        await stack.owners.team(id_, principal, {reader: "consultation"})
        await until(read)


async def test_the_location_is_there_on_every_replica(stack: Stack, second: str) -> None:
    user = fresh_user("writer")
    decisions: tuple[dict[str, Any] | None, ...] = (None, {"version": 2}, {"status": "rejected", "code": "forbidden"})
    for decision in decisions:
        stack.owners.decide = lambda _, decision=decision: decision  # type: ignore[misc]
        async with stack.as_(user, wait=20 if decision else 0) as one, stack.client(second) as other:
            answer = await one.post("/structures/1/activate")
            headers = {"Authorization": one.headers["authorization"]}
            read = await other.get(answer.headers["location"].removeprefix("/api/v1"), headers=headers)
            assert read.status_code == 200
            assert read.json()["status"] == (decision or {"status": "received"}).get("status", "accepted")


async def test_each_replica_answers_its_own_callers(stack: Stack, second: str) -> None:
    stack.owners.decide = lambda event: {"details": {"id": event.id}}

    async def activate(api: str) -> bool:
        async with stack.as_(fresh_user("writer"), wait=20) as client:
            outcome = (await client.post(f"{api}/structures/1/activate")).json()
        return bool(outcome["details"] == {"id": outcome["request_id"]})

    assert all(await asyncio.gather(*(activate(api) for api in (stack.api, second) * 10)))


async def test_a_request_is_followed_on_another_replica(stack: Stack, second: str) -> None:
    user = fresh_user("writer")
    async with stack.as_(user) as one, stack.client(second, headers=dict(one.headers)) as other:
        request = (await one.post("/structures/1/activate")).json()

        async def came() -> Any:
            return stack.owners.received_from(user)

        ((_, _, event),) = await until(came)
        seen = []
        async for step in events(other, f"/requests/{request['request_id']}/events"):
            seen.append(step["data"]["status"])
            if seen == ["received"]:
                await stack.owners.outcome("structure", event, status="rejected", code="forbidden", version=1)
    assert seen == ["received", "rejected"]


async def test_an_id_is_one_request_whichever_replica_it_is_sent_to(stack: Stack, second: str) -> None:
    headers = {"Idempotency-Key": "everywhere"}
    async with stack.as_(fresh_user("writer")) as client:
        first = await client.patch("/structures/1", json={"label": "a"}, headers=headers)
        again = await client.patch(f"{second}/structures/1", json={"label": "a"}, headers=headers)
        other = await client.patch(f"{second}/structures/1", json={"label": "b"}, headers=headers)
    assert (first.json()["repeated"], again.json()["repeated"]) == (False, True)
    assert (other.status_code, other.json()["code"]) == (409, "request_id_reused")
