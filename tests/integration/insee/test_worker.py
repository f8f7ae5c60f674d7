"""From the queue to INSEE and back: several workers, the simulator, a real MongoDB."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest_asyncio

from dev.insee.faults import Fault
from dev.insee.units import made_up_siret
from services.insee_adapter.breaker import Breaker
from services.insee_adapter.cache import Cache
from services.insee_adapter.queue import Asker, Queue
from services.insee_adapter.quota import Quota
from services.insee_adapter.worker import Worker
from shared.clock import SystemClock
from shared.contracts.messages.insee import InseeAnswer, InseeLookUp, Result
from tests.integration.insee.clients import public
from tests.integration.insee.conftest import Insee
from tests.support.until import until

SIRET = "21920023500014"


class Replica:
    """What one process has, besides its workers; remembers what was published, and to whom."""

    def __init__(self, database: Any) -> None:
        self.queue = Queue(database, lease=5_000)
        self.cache = Cache(database)
        self.quota = Quota(database, limit=30, window=60_000)
        self.wake = asyncio.Event()
        self.published: list[tuple[str, InseeAnswer]] = []
        self.keys: list[str] = []

    async def publish(self, key: str, answer: InseeAnswer, askers: Sequence[Asker]) -> None:
        self.keys.append(key)
        self.published.extend((asker.correlation_id, answer) for asker in askers)

    async def emptied(self) -> None:
        """Wait until no look-up is left: one goes after its answer was published."""
        async with asyncio.timeout(10):
            while await self.queue.size():  # noqa: ASYNC110 - what is waited for says nothing when it changes.
                await asyncio.sleep(0.01)

    def results(self) -> list[tuple[str, Result]]:
        return [(correlation_id, answer.result) for correlation_id, answer in self.published]

    async def look_up(self, key: str, correlation_id: str = "c1", actor: str = "alice", **more: Any) -> None:
        await self.queue.add(key, Asker(correlation_id, actor), **more)
        self.wake.set()

    @asynccontextmanager
    async def working(self, insee: Insee, workers: int = 3, *, rest: int = 200) -> AsyncIterator[None]:
        async with public(insee.address, breaker=Breaker(threshold=3, rest=rest)) as sirene:
            worker = Worker(
                queue=self.queue,
                cache=self.cache,
                quota=self.quota,
                sirene=sirene,
                publish=self.publish,
                wake=self.wake,
            )
            tasks = [asyncio.create_task(worker.run()) for _ in range(workers)]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)


@pytest_asyncio.fixture
async def replica(database: Any) -> Replica:
    made = Replica(database)
    await made.queue.prepare()
    return made


async def test_a_look_up_is_answered_kept_and_gone(insee: Insee, replica: Replica) -> None:
    await replica.look_up(SIRET)
    async with replica.working(insee):
        await until(lambda: bool(replica.published))
        await replica.emptied()
    assert replica.results() == [("c1", Result.ACTIVE)]
    assert (await replica.cache.get([SIRET]))[SIRET].result is Result.ACTIVE


async def test_many_look_ups_of_one_siret_cost_one_call(insee: Insee, replica: Replica) -> None:
    insee.simulator.faults.append(Fault(kind="slow", delay_ms=600))
    async with replica.working(insee):
        for number in range(10):
            await replica.look_up(SIRET, f"c{number}", f"actor{number}")
        await until(lambda: len(replica.published) == 10)
    assert sorted(replica.results()) == [(f"c{number}", Result.ACTIVE) for number in range(10)]
    assert insee.calls == 1


async def test_during_an_outage_each_is_notified_once_and_answered_afterwards(insee: Insee, replica: Replica) -> None:
    insee.simulator.faults.append(Fault(kind="down"))
    sirets = [made_up_siret(10_000 + number) for number in range(1, 6)]
    async with replica.working(insee):
        for siret in sirets:
            await replica.look_up(siret, siret)
        await until(lambda: len(replica.published) >= 5)
        assert sorted(replica.results()) == [(siret, Result.UNAVAILABLE) for siret in sirets]
        assert all(answer.retry_after for _, answer in replica.published), "it goes on trying"
        insee.simulator.faults.clear()
        await until(lambda: len(replica.published) >= 10, within=30)
    assert sorted(replica.results()[5:]) == [(siret, Result.ACTIVE) for siret in sirets]


async def test_an_outage_that_lasts_too_long_ends_the_look_up(insee: Insee, replica: Replica) -> None:
    insee.simulator.faults.append(Fault(kind="500"))
    async with replica.working(insee):
        await replica.look_up(SIRET, max_wait=0)
        await until(lambda: bool(replica.published))
        await replica.emptied()
    (_, answer) = replica.published[0]
    assert (answer.result, answer.retry_after) == (Result.UNAVAILABLE, None)


async def test_a_429_is_reported_to_nobody_as_an_outage(insee: Insee, replica: Replica) -> None:
    window = insee.simulator.window
    # Somebody else with our key has used it up.
    window.limit, window.used, window.reset = 1, 1, SystemClock().now() + 1_500
    async with replica.working(insee):
        await replica.look_up(SIRET)
        await until(lambda: bool(replica.published))
    assert replica.results() == [("c1", Result.ACTIVE)]
    assert window.refused == 1, "one refusal stops all workers until the reset"


async def test_a_worker_that_is_stopped_puts_its_look_up_back(insee: Insee, replica: Replica) -> None:
    insee.simulator.faults.append(Fault(kind="slow", delay_ms=900, times=1))
    async with replica.working(insee, workers=1):
        await replica.look_up(SIRET)
        await until(lambda: insee.calls == 1)
    assert await replica.queue.has_work(), "another worker need not wait for the lease to run out"
    async with replica.working(insee, workers=1):
        await until(lambda: bool(replica.published))
    assert replica.results() == [("c1", Result.ACTIVE)]


async def test_an_answer_that_could_not_be_published_is_published_later(insee: Insee, database: Any) -> None:
    class Flaky(Replica):
        failures = 1

        async def publish(self, key: str, answer: InseeAnswer, askers: Sequence[Asker]) -> None:
            if self.failures:
                self.failures -= 1
                raise ConnectionError
            await super().publish(key, answer, askers)

    replica = Flaky(database)
    replica.queue = Queue(database, lease=300)
    async with replica.working(insee):
        await replica.look_up(SIRET)
        await until(lambda: bool(replica.published))
    assert replica.results() == [("c1", Result.ACTIVE)]


async def test_an_unused_permit_is_given_back(insee: Insee, replica: Replica, database: Any) -> None:
    async with replica.working(insee, workers=6):
        await replica.look_up(SIRET)
        await until(lambda: bool(replica.published))
        async with asyncio.timeout(5):
            while len((await database["quota"].find_one())["permits"]) > 1:  # noqa: ASYNC110 - MongoDB notifies nobody.
                await asyncio.sleep(0.01)


async def test_behind_a_hundred_look_ups_of_another_one_waits_for_a_few_calls(
    insee: Insee, replica: Replica, database: Any
) -> None:
    replica.quota = Quota(database, limit=20, window=1_000, margin=10)
    for number in range(1, 101):
        await replica.look_up(_commune(number), f"heavy{number}", "heavy")
    async with replica.working(insee):
        await until(lambda: len(replica.published) >= 5)
        before = insee.calls
        await replica.look_up(SIRET, "light", "light")
        await until(lambda: "light" in dict(replica.published))
    assert insee.calls - before <= 3 + 2, "what three workers had claimed already, and one turn"


def _commune(number: int) -> str:
    """A SIRET of which the simulator makes an open commune."""
    return made_up_siret(90_000 + number)


async def test_who_asks_for_the_successor_and_who_does_not_have_answers_of_their_own_r10(
    insee: Insee, replica: Replica
) -> None:
    closed = made_up_siret(22_001)
    followed = InseeLookUp(siret=closed, successor=True).key
    await replica.look_up(closed, "plain")
    await replica.look_up(followed, "followed")
    async with replica.working(insee):
        await until(lambda: len(replica.published) == 2)
        await replica.emptied()
    answers = dict(replica.published)
    assert {answer.siret for answer in answers.values()} == {closed}
    assert answers["plain"].succession is None
    assert answers["followed"].succession is not None
    assert answers["followed"].succession.successors == (made_up_siret(22_001, 2),)
    assert sorted(replica.keys) == sorted([closed, followed])
    assert await replica.cache.get([closed, followed]) == {closed: answers["plain"], followed: answers["followed"]}


async def test_who_asks_for_the_successor_of_an_open_one_learns_what_insee_says_today_r10(
    insee: Insee, replica: Replica
) -> None:
    followed = InseeLookUp(siret=SIRET, successor=True).key
    async with replica.working(insee):
        for number in (1, 2):
            await replica.look_up(followed, f"c{number}")
            await until(lambda n=number: len(replica.published) == n)  # type: ignore[misc]
    assert insee.calls == 2
    assert await replica.cache.get([SIRET, followed]) == {}


async def test_a_long_chain_is_followed_to_its_end_within_a_small_quota_r10(
    insee: Insee, replica: Replica, database: Any
) -> None:
    insee.simulator.window.limit, insee.simulator.window.length = 3, 300
    replica.quota = Quota(database, limit=3, window=300, margin=10)
    chain = InseeLookUp(siret=made_up_siret(22_002), successor=True).key
    await replica.look_up(chain, "chain")
    async with replica.working(insee):
        await until(lambda: bool(replica.published), within=30)
    ((_, answer),) = replica.published
    assert answer.succession is not None
    assert answer.succession.successors == (made_up_siret(22_002, 3),)
    assert insee.simulator.window.refused == 0
