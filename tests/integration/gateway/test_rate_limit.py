"""How often one caller may call: two gateways on one MongoDB, as processes of their own."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from dev.brokers import Brokers
from gateway.api.rate_limit.rates import Rate
from gateway.api.rate_limit.store import MongoPermits
from gateway.app import PROCESS
from shared.contracts import codes
from shared.mongo.client import connect
from shared.runtime.settings import MongoSettings
from tests.integration.gateway.conftest import settings
from tests.integration.gateway.processes import ELSEWHERE, Gateway, bystander, gateway
from tests.integration.gateway.stack import ADMIN, Issuer, Stack, fresh_id, fresh_user, until
from tests.integration.gateway.test_brokers_away import frozen
from tests.support.contract import check_answer

PERSON, TECHNICAL, ADMINISTRATOR, ADDRESS = Rate(5, 20), Rate(50, 200), Rate(20, 80), Rate(10, 60)
AT_ONCE = 4


@pytest_asyncio.fixture(scope="module")
async def two(
    gateway_brokers: Brokers, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Sequence[Gateway]]:
    logs = tmp_path_factory.mktemp("limited")
    rates = {
        "RATE_PERSON": str(PERSON),
        "RATE_TECHNICAL": str(TECHNICAL),
        "RATE_ADMINISTRATOR": str(ADMINISTRATOR),
        "RATE_ADDRESS": str(ADDRESS),
        "CALLS_UNDER_WAY": str(AT_ONCE),
    }
    async with AsyncExitStack() as contexts:
        starting = [
            contexts.enter_async_context(gateway(settings(gateway_brokers, issuer, **rates), logs / name))
            for name in ("first", "second")
        ]
        yield [await each for each in starting]


@asynccontextmanager
async def calling(address: str | None = None, **headers: str) -> AsyncIterator[httpx2.AsyncClient]:
    """Give a client from an address of this machine; every answer is held against the contract."""
    transport = httpx2.AsyncHTTPTransport(local_address=address)
    hooks: Any = {"response": [check_answer]}
    async with httpx2.AsyncClient(transport=transport, headers=headers, timeout=30, event_hooks=hooks) as client:
        yield client


@asynccontextmanager
async def as_(stack: Stack, of: Sequence[Gateway], **claims: Any) -> AsyncIterator[httpx2.AsyncClient]:
    """Give a client whose token both gateways have verified: before that a call counts for its address."""
    token = stack.issuer.token(fresh_user("u"), **claims)
    async with calling(ELSEWHERE, Authorization=f"Bearer {token}") as client:

        async def authenticated() -> bool:
            return all([(await client.get(f"{each.api}/me")).status_code == 200 for each in of])

        await until(authenticated)
        yield client


async def calls(client: httpx2.AsyncClient, of: Sequence[Gateway], count: int) -> list[httpx2.Response]:
    """Make so many calls, in turn to each gateway, a few at a time."""
    answers: list[httpx2.Response] = []
    for start in range(0, count, AT_ONCE):
        numbers = range(start, min(count, start + AT_ONCE))
        answers += await asyncio.gather(*(client.get(f"{of[n % len(of)].api}/codes") for n in numbers))
    return answers


def passed(answers: Sequence[httpx2.Response]) -> int:
    """Return how many were not refused for being too many."""
    assert {answer.status_code for answer in answers} <= {200, 401, 429}
    return sum(answer.status_code != 429 for answer in answers)


@pytest.mark.parametrize(
    ("rate", "claims"),
    [
        (PERSON, {}),
        (ADMINISTRATOR, {"scope": ADMIN}),
        (TECHNICAL, {"sub": "system", "azp": "system"}),
    ],
    ids=["person", "administrator", "technical account"],
)
async def test_each_kind_of_caller_has_its_rate_over_all_gateways(
    stack: Stack, two: Sequence[Gateway], rate: Rate, claims: dict[str, Any]
) -> None:
    async with bystander(stack, two[0].api, every=1), as_(stack, two, **claims) as client:
        started = time.monotonic()
        answers = await calls(client, two, 3 * rate.burst)
        seconds = time.monotonic() - started
    # The first calls, that verified the token, took permits of the address; each gateway may hold a second's worth.
    assert rate.burst - 2 * rate.per_second <= passed(answers)
    assert passed(answers) <= rate.burst + rate.per_second * (seconds + len(two)) + 1


async def test_whoever_calls_too_often_learns_when_to_call_again(stack: Stack, two: Sequence[Gateway]) -> None:
    async with as_(stack, two) as client:
        refused = [answer for answer in await calls(client, two, 60) if answer.status_code == 429]
        answer = refused[-1]
        seconds = int(answer.headers["retry-after"])
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["ratelimit-policy"] == '"calls";q=20;w=4'
        assert answer.headers["ratelimit"] == f'"calls";r=0;t={seconds}'
        problem = answer.json()
        assert (problem["code"], problem["details"]) == ("too_many_requests", {"retry_after": seconds})
        assert problem["title"] == codes.sentence("too_many_requests", {"retry_after": seconds})
        assert sum([await each.refused("too_many_requests") for each in two]) >= len(refused)
        await asyncio.sleep(seconds)
        again = await calls(client, two[:1], 1)
        assert passed(again) == 1


async def test_one_caller_is_limited_and_another_is_not(stack: Stack, two: Sequence[Gateway]) -> None:
    async with as_(stack, two) as first, as_(stack, two) as second:
        assert passed(await calls(first, two, 60)) < 60
        assert passed(await calls(second, two, 4)) == 4


async def test_without_a_token_an_address_is_limited_and_who_is_authenticated_is_not(
    stack: Stack, two: Sequence[Gateway]
) -> None:
    """Whatever it sends: no token, one that does not authenticate, a path that there isn't."""
    one = two[:1]
    async with as_(stack, one) as authenticated, calling(Authorization="Bearer a.b.c") as flood:
        started = time.monotonic()
        answers = [
            await flood.get(f"{one[0].api}{path}") for _ in range(ADDRESS.burst) for path in ("/me", "/codes", "/none")
        ]
        seconds = time.monotonic() - started
        through = sum(answer.status_code != 429 for answer in answers)
        assert ADDRESS.burst <= through <= ADDRESS.burst + ADDRESS.per_second * seconds + 1
        async with calling("127.0.0.3") as elsewhere:
            assert (await elsewhere.get(f"{one[0].api}/me")).status_code == 401
        assert passed(await calls(authenticated, one, 1)) == 1


