"""What INSEE said is kept as long as it may be believed, and a missing answer never."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from services.insee_adapter import cache as module
from services.insee_adapter import days
from services.insee_adapter.cache import Cache
from shared.clock import SystemClock, instant
from shared.contracts.messages.common import Address
from shared.contracts.messages.insee import (
    Because,
    Establishment,
    InseeAnswer,
    InseeLookUp,
    Result,
    Succession,
    SuccessionResult,
)

SIRET = "13002526500013"


def answer(result: Result, **more: Any) -> InseeAnswer:
    return InseeAnswer(siret=SIRET, result=result, as_of=1_700_000_000_000, **more)


async def get(cache: Cache) -> InseeAnswer | None:
    return (await cache.get([SIRET])).get(SIRET)


async def test_an_answer_comes_back_whole(database: Any) -> None:
    cache = Cache(database)
    kept = answer(
        Result.CLOSED,
        name="$$ROOT",
        address=Address(line1="$siret", city="PARIS"),
        hidden=("address",),
        closed_on="2020-09-01",
    )
    await cache.put(SIRET, kept)
    assert await get(cache) == kept


async def test_the_newest_answer_replaces_the_older(database: Any) -> None:
    cache = Cache(database)
    await cache.put(SIRET, answer(Result.ACTIVE, name="X"))
    await cache.put(SIRET, answer(Result.NOT_FOUND))
    assert await get(cache) == answer(Result.NOT_FOUND)


async def test_no_answer_is_not_kept_and_hides_no_older_one(database: Any) -> None:
    cache = Cache(database)
    await cache.put(SIRET, answer(Result.ACTIVE))
    await cache.put(SIRET, answer(Result.UNAVAILABLE, because=Because.OUTAGE))
    assert await get(cache) == answer(Result.ACTIVE)


@pytest.mark.parametrize("result", [result for result in Result if result is not Result.UNAVAILABLE])
async def test_every_result_expires_in_its_time(database: Any, result: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(module.KEPT, result, 60)
    cache = Cache(database)
    await cache.put(SIRET, answer(result))
    assert await get(cache) is not None
    await asyncio.sleep(0.08)
    assert await get(cache) is None


@pytest.mark.parametrize(
    ("result", "day"), [(Result.ACTIVE, "closes_on"), (Result.RESTRICTED, "closes_on"), (Result.CLOSED, "opens_on"),
                        (Result.MOVED, "closes_on")],
)  # fmt: skip
async def test_no_answer_outlives_the_day_before_a_change_that_it_announces(
    database: Any, result: Result, day: str
) -> None:
    today = days.today(SystemClock().now())
    cache = Cache(database)
    await cache.put(SIRET, answer(result, **{day: today + timedelta(1)}))
    kept = await database["answers"].find_one(SIRET)
    assert instant(kept["expires_at"]) <= instant(days.begins(today + timedelta(1)))
    await cache.put(SIRET, answer(result, **{day: today}))
    assert await get(cache) is None, "the day has begun: the answer was given just before"
    await cache.put(SIRET, answer(result, **{day: today + timedelta(30)}))
    assert await get(cache) is not None


async def test_what_is_said_of_a_doublon_s_target_is_kept_no_longer_than_if_it_had_been_looked_up(
    database: Any,
) -> None:
    await Cache(database).put(SIRET, answer(Result.MOVED, moved_to="00013005000015", moved_to_result=Result.NOT_FOUND))
    kept = await database["answers"].find_one(SIRET)
    assert instant(kept["expires_at"]) <= SystemClock().now() + module.KEPT[Result.NOT_FOUND]


async def test_which_one_carries_on_is_kept_for_minutes_and_an_open_one_is_asked_for_anew_r10(database: Any) -> None:
    cache, key = Cache(database), InseeLookUp(siret=SIRET, successor=True).key
    await cache.put(key, answer(Result.ACTIVE))
    assert await cache.get([key]) == {}
    followed = answer(Result.CLOSED, succession=Succession(result=SuccessionResult.NONE, chain=(SIRET,)))
    await cache.put(key, followed)
    assert await cache.get([key, SIRET]) == {key: followed}, "who asks for no successor has an answer of their own"
    kept = await database["answers"].find_one(key)
    assert instant(kept["expires_at"]) <= SystemClock().now() + module.KEPT_SUCCESSION
    today = days.today(SystemClock().now())
    found = Establishment(siret="30613890001294", closes_on=today)
    await cache.put(
        key, answer(Result.CLOSED, succession=Succession(result=SuccessionResult.FOUND, establishment=found))
    )
    assert await cache.get([key]) == {}, "the day has begun on which the one that carries on is closed"


async def test_what_another_version_kept_and_can_not_be_read_is_looked_up_again(database: Any) -> None:
    cache = Cache(database)
    await cache.put(SIRET, answer(Result.ACTIVE))
    await database["answers"].update_one({"_id": SIRET}, {"$set": {"answer.result": "OF_A_NEWER_VERSION"}})
    assert await get(cache) is None


async def test_mongodb_removes_what_expired(database: Any) -> None:
    await Cache(database).prepare()
    indexes = await database["answers"].index_information()
    assert indexes["expires_at_1"]["expireAfterSeconds"] == 0
