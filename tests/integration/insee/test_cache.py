"""What INSEE said is kept as long as it may be believed, and a missing answer never."""

import asyncio
from typing import Any

import pytest

from services.insee_adapter import cache as module
from services.insee_adapter.cache import Cache
from shared.messages.common import Address
from shared.messages.insee import Because, InseeAnswer, Result

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
    await cache.put(kept)
    assert await get(cache) == kept


async def test_the_newest_answer_replaces_the_older(database: Any) -> None:
    cache = Cache(database)
    await cache.put(answer(Result.ACTIVE, name="X"))
    await cache.put(answer(Result.NOT_FOUND))
    assert await get(cache) == answer(Result.NOT_FOUND)


async def test_no_answer_is_not_kept_and_hides_no_older_one(database: Any) -> None:
    cache = Cache(database)
    await cache.put(answer(Result.ACTIVE))
    await cache.put(answer(Result.UNAVAILABLE, because=Because.OUTAGE))
    assert await get(cache) == answer(Result.ACTIVE)


@pytest.mark.parametrize("result", [result for result in Result if result is not Result.UNAVAILABLE])
async def test_every_result_expires_in_its_time(database: Any, result: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(module.KEPT, result, 60)
    cache = Cache(database)
    await cache.put(answer(result))
    assert await get(cache) is not None
    await asyncio.sleep(0.08)
    assert await get(cache) is None


async def test_mongodb_removes_what_expired(database: Any) -> None:
    await Cache(database).prepare()
    indexes = await database["answers"].index_information()
    assert indexes["expires_at_1"]["expireAfterSeconds"] == 0
