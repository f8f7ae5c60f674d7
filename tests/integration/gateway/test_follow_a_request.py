"""Server-sent events: each step once, in order; the stream ends by itself."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import httpx2
import pytest
from prometheus_client import REGISTRY

from shared.contracts.messages.cloudevents import Event
from tests.integration.gateway.stack import Stack, fresh_id, fresh_user, readable, until

Item = dict[str, Any]


async def events(client: httpx2.AsyncClient, path: str, *, after: str | None = None) -> AsyncGenerator[Item, None]:
    """Yield the events of a stream: their names, ids and data."""
    headers = {b"Last-Event-ID": after.encode("latin-1")} if after is not None else {}
    async with client.stream("GET", path, headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["cache-control"].startswith("no-")
        async for event in _events_of(answer):
            yield event


async def _events_of(answer: httpx2.Response) -> AsyncGenerator[Item, None]:
    event: Item = {}
    async for line in answer.aiter_lines():
        name, _, value = line.partition(": ")
        if line.startswith(":"):
            continue
        if line:
            event[name] = json.loads(value) if name == "data" else value
        elif event:
            yield event
            event = {}


async def submitted(stack: Stack, client: httpx2.AsyncClient, user: str, path: str = "/structures/1/activate") -> Event:
    """Make a request; return it as its owner sees it."""
    answer = await client.post(path)

    async def came() -> Event | None:
        sent = (event for _, _, event in stack.owners.received_from(user))
        return next((event for event in sent if event.id == answer.json()["request_id"]), None)

    event: Event = await until(came)
    return event


async def test_steps_are_sent_in_order_as_they_come_and_the_last_one_ends_the_stream(stack: Stack) -> None:
    user = fresh_user("maker")
    async with stack.as_(user) as client:
        event = await submitted(stack, client, user)
        seen: list[str] = []
        async for item in events(client, f"/requests/{event.id}/events"):
            assert item["event"] == "step"
            seen.append(item["data"]["status"])
            if seen[-1] == "received":
                await stack.owners.outcome("structure", event, status="waiting", code="waiting_copy", version=0)
            if seen[-1] == "waiting":
                await stack.owners.outcome("structure", event, status="accepted", version=1)
                await stack.owners.outcome("structure", event, status="accepted", version=1, repeated=True)
            if seen[-1] == "accepted":
                await stack.owners.outcome("structure", event, status="applied", version=2)
        assert seen == ["received", "waiting", "accepted", "applied"]
        # Whoever comes later receives all of it at once.
        again = [item async for item in events(client, f"/requests/{event.id}/events")]
        assert [item["data"]["status"] for item in again] == seen
        assert again[-1]["data"]["message"] == "Votre demande est effective."


async def test_a_stream_goes_on_after_the_last_event_that_was_received(stack: Stack) -> None:
    user = fresh_user("maker")
    async with stack.as_(user) as client:
        event = await submitted(stack, client, user)
        await stack.owners.journal("structure", actor=user, request_id=event.id, status="accepted", version=1)
        await stack.owners.journal("structure", actor=user, request_id=event.id, status="applied", version=2)
        path = f"/requests/{event.id}/events"

        async def ended() -> bool:
            return bool((await client.get(f"/requests/{event.id}")).json()["status"] == "applied")

        await until(ended)
        whole = [item async for item in events(client, path)]
        assert [item["data"]["status"] for item in whole] == ["received", "accepted", "applied"]
        for place in range(len(whole) - 1):
            rest = [item async for item in events(client, path, after=whole[place]["id"])]
            assert rest == whole[place + 1 :]


async def test_a_client_that_has_received_the_last_event_is_not_to_come_again(stack: Stack) -> None:
    """204, as the WHATWG says: whatever else ends a stream, a browser connects again, every three seconds, for ever."""
    user = fresh_user("maker")
    async with stack.as_(user) as client:
        event = await submitted(stack, client, user)
        step = {"actor": user, "request_id": event.id}
        received: list[Item] = []
        connections = 0

        async def connect() -> int:
            last = {"Last-Event-ID": received[-1]["id"]} if received else {}
            async with client.stream("GET", f"/requests/{event.id}/events", headers=last) as answer:
                async for item in _events_of(answer):
                    received.append(item)
                    if item["data"]["status"] == "received":
                        await stack.owners.journal("structure", status="accepted", version=1, **step)
                        break  # The connection is lost in the middle.
                    if item["data"]["status"] == "accepted":
                        await stack.owners.journal("structure", status="applied", version=2, **step)
                return int(answer.status_code)

        async with asyncio.timeout(60):
            while await connect() == 200:
                connections += 1
        assert [item["data"]["status"] for item in received] == ["received", "accepted", "applied"]
        assert connections == 2


async def test_who_has_received_the_last_step_so_far_waits_for_the_next(stack: Stack) -> None:
    user = fresh_user("maker")
    async with stack.as_(user) as client:
        event = await submitted(stack, client, user)
        path = f"/requests/{event.id}/events"
        following = events(client, path)
        first = await anext(following)
        await following.aclose()

        async def the_rest() -> list[Item]:
            return [item async for item in events(client, path, after=first["id"])]

        waiting = asyncio.create_task(the_rest())
        await asyncio.sleep(0.5)
        assert not waiting.done(), "nothing has come, and it has not ended"
        await stack.owners.outcome("structure", event, status="rejected", code="forbidden", version=1)
        assert [item["data"]["status"] for item in await waiting] == ["rejected"]


async def test_a_client_that_leaves_is_forgotten(stack: Stack) -> None:
    user = fresh_user("maker")
    async with stack.as_(user) as client:
        event = await submitted(stack, client, user)
        before = open_streams()
        following = [events(client, f"/requests/{event.id}/events") for _ in range(5)]
        for one in following:
            await anext(one)
        assert open_streams() == before + 5
        for one in following:
            await one.aclose()

        async def all_left() -> bool:
            return open_streams() == before

        await until(all_left)


def open_streams() -> float:
    return float(REGISTRY.get_sample_value("structures_http_streams") or 0)


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream", "text/html, */*;q=0.1", "nonsense", ""])
async def test_whatever_a_client_accepts_it_is_given_events_and_problems(stack: Stack, accept: str) -> None:
    user = fresh_user("maker")
    async with stack.as_(user) as client:
        event = await submitted(stack, client, user)
        await stack.owners.outcome("structure", event, status="rejected", code="forbidden", version=1)
        async with client.stream("GET", f"/requests/{event.id}/events", headers={"Accept": accept}) as answer:
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/event-stream")
        answer = await client.get("/requests/none/events", headers={"Accept": accept})
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


@pytest.mark.parametrize("last", ["", "x", "-1", "²", "9" * 5000, "1.5", "2", "999999999999999999", "0, 7"])
async def test_a_last_event_id_that_is_none_of_ours_starts_anew(stack: Stack, last: str) -> None:
    user = fresh_user("maker")
    async with stack.as_(user) as client:
        event = await submitted(stack, client, user)
        await stack.owners.outcome("structure", event, status="rejected", code="forbidden", version=1)
        await stack.owners.journal("structure", actor=user, request_id=event.id, status="rejected", version=1)
        received = [t async for t in events(client, f"/requests/{event.id}/events", after=last)]
    assert [t["data"]["status"] for t in received] == ["received", "rejected"]


async def test_a_stream_ends_when_the_token_does(stack: Stack) -> None:
    user = fresh_user("maker")
    async with stack.as_(user, expires_in=2) as client:
        event = await submitted(stack, client, user)
        started = time.monotonic()
        received = [t async for t in events(client, f"/requests/{event.id}/events")]
    assert [t["data"]["status"] for t in received] == ["received"]
    assert time.monotonic() - started < 15


SOON = 15
"""Seconds within which a stream ends once its reader may not read any more, on a busy machine too."""


async def _ends(client: httpx2.AsyncClient, path: str, *, after: Callable[[], Awaitable[None]]) -> None:
    """Follow a request that does not end; once its first step came let something happen, which ends the stream."""

    async def follow() -> list[str]:
        seen: list[str] = []
        async for item in events(client, path):
            if not seen:
                await after()
            seen.append(item["data"]["status"])
        return seen

    assert await asyncio.wait_for(follow(), SOON) == ["received"]


async def test_a_stream_ends_when_its_reader_is_no_member_any_more(stack: Stack) -> None:
    id_, maker, reader = fresh_id(), fresh_user("maker"), fresh_user("reader")
    await stack.owners.structure(id_, maker, sphere="private")
    await stack.owners.team(id_, maker, {reader: "consultation"})
    async with stack.as_(maker) as first, stack.as_(reader) as client:
        await readable(client, f"/structures/{id_}")
        request_id = (await first.post(f"/structures/{id_}/activate")).json()["request_id"]
        path = f"/requests/{request_id}/events?actor={maker}"
        await _ends(client, path, after=lambda: stack.owners.team(id_, maker, {reader: "ended"}, version=2))
        assert (await client.get(path)).status_code == 404


async def test_a_stream_ends_when_the_account_of_its_reader_is_closed(stack: Stack) -> None:
    user = fresh_user("maker")
    async with stack.as_(user) as client:
        request_id = (await client.post("/structures/1/activate")).json()["request_id"]
        path = f"/requests/{request_id}/events"
        await _ends(client, path, after=lambda: stack.owners.user(user, active=False, version=9))
        assert (await client.get(path)).status_code == 403


async def test_a_step_that_came_after_the_permission_went_is_sent_to_nobody(stack: Stack) -> None:
    id_, maker, reader = fresh_id(), fresh_user("maker"), fresh_user("reader")
    await stack.owners.structure(id_, maker, sphere="private")
    await stack.owners.team(id_, maker, {reader: "consultation"})
    async with stack.as_(maker) as first, stack.as_(reader) as client:
        await readable(client, f"/structures/{id_}")
        event = await submitted(stack, first, maker, f"/structures/{id_}/activate")

        async def gone() -> bool:
            return (await client.get(f"/structures/{id_}")).status_code == 404

        async def removed_and_then_decided() -> None:
            await stack.owners.team(id_, maker, {reader: "ended"}, version=2)
            await until(gone)
            await stack.owners.outcome("structure", event, status="accepted", version=7)

        path = f"/requests/{event.id}/events?actor={maker}"
        await _ends(client, path, after=removed_and_then_decided)


async def test_a_request_that_came_by_kafka_is_followed_too(stack: Stack) -> None:
    """Its outcomes carry a correlation id of somebody else."""
    user, request_id = fresh_user("maker"), f"kafka-{fresh_id()}"
    await stack.owners.journal("structure", actor=user, request_id=request_id, status="accepted", version=1)
    async with stack.as_(user) as client:
        await until(lambda: _is_there(client, request_id))
        seen = []
        async for item in events(client, f"/requests/{request_id}/events"):
            seen.append(item["data"]["status"])
            event = Event(request_id, "structure.modify.v1", {"actor": user, "correlationid": "theirs"}, {}, None)
            await stack.owners.outcome("structure", event, status="applied", version=2)
    assert seen == ["accepted", "applied"]


async def _is_there(client: httpx2.AsyncClient, request_id: str) -> bool:
    return (await client.get(f"/requests/{request_id}")).status_code == 200


async def test_many_follow_one_request(stack: Stack) -> None:
    user = fresh_user("maker")
    async with stack.as_(user) as client:
        event = await submitted(stack, client, user)

        seen: list[list[str]] = [[] for _ in range(20)]

        async def follow(statuses: list[str]) -> None:
            async for step in events(client, f"/requests/{event.id}/events"):
                statuses += [step["data"]["status"]]

        async def all_follow() -> bool:
            return all(seen)

        following = [asyncio.create_task(follow(statuses)) for statuses in seen]
        # An outcome is published once, and this one stands in no journal: whoever came later would wait for it in vain.
        await until(all_follow)
        await stack.owners.outcome("structure", event, status="rejected", code="forbidden", version=1)
        await asyncio.gather(*following)
        assert seen == [["received", "rejected"]] * 20


@pytest.mark.parametrize("who", ["anonymous", "stranger"])
async def test_who_may_not_read_a_request_may_not_follow_it(stack: Stack, who: str) -> None:
    user = fresh_user("maker")
    async with stack.as_(user) as client:
        event = await submitted(stack, client, user)
    async with stack.anonymous() if who == "anonymous" else stack.as_(fresh_user("stranger")) as client:
        answer = await client.get(f"/requests/{event.id}/events", params={"actor": user})
    assert answer.status_code == (401 if who == "anonymous" else 404)
