"""No look-up is lost, none is made twice at once, and nobody waits for somebody else's five hundred."""

import asyncio
from typing import Any

import pytest
import pytest_asyncio

from dev.insee.units import made_up_siret
from services.insee_adapter.queue import Asker, Job, Queue

SIRET = made_up_siret(1)


def asker(actor: str = "alice", correlation_id: str = "c1") -> Asker:
    return Asker(correlation_id, actor)


@pytest_asyncio.fixture
async def queue(database: Any) -> Queue:
    made = Queue(database)
    await made.prepare()
    return made


async def claim(queue: Queue) -> Job:
    job = await queue.claim()
    assert job is not None
    return job


async def add(queue: Queue, actor: str, *numbers: int) -> None:
    for number in numbers:
        await queue.add(made_up_siret(number), asker(actor, f"{actor}-{number}"))


async def served(queue: Queue, count: int) -> list[str]:
    """Whose look-ups are made, in order."""
    actors = []
    for _ in range(count):
        job = await claim(queue)
        actors.append(job.askers[0].actor)
        await queue.finish(job)
    return actors


async def test_what_is_added_is_claimed_with_all_that_the_answer_needs(queue: Queue) -> None:
    await queue.add(SIRET, Asker("c1", "alice", "00-trace"))
    job = await claim(queue)
    assert (job.siret, job.askers) == (SIRET, (Asker("c1", "alice", "00-trace"),))
    assert await queue.finish(job) is None
    assert await queue.size() == 0


async def test_the_oldest_is_the_one_added_first_whatever_became_of_it(queue: Queue, database: Any) -> None:
    assert await queue.oldest() == 0
    await add(queue, "alice", 1, 2)
    await database["look_ups"].update_one(
        {"_id": made_up_siret(2)}, [{"$set": {"asked_at": {"$subtract": ["$asked_at", 900_000]}}}]
    )
    assert 900 <= await queue.oldest() < 1_000
    job = await claim(queue)
    await queue.postpone(job, 60_000, failed=True)
    assert await queue.oldest() >= 900, "to be tried again is no answer"
    await database["look_ups"].delete_one({"_id": made_up_siret(2)})
    assert await queue.oldest() < 900


async def test_a_claimed_look_up_is_not_claimed_again(queue: Queue) -> None:
    await queue.add(SIRET, asker())
    await claim(queue)
    assert not await queue.has_work()
    assert await queue.claim() is None


async def test_workers_at_once_never_claim_the_same(queue: Queue) -> None:
    await add(queue, "alice", *range(1, 31))
    jobs = await asyncio.gather(*(queue.claim() for _ in range(40)))
    claimed = [job.siret for job in jobs if job is not None]
    assert len(claimed) == len(set(claimed)) == 30


async def test_a_look_up_of_the_same_joins_and_is_answered_once_per_correlation(queue: Queue) -> None:
    await queue.add(SIRET, asker("alice", "c1"))
    await queue.add(SIRET, asker("bob", "c2"))
    await queue.add(SIRET, asker("alice", "c1"))
    job = await claim(queue)
    assert [a.correlation_id for a in job.askers] == ["c1", "c2"]


async def test_who_joins_while_the_call_is_made_is_not_forgotten(queue: Queue) -> None:
    await queue.add(SIRET, asker("alice", "c1"))
    job = await claim(queue)
    await queue.add(SIRET, asker("bob", "c2"))
    left = await queue.finish(job)
    assert left is not None
    assert [a.correlation_id for a in left.askers] == ["c1", "c2"]
    assert await queue.finish(left) is None


async def test_a_worker_that_dies_loses_nothing(database: Any) -> None:
    queue = Queue(database, lease=50)
    await queue.add(SIRET, asker())
    lost = await claim(queue)
    await asyncio.sleep(0.06)
    found = await claim(queue)
    assert found.siret == lost.siret
    assert await queue.finish(lost) is None, "the dead worker's return changes nothing"
    assert await queue.size() == 1
    await queue.finish(found)
    assert await queue.size() == 0


async def test_five_hundred_look_ups_make_nobody_else_wait_for_more_than_one(queue: Queue) -> None:
    await add(queue, "heavy", *range(1, 501))
    await served(queue, 20)
    await add(queue, "light", 900)
    assert "light" in await served(queue, 2)


async def test_several_heavy_actors_take_turns(queue: Queue) -> None:
    await add(queue, "a", *range(1, 21))
    await add(queue, "b", *range(101, 121))
    await add(queue, "c", *range(201, 221))
    order = await served(queue, 30)
    assert {actor: order.count(actor) for actor in "abc"} == {"a": 10, "b": 10, "c": 10}
    for start in range(0, 30, 3):
        assert set(order[start : start + 3]) == {"a", "b", "c"}