async def test_streams_count_as_one_call_each_and_so_many_may_be_open(stack: Stack, two: Sequence[Gateway]) -> None:
    one = two[0]
    async with as_(stack, two[:1], scope=ADMIN) as client, AsyncExitStack() as streams:
        request = (await client.post(f"{one.api}/structures/{fresh_id()}/activate")).json()
        for _ in range(AT_ONCE):
            opened = client.stream("GET", f"{one.api}/requests/{request['request_id']}/events")
            assert (await streams.enter_async_context(opened)).status_code == 200
        refused = await client.get(f"{one.api}/codes")
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_at_once")
        assert refused.headers["retry-after"] == "1"
        await streams.aclose()

        async def free() -> bool:
            return (await client.get(f"{one.api}/codes")).status_code == 200

        await until(free)


async def test_without_mongodb_each_gateway_goes_on_with_a_limit_of_its_own(
    stack: Stack, two: Sequence[Gateway], gateway_brokers: Brokers
) -> None:
    one = two[:1]
    async with as_(stack, one) as client:
        with frozen(gateway_brokers.mongo):
            started = time.monotonic()
            answers = await calls(client, one, 80)
            seconds = time.monotonic() - started
        through = passed(answers)
        # What was leased before, a burst of its own, and what the rate gives meanwhile.
        assert PERSON.burst <= through <= PERSON.burst + PERSON.per_second * (seconds + 2) + 1
    assert "rates are limited by each replica alone" in one[0].logged("warning")


@pytest_asyncio.fixture
async def permits(gateway_brokers: Brokers) -> AsyncIterator[tuple[MongoPermits, Any]]:
    database = connect(MongoSettings(uri=gateway_brokers.service_mongo_uri(PROCESS), database=PROCESS))
    yield MongoPermits(database), database["rate_limits"]
    database.client.close()


async def test_a_shared_bucket_gives_what_it_has_and_fills_by_mongodb_s_clock(
    permits: tuple[MongoPermits, Any],
) -> None:
    shared, collection = permits
    caller, rate = fresh_user("u"), Rate(4, 40)
    started = time.monotonic()
    granted = [await shared.lease(caller, rate, 30) for _ in range(4)]
    seconds = time.monotonic() - started
    assert granted[0] == 30
    assert 40 <= sum(granted) <= 40 + 4 * seconds + 1
    await asyncio.sleep(1)
    seconds = time.monotonic() - started
    granted.append(await shared.lease(caller, rate, 30))
    assert granted[-1] >= 3
    assert sum(granted) <= 40 + 4 * seconds + 1
    kept = await collection.find_one({"_id": caller})
    assert 60 <= (kept["expires_at"] - kept["at"]).total_seconds() <= 120, "then it is forgotten: it is full again"


async def test_many_replicas_at_once_get_no_more_than_there_is(permits: tuple[MongoPermits, Any]) -> None:
    shared, _ = permits
    caller, rate = fresh_user("u"), Rate(1, 50)
    started = time.monotonic()
    granted = await asyncio.gather(*(shared.lease(caller, rate, 7) for _ in range(30)))
    assert 50 <= sum(granted) <= 50 + (time.monotonic() - started) + 1


async def test_an_index_forgets_callers(permits: tuple[MongoPermits, Any]) -> None:
    _, collection = permits
    assert (await collection.index_information())["expires"]["expireAfterSeconds"] == 0
