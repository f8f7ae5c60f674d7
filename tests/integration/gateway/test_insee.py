"""What INSEE says, before a creation: a bounded wait, and a quota per caller."""

import asyncio
import time
from typing import Any

import pytest
import pytest_asyncio

from dev.brokers import Brokers
from tests.integration.gateway.conftest import replica
from tests.integration.gateway.stack import Issuer, Stack, fresh_user, until

SIRET = "41816609600069"


async def look_up(stack: Stack, *answers: dict[str, Any]) -> Any:
    """Look a SIRET up, and get these answers one after another."""
    if answers:
        stack.owners.decide = lambda _: answers[0]
    async with stack.as_(fresh_user("u")) as client:
        return await client.get(f"/insee/{SIRET}")


async def test_an_establishment_is_returned_as_insee_describes_it(stack: Stack) -> None:
    address = {"line1": "1 rue Haute", "postcode": "69003", "city": "Lyon", "country": "FR"}
    fields = {"result": "ACTIVE", "name": "EXEMPLE", "address": address, "legal_category": "5710"}
    answer = await look_up(stack, fields)
    assert answer.status_code == 200
    assert answer.json() == {"siret": SIRET, "as_of": "1970-01-01T00:00:00.000Z", **fields}


async def test_the_question_names_the_caller_and_how_long_they_wait(stack: Stack) -> None:
    user = fresh_user("u")
    stack.owners.decide = lambda _: {"result": "NOT_FOUND"}
    async with stack.as_(user) as client:
        await client.get("/insee/418 166 096 00069")
    look_ups = [
        (key, e) for topic, key, e in stack.owners.received if topic == "insee.requests" and e.data["actor"] == user
    ]
    ((key, event),) = look_ups
    assert (key, event.type) == (SIRET.encode(), "insee.look-up.v1")
    assert event.data == {"siret": SIRET, "actor": user, "fresh": False, "successor": False, "max_wait": 1000}


@pytest.mark.parametrize(
    ("fields", "code", "sentence"),
    [
        ({"result": "CLOSED", "closed_on": "2020-01-01"}, "siret_closed", "1er\u00a0janvier 2020"),
        ({"result": "MOVED", "moved_to": "00012005000016"}, "siret_moved", "00012005000016"),
    ],
)
async def test_why_a_structure_could_not_be_created_is_returned_too(
    stack: Stack, fields: dict[str, Any], code: str, sentence: str
) -> None:
    answer = await look_up(stack, fields)
    assert (answer.status_code, answer.json()["code"]) == (200, code)
    assert sentence in answer.json()["message"]


async def test_an_unknown_establishment_is_not_found(stack: Stack) -> None:
    answer = await look_up(stack, {"result": "NOT_FOUND"})
    assert (answer.status_code, answer.json()["code"]) == (404, "siret_not_found")


async def test_an_unreachable_insee_is_said_to_be_so(stack: Stack) -> None:
    answer = await look_up(stack, {"result": "UNAVAILABLE", "because": "OUTAGE"})
    assert (answer.status_code, answer.json()["code"]) == (503, "insee_unavailable")


async def test_an_answer_after_a_first_failure_is_waited_for(stack: Stack) -> None:
    user = fresh_user("u")
    stack.owners.decide = lambda _: {"result": "UNAVAILABLE", "because": "OUTAGE", "retry_after": 1}

    async def then() -> None:
        async def look_ups() -> Any:
            return [e for t, _, e in stack.owners.received if t == "insee.requests" and e.data["actor"] == user]

        await stack.owners.insee((await until(look_ups))[0], result="ACTIVE", name="X")

    async with stack.as_(user) as client:
        answer, _ = await asyncio.gather(client.get(f"/insee/{SIRET}"), then())
    # On a busy machine the second answer may come after the wait: then the first one is what is known.
    assert (answer.status_code, answer.json().get("code")) in {(200, None), (503, "insee_unavailable")}
    assert answer.status_code == 503 or answer.json()["name"] == "X"


async def test_the_wait_is_bounded(stack: Stack) -> None:
    started = time.monotonic()
    answer = await look_up(stack)
    assert (answer.status_code, answer.json()["code"]) == (503, "insee_unavailable")
    assert 1 <= time.monotonic() - started < 15


@pytest.mark.parametrize("siret", ["4181660960006", "é", "x" * 41])
async def test_what_can_be_no_siret_is_refused_and_costs_nothing(stack: Stack, siret: str) -> None:
    user = fresh_user("u")
    stack.owners.decide = lambda _: {"result": "NOT_FOUND"}
    async with stack.as_(user) as client:
        for _ in range(4):
            answer = await client.get(f"/insee/{siret}")
            (wrong,) = answer.json()["errors"]
            assert (answer.status_code, wrong["field"]) == (422, "path.siret")
            assert len(siret) > 40 or "14\u00a0chiffres, par exemple" in wrong["message"]
        assert (await client.get(f"/insee/{SIRET}")).status_code == 404


@pytest_asyncio.fixture(scope="module")
async def second(gateway_brokers: Brokers, issuer: Issuer) -> Any:
    async with replica(gateway_brokers, issuer) as (api, _):
        yield api


async def test_each_caller_has_a_quota_whatever_the_replica(stack: Stack, second: str) -> None:
    stack.owners.decide = lambda _: {"result": "NOT_FOUND"}
    user = fresh_user("u")
    async with stack.as_(user) as client:
        statuses = [(await client.get(f"{api}/insee/{SIRET}")).status_code for api in (stack.api, second, stack.api)]
        assert statuses == [404, 404, 404]
        for api in (stack.api, second):
            refused = await client.get(f"{api}/insee/{SIRET}")
            assert (refused.status_code, refused.json()["code"]) == (429, "insee_quota")
            assert 1 <= int(refused.headers["retry-after"]) <= 24 * 3600
            assert f"dans {refused.headers['retry-after']}\u00a0s." in refused.json()["title"]
    async with stack.as_(fresh_user("another")) as client:
        assert (await client.get(f"/insee/{SIRET}")).status_code == 404


async def test_anonymous_looks_nothing_up(stack: Stack) -> None:
    async with stack.anonymous() as nobody:
        assert (await nobody.get(f"/insee/{SIRET}")).status_code == 401