async def test_who_waited_through_a_quiet_time_gains_no_turns_by_it(queue: Queue) -> None:
    await add(queue, "a", *range(1, 11))
    await served(queue, 10)
    await add(queue, "b", *range(101, 111))
    await add(queue, "a", *range(11, 21))
    order = await served(queue, 10)
    assert order.count("a") >= 4


async def test_joining_brings_a_look_up_forward_to_the_earlier_turn(queue: Queue) -> None:
    await add(queue, "heavy", *range(1, 101))
    await served(queue, 5)
    await queue.add(made_up_siret(90), asker("light", "light-90"))
    first = [await claim(queue), await claim(queue)]
    assert made_up_siret(90) in {job.siret for job in first}


async def test_a_postponed_look_up_waits_and_remembers_who_was_notified(queue: Queue) -> None:
    await queue.add(SIRET, asker("alice", "c1"))
    job = await claim(queue)
    await queue.postpone(job, 60, answered=job.unanswered, failed=True)
    assert await queue.claim() is None
    await queue.add(SIRET, asker("bob", "c2"))
    await asyncio.sleep(0.08)
    again = await claim(queue)
    assert (again.failures, again.unanswered) == (1, frozenset({"c2"}))


async def test_patience_runs_from_the_first_time_insee_is_unreachable_not_from_the_request(queue: Queue) -> None:
    await queue.add(SIRET, asker(), max_wait=100)
    await asyncio.sleep(0.15)
    job = await claim(queue)
    assert not await queue.give_up(job)
    await asyncio.sleep(0.12)
    assert await queue.give_up(job)


async def test_the_longest_patience_of_the_askers_counts(queue: Queue) -> None:
    await queue.add(SIRET, asker("alice", "c1"), max_wait=0)
    await queue.add(SIRET, asker("bob", "c2"), max_wait=60_000)
    assert not await queue.give_up(await claim(queue))


async def test_an_actor_has_room_for_so_many_and_others_still_have_theirs(database: Any) -> None:
    queue = Queue(database, most_of_one=3)
    await queue.prepare()
    assert [await queue.add(made_up_siret(n), asker("heavy", f"h{n}")) for n in range(1, 6)] == [True] * 3 + [False] * 2
    assert await queue.add(made_up_siret(9), asker("light", "l9"))
    assert await queue.add(made_up_siret(1), asker("heavy", "h1")), "its message comes again: it is kept already"
    assert not await queue.add(made_up_siret(9), asker("heavy", "h9")), "joining is asking too"
    assert await queue.size() == 4

    await queue.finish(await claim(queue))
    assert await queue.add(made_up_siret(5), asker("heavy", "h5")), "what is answered makes room"


async def test_what_finds_no_room_takes_no_turn(database: Any) -> None:
    queue = Queue(database, most_of_one=2)
    await queue.prepare()
    for n in range(1, 50):
        await queue.add(made_up_siret(n), asker("heavy", f"h{n}"))
    await add(queue, "light", 101, 102)
    assert await served(queue, 2) == ["heavy", "light"]
    await add(queue, "heavy", 60)
    await add(queue, "light", 103)
    assert await served(queue, 4) == ["heavy", "light", "heavy", "light"]


async def test_the_queue_has_room_for_so_many_in_all(database: Any) -> None:
    queue = Queue(database, most=3)
    await queue.prepare()
    assert [await queue.add(made_up_siret(n), asker(f"a{n}", f"c{n}")) for n in range(1, 5)] == [True] * 3 + [False]
    assert await queue.size() == 3


async def test_so_many_may_wait_for_one_answer(database: Any) -> None:
    queue = Queue(database, most_askers=3)
    await queue.prepare()
    joined = await asyncio.gather(*(queue.add(SIRET, asker(f"a{n}", f"c{n}")) for n in range(10)))
    assert joined.count(True) == 3
    job = await claim(queue)
    kept = {a.correlation_id for a in job.askers}
    assert kept == {f"c{n}" for n, is_in in enumerate(joined) if is_in}
    assert await queue.add(SIRET, Asker(job.askers[0].correlation_id, job.askers[0].actor)), "it is in already"
    assert await queue.finish(job) is None, "who stayed out is nobody to answer"


@pytest.mark.parametrize("evil", ["$$ROOT", "$turn", "served", "actor:served", "a.b", ""])
async def test_no_name_from_outside_is_taken_for_an_expression(queue: Queue, evil: str) -> None:
    await queue.add(SIRET, Asker(evil, evil, evil))
    await queue.add(SIRET, Asker(evil, evil, evil))
    job = await claim(queue)
    assert job.askers == (Asker(evil, evil, evil),)
    await queue.postpone(job, 0, answered=job.unanswered, failed=False)
    assert (await claim(queue)).unanswered == frozenset()
