"""The quota is never exceeded, whatever INSEE's window, however many replicas share it, whoever dies."""

import asyncio
import random
import time
from typing import Any

import pytest

from dev.insee.window import Window
from services.insee_adapter.quota import Permit, Quota, Spending, Wait
from services.insee_adapter.responses import NoAnswer
from shared.contracts.messages.insee import Because


def now() -> int:
    return time.time_ns() // 1_000_000


async def take(quota: Quota) -> Permit:
    taken = await quota.take()
    assert isinstance(taken, Permit)
    return taken


async def wait_for_a_permit(quota: Quota) -> float:
    """Return how many seconds it took until there was one."""
    began = time.monotonic()
    async with asyncio.timeout(10):
        while isinstance(await quota.take(), Wait):  # noqa: ASYNC110 - MongoDB notifies nobody when it comes back.
            await asyncio.sleep(0.01)
    return time.monotonic() - began


@pytest.mark.parametrize("seed", [1, 2])
async def test_many_replicas_never_call_too_often_and_hardly_too_rarely(database: Any, seed: int) -> None:
    limit, length, lasts = 12, 400, 3.0
    chance = random.Random(seed)
    insee = Window(limit, length)
    end = time.monotonic() + lasts

    async def replica() -> None:
        quota = Quota(database, limit=limit, window=length, call_ms=500, margin=10)
        while time.monotonic() < end:
            taken = await quota.take()
            if isinstance(taken, Wait):
                await asyncio.sleep(taken.ms / 1000)
                continue
            await asyncio.sleep(chance.uniform(0, 0.06))  # The call is on its way,
            insee.arrive(now())
            await asyncio.sleep(chance.uniform(0, 0.06))  # and its answer too.
            await quota.spent(taken)

    await asyncio.gather(*(replica() for _ in range(8)))
    assert insee.refused == 0
    assert insee.most_within_one_length() <= limit
    assert len(insee.arrivals) > 0.5 * limit * lasts * 1000 / length


async def test_a_third_goes_at_once_and_the_rest_is_never_far_away(database: Any) -> None:
    quota = Quota(database, limit=30, window=60_000)
    for _ in range(10):
        await quota.spent(await take(quota))
    taken = await quota.take()
    assert isinstance(taken, Wait)
    document = await database["quota"].find_one()
    pause = (document["next_at"] - document["now"]).total_seconds()
    assert pause <= 4, "20 permits are left for the minute until the first comes back"


async def test_nobody_sleeps_long_before_looking_again(database: Any) -> None:
    quota = Quota(database, limit=1, window=60_000)
    await take(quota)
    taken = await quota.take()
    assert isinstance(taken, Wait)
    assert 0 < taken.ms <= 1_000


async def test_a_permit_whose_call_was_not_made_is_free_at_once(database: Any) -> None:
    quota = Quota(database, limit=1, window=60_000)
    permit = await take(quota)
    assert isinstance(await quota.take(), Wait)
    await quota.give_back(permit)
    await take(quota)


async def test_the_permits_of_a_process_that_died_come_back_when_its_calls_must_have_ended(database: Any) -> None:
    quota = Quota(database, limit=1, window=200, call_ms=300, margin=0)
    began = time.monotonic()
    await take(quota)  # and die
    assert await wait_for_a_permit(quota) < 2
    assert time.monotonic() - began >= 0.499


async def test_a_permit_is_held_from_before_its_call_until_a_window_after_it(database: Any) -> None:
    quota = Quota(database, limit=1, window=300, call_ms=5_000, margin=0)
    permit = await take(quota)
    await asyncio.sleep(0.4)
    assert isinstance(await quota.take(), Wait), "the call may still arrive"
    spent = time.monotonic()
    await quota.spent(permit)
    await wait_for_a_permit(quota)
    assert time.monotonic() - spent >= 0.299


async def test_a_pause_holds_for_every_replica(database: Any) -> None:
    one, other = Quota(database, limit=30), Quota(database, limit=30)
    began = time.monotonic()
    await one.pause(300)
    await wait_for_a_permit(other)
    assert time.monotonic() - began >= 0.299  # It counts from the moment at which MongoDB took it.


async def test_a_shorter_pause_does_not_end_a_longer_one(database: Any) -> None:
    quota = Quota(database, limit=30)
    await quota.pause(60_000)
    await quota.pause(1)
    await asyncio.sleep(0.05)
    assert isinstance(await quota.take(), Wait)


async def test_a_look_up_spends_what_it_uses_and_gives_back_what_it_does_not(database: Any) -> None:
    quota = Quota(database, limit=2, window=60_000)
    spending = Spending(quota, await take(quota))
    async with spending.call():
        pass
    await spending.close()
    unused = Spending(quota, await take(quota))
    await unused.close()
    assert len((await database["quota"].find_one())["permits"]) == 1


async def test_a_call_that_was_given_up_may_still_arrive_so_its_permit_is_held(database: Any) -> None:
    quota = Quota(database, limit=1, window=100, call_ms=600, margin=0)
    spending = Spending(quota, await take(quota))
    with pytest.raises(TimeoutError):
        async with spending.call():
            raise TimeoutError
    assert await wait_for_a_permit(quota) >= 0.6


async def test_a_look_up_that_finds_no_further_permit_is_put_off(database: Any) -> None:
    quota = Quota(database, limit=1, window=60_000)
    spending = Spending(quota, await take(quota), patience=100)
    async with spending.call():
        pass
    with pytest.raises(NoAnswer) as caught:
        async with spending.call():
            pytest.fail("there was no permit")
    assert caught.value.because is Because.QUOTA


async def test_a_process_that_was_stopped_too_long_does_not_use_its_permit(database: Any) -> None:
    quota = Quota(database, limit=1, window=60_000, call_ms=50)
    spending = Spending(quota, await take(quota))
    await asyncio.sleep(0.1)
    with pytest.raises(NoAnswer) as caught:
        async with spending.call():
            pytest.fail("others may use the permit by now")
    assert caught.value.because is Because.QUOTA


async def test_a_look_up_that_took_long_enough_gets_no_further_permit(database: Any) -> None:
    spending = Spending(Quota(database, limit=30), None, longest=50)
    async with spending.call():
        await asyncio.sleep(0.1)
    with pytest.raises(NoAnswer) as caught:
        async with spending.call():
            pytest.fail("its lease would run out while it goes on")
    assert caught.value.because is Because.QUOTA
