"""Kafka or MongoDB that does not answer: a problem with a code in bounded time, never a hang; then all is as before."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest_asyncio

from dev.brokers import Brokers
from tests.integration.gateway.conftest import replica
from tests.integration.gateway.stack import Issuer, Stack, fresh_id, fresh_user, readable, until
from tests.support.contract import operations

PATIENCE = 3
BOUND = 40
"""Seconds within which an answer has to come: far above the patience, for a machine that does other things too."""


@pytest_asyncio.fixture(scope="module")
async def impatient(gateway_brokers: Brokers, issuer: Issuer) -> AsyncIterator[str]:
    async with replica(gateway_brokers, issuer, BROKER_PATIENCE=f"{PATIENCE}s") as (api, _):
        yield api


@contextmanager
def frozen(broker: Any) -> Iterator[None]:
    """Freeze a broker: its connections stay open and nothing answers, which is the worst way to be away."""
    for node in broker.nodes:
        node.pause()
    try:
        yield
    finally:
        for node in broker.nodes:
            node.resume()


async def test_without_kafka_writes_are_refused_in_time_and_reads_go_on(
    stack: Stack, gateway_brokers: Brokers, impatient: str
) -> None:
    id_, user = fresh_id(), fresh_user("principal")
    await stack.owners.structure(id_, user)
    async with stack.as_(user) as client, stack.as_(fresh_user("newcomer")) as newcomer:
        await readable(client, f"{impatient}/structures/{id_}")
        await client.post(f"{impatient}/structures/{id_}/activate")
        with frozen(gateway_brokers.kafka):
            started = time.monotonic()
            answer = await client.post(f"{impatient}/structures/{id_}/activate", headers={"Idempotency-Key": "later"})
            assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
            assert answer.json()["request_id"] == "later"
            assert answer.headers["retry-after"] == "10"
            assert time.monotonic() - started < BOUND
            assert (await client.get(f"{impatient}/structures/{id_}")).status_code == 200
            # Somebody new would be registered on Kafka: they read all the same.
            assert (await newcomer.get(f"{impatient}/structures/{id_}")).status_code == 200
            look_up = await client.get(f"{impatient}/insee/41816609600069")
            assert (look_up.status_code, look_up.json()["code"]) in {(503, "insee_unavailable"), (503, "unavailable")}

        async def taken() -> Any:
            again = await client.post(f"{impatient}/structures/{id_}/activate", headers={"Idempotency-Key": "later"})
            return again.status_code == 202

        await until(taken, within=60)

        async def came() -> Any:
            return [event for _, _, event in stack.owners.received_from(user) if event.id == "later"]

        await until(came, within=60)


async def test_without_mongodb_everything_is_refused_in_time(
    stack: Stack, gateway_brokers: Brokers, impatient: str
) -> None:
    id_, user = fresh_id(), fresh_user("principal")
    await stack.owners.structure(id_, user)
    paths = [
        path.replace("{structure_id}", str(id_)).replace("{type}/{value}", f"AUTRE/X{id_}")
        for method, path, operation in operations()
        if method == "get" and operation.get("security") != []
    ]
    paths = [p.format(request_id="x", user=user, siret="41816609600069").removeprefix("/api/v1") for p in paths]
    async with stack.admin() as client:
        await readable(client, f"{impatient}/structures/{id_}")
        with frozen(gateway_brokers.mongo):
            started = time.monotonic()
            answers = await asyncio.gather(
                *(client.get(impatient + path) for path in paths),
                client.post(f"{impatient}/structures/{id_}/activate"),
            )
            assert time.monotonic() - started < BOUND
            assert {(a.status_code, a.json()["code"]) for a in answers} == {(503, "unavailable")}
            assert (await client.get(f"{impatient}/codes")).status_code == 200

        async def works() -> bool:
            answers = [await client.get(f"{api}/structures/{id_}") for api in (impatient, stack.api)]
            return all(answer.status_code == 200 for answer in answers)

        await until(works, within=60)
    other = fresh_id()
    await stack.owners.structure(other, user)
    async with stack.as_(user) as client:

        async def read() -> Any:
            return (await client.get(f"/structures/{other}")).status_code == 200

        await until(read, within=60)


async def test_a_stream_of_events_goes_on_once_mongodb_is_back(
    stack: Stack, gateway_brokers: Brokers, impatient: str
) -> None:
    """Broken off, it would be opened again, and a client that gets 503 then gives up for good."""
    id_, user = fresh_id(), fresh_user("principal")
    async with stack.as_(user) as client:
        request = (await client.post(f"{impatient}/structures/{id_}/activate")).json()
        step = {"actor": user, "request_id": request["request_id"]}
        ids = []
        async with client.stream("GET", f"{impatient}/requests/{request['request_id']}/events") as stream:
            async for line in stream.aiter_lines():
                if not line.startswith("id: "):
                    continue
                ids.append(line)
                if len(ids) == 1:
                    with frozen(gateway_brokers.mongo):
                        # The stream looks by itself after five seconds at most, and that look takes its patience.
                        await asyncio.sleep(5 + 2 * PATIENCE)
                    await stack.owners.journal("structure", status="rejected", code="forbidden", version=1, **step)
        assert len(ids) == 2


async def test_without_an_issuer_a_known_key_still_authenticates_and_an_unknown_one_can_not(
    stack: Stack, gateway_brokers: Brokers, issuer: Issuer
) -> None:
    """The issuer is asked for keys it has not published yet; while it is away, that is nobody's fault but ours."""
    away = Issuer("http://127.0.0.1:9", issuer.keys)
    async with (
        replica(gateway_brokers, issuer, OIDC_ISSUER=away.address) as (api, health),
        stack.client(headers={"Authorization": f"Bearer {away.token('u')}"}) as client,
    ):
        answer = await client.get(f"{api}/me")
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        problems = await health.ready()
        assert any(problem.startswith("issuer") for problem in problems)
        assert any(problem.startswith("own token") for problem in problems)
