"""Who may call: leases of a shared bucket, several replicas, and a store that is away. The clock is moved by hand."""

import asyncio
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api.rate_limit import allowances
from gateway.api.rate_limit.allowances import Allowances
from gateway.api.rate_limit.leases import KEPT_S, Lease
from gateway.api.rate_limit.rates import Rate
from shared.mongo.client import PyMongoError


class Time:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Shared:
    """One bucket a caller, as MongoDB keeps it."""

    def __init__(self, time: Time) -> None:
        self._time = time
        self._permits: dict[str, tuple[float, float]] = {}
        self.leases = 0
        self.away = False

    async def lease(self, caller: str, rate: Rate, wanted: int) -> int:
        await asyncio.sleep(0)
        self.leases += 1
        if self.away:
            raise PyMongoError
        permits, at = self._permits.get(caller, (rate.burst, self._time.now))
        permits = min(rate.burst, permits + (self._time.now - at) * rate.per_second)
        granted = min(wanted, int(permits))
        self._permits[caller] = permits - granted, self._time.now
        return granted


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def shared(time: Time) -> Shared:
    return Shared(time)


async def passed(of: Allowances, count: int, rate: Rate, caller: str = "alice") -> int:
    """Return how many of so many calls pass at once."""
    return [await of.take(caller, of.of(caller), rate) for _ in range(count)].count(0.0)


async def test_a_burst_passes_and_what_is_beyond_is_told_to_wait(time: Time, shared: Shared) -> None:
    here, rate = Allowances(shared, time), Rate(10, 40)
    assert await passed(here, 60, rate) == 40
    assert 0 < await here.take("alice", here.of("alice"), rate) <= 1
    assert await passed(here, 5, rate, "bob") == 5, "another caller has permits of their own"


async def test_a_flood_passes_at_the_rate_and_costs_a_few_leases_a_second(time: Time, shared: Shared) -> None:
    here, rate = Allowances(shared, time), Rate(10, 40)
    await passed(here, 60, rate)
    before, through = shared.leases, 0
    for _ in range(1_000):  # A hundred calls a second, for ten seconds.
        time.now += 0.01
        through += await passed(here, 1, rate)
    assert 90 <= through <= 110
    assert shared.leases - before <= 40


@pytest.mark.parametrize("a_second", [0.5, 5, 50, 500])
async def test_calls_do_not_cost_a_write_each(time: Time, shared: Shared, a_second: float) -> None:
    here, rate = Allowances(shared, time), Rate(1_000, 2_000)
    for _ in range(2_000):
        time.now += 1 / a_second
        assert await passed(here, 1, rate) == 1
    seconds = 2_000 / a_second
    assert shared.leases <= 2_000 / 20
    assert shared.leases <= max(5, 1.5 * seconds)


async def test_calls_at_the_same_time_take_one_lease(time: Time, shared: Shared) -> None:
    here, rate = Allowances(shared, time), Rate(100, 200)
    outcome = await asyncio.gather(*(here.take("alice", here.of("alice"), rate) for _ in range(20)))
    assert (outcome, shared.leases) == ([0.0] * 20, 1)


@given(data=st.data())
def test_all_replicas_together_let_through_what_the_rate_says_and_a_second_s_worth_each(data: st.DataObject) -> None:
    rate = data.draw(st.builds(Rate, st.integers(1, 30), st.integers(1, 60)))
    count = data.draw(st.integers(1, 3))
    steps = data.draw(st.lists(st.tuples(st.floats(0, 2), st.integers(1, 60), st.integers(0, 2)), max_size=30))
    asyncio.run(_together(rate, count, steps))


async def _together(rate: Rate, count: int, steps: list[tuple[float, int, int]]) -> None:
    time = Time()
    shared = Shared(time)
    replicas = [Allowances(shared, time) for _ in range(count)]
    through: list[tuple[float, int]] = []
    for gap, calls, which in steps:
        time.now += gap
        through.append((time.now, await passed(replicas[which % count], calls, rate)))
    for start in range(len(through)):
        for end in range(start, len(through)):
            seconds = through[end][0] - through[start][0]
            most = rate.burst + rate.per_second * seconds + count * rate.per_second
            assert sum(calls for _, calls in through[start : end + 1]) <= most + 1


async def test_without_the_store_each_replica_limits_alone_and_nobody_waits_for_it_again_and_again(
    time: Time, shared: Shared
) -> None:
    here, rate = Allowances(shared, time), Rate(10, 40)
    shared.away = True
    assert await passed(here, 60, rate) == 40
    assert await passed(here, 60, rate, "bob") == 40
    assert shared.leases == 1, "one was enough to know"
    time.now += 2
    assert await passed(here, 60, rate) == 20
    shared.away = False
    time.now += 10
    assert await passed(here, 1, rate) == 1
    assert shared.leases == 2, "it is asked again"


class Silent:
    """A store that never answers."""

    async def lease(self, caller: str, rate: Rate, wanted: int) -> int:
        await asyncio.Event().wait()
        raise AssertionError((caller, rate, wanted))


async def test_a_store_that_hangs_holds_up_nobody_for_long(time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowances, "_PATIENCE_S", 0.05)
    here = Allowances(Silent(), time)
    async with asyncio.timeout(20):
        assert await passed(here, 60, Rate(10, 40)) == 40


async def test_whoever_leaves_while_a_lease_is_taken_takes_it_from_nobody(time: Time, shared: Shared) -> None:
    here, rate = Allowances(shared, time), Rate(100, 200)
    calls = [asyncio.create_task(here.take("alice", here.of("alice"), rate)) for _ in range(3)]
    await asyncio.sleep(0)
    calls[0].cancel()
    assert await asyncio.gather(*calls[1:]) == [0.0, 0.0]


async def test_so_many_callers_are_remembered_and_no_more(
    time: Time, shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(allowances, "_REMEMBERED", 50)
    here, rate = Allowances(shared, time), Rate(10, 40)
    for number in range(500):
        await passed(here, 1, rate, "busy")
        await passed(here, 1, rate, f"caller {number}")
    assert len(here) == 50
    assert shared.leases < 500 + 500 // 4 + 1, "who calls often is not forgotten"


def test_a_lease_is_kept_for_a_while_and_then_lost() -> None:
    lease = Lease(2, 2, 0.0)
    assert lease.take(KEPT_S - 1)
    assert not lease.take(KEPT_S)


@pytest.mark.parametrize(
    ("lease", "now", "size"),
    [
        (Lease(), 0.0, 20),  # The first: a tenth of the burst.
        (Lease(20, 0, 0.0), 0.1, 50),  # Gone at once: a second's worth.
        (Lease(20, 0, 0.0), 0.5, 40),  # As much as goes in a second.
        (Lease(20, 0, 0.0), 40.0, 20),
        (Lease(50, 45, 0.0), 70.0, 20),  # Lost, hardly used.
    ],
)
def test_the_next_lease_is_what_goes_in_a_second(lease: Lease, now: float, size: int) -> None:
    assert lease.next_size(Rate(50, 200), now) == size


def test_a_lease_is_a_second_s_worth_at_most_and_one_at_least() -> None:
    sizes: Callable[[Rate], int] = lambda rate: Lease(9_999, 0, 0.0).next_size(rate, 0.001)  # noqa: E731
    rates = [Rate(random.randint(1, 99), random.randint(1, 999)) for _ in range(100)]
    assert all(1 <= sizes(rate) <= rate.per_second for rate in rates)
    assert all(1 <= Lease().next_size(rate, 0.0) <= rate.per_second for rate in rates)
