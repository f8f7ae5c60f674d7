"""One request over several documents: all or nothing, one outcome, and a part in the history of each document."""

import asyncio

import pytest

from shared.clock import SECOND
from shared.contracts.messages.life import request_key
from shared.engine.runtime import joint
from tests.support.harness import Died, Harness
from tests.support.toy import ALICE, BOB, DELAY, box_id, incoming
from tests.support.toy.requests import Find, Gather, Label, Put, PutNow
from tests.support.toy.rules import MOST_GATHERED, UNSURE, oracle_key

GATHER = Gather(boxes=("1", "2"), into="3", thing="pen")
STEPS = 60


async def boxes(harness: Harness, *names: str, thing: str = "pen") -> None:
    for name in names:
        await harness.submit(Find(box=name, thing=thing), f"made {name}")


async def prepared(harness: Harness) -> None:
    await boxes(harness, "1", "2")
    await boxes(harness, "3", thing="lid")


async def due(harness: Harness, *names: str) -> None:
    """Let what is pending of these boxes become due."""
    harness.clock.pass_(DELAY)
    await harness.trigger(*names, due_at=harness.clock.time)


async def things(harness: Harness) -> list[tuple[str, ...]]:
    return [await harness.things(box) for box in ("1", "2", "3")]


async def test_it_waits_beside_the_batch_then_takes_effect_on_all(harness: Harness) -> None:
    await prepared(harness)
    await harness.submit(GATHER)
    assert (harness.statuses(), harness.code()) == (["waiting"], "waiting_busy")
    assert await things(harness) == [("pen",), ("pen",), ("lid",)], "no batch decides it"
    assert await harness.work() == 1
    assert await things(harness) == [(), (), ("lid", "pen")]
    assert harness.statuses() == ["waiting", "applied"]
    assert harness.outcomes()[-1]["details"] == {"count": 2}
    await harness.rest()
    await harness.assert_consistent("r1", "applied", "3")


async def test_each_document_has_its_part_in_its_history_and_the_parts_have_no_outcome(harness: Harness) -> None:
    await prepared(harness)
    await harness.submit(GATHER)
    await harness.work()
    for box, after in (("1", []), ("3", ["lid", "pen"])):
        part = f"r1#{box_id(box)}"
        [entry] = harness.journal(part)
        assert (entry["status"], entry["part_of"], entry["document"]) == ("applied", "r1", box_id(box))
        assert (entry["after"].get("things", []), entry["version"]) == (after, 2)
        record = await harness.request_record(part)
        assert record is not None
        assert (record.transition.status, record.transition.part_of) == ("applied", "r1")
        assert harness.outcomes(part) == []
        assert harness.record(box)["things"] == after
    assert [entry["status"] for entry in harness.journal()] == ["waiting", "applied"]


async def test_if_one_can_not_none_is_and_every_reason_is_given(harness: Harness) -> None:
    await prepared(harness)
    await harness.submit(PutNow(box="1", thing="cup"), "r0")
    await harness.submit(Gather(boxes=("1", "2", "9"), into="3", thing="cup"))
    await harness.work()
    assert harness.statuses() == ["waiting", "rejected"]
    assert harness.outcomes()[-1]["details"] == {"boxes": {"box:2": "not_there", "box:9": "not_found"}}
    assert await things(harness) == [("pen", "cup"), ("pen",), ("lid",)]
    await harness.rest()
    await harness.assert_consistent("r1", "rejected", "none")


async def test_it_is_over_all_that_refer_to_something(harness: Harness) -> None:
    await prepared(harness)
    for box in ("1", "2"):
        await harness.submit(Label(box=box, label="blue"), f"label {box}")
    await due(harness, "1", "2")
    assert await harness.store.find(["label:blue"], 10) == ["box:1", "box:2"]
    await harness.submit(Gather(label="blue", into="3", thing="pen"))
    await harness.work()
    assert await things(harness) == [(), (), ("lid", "pen")]


async def test_what_refers_no_more_is_not_found(harness: Harness) -> None:
    await boxes(harness, "1")
    for number, label in enumerate(("blue", "red", None)):
        await harness.submit(Label(box="1", label=label), f"label {number}")
        await due(harness, "1")
        found = [await harness.store.find([f"label:{name}"], 10) for name in ("blue", "red")]
        assert found == [["box:1"] if name == label else [] for name in ("blue", "red")]


async def test_its_rule_sees_when_there_are_too_many(harness: Harness) -> None:
    await boxes(harness, "into")
    for number in range(MOST_GATHERED + 3):
        await harness.submit(Find(box=str(number), thing="pen"), f"made {number}")
        await harness.submit(Label(box=str(number), label="blue"), f"label {number}")
    await due(harness, *map(str, range(MOST_GATHERED + 3)))
    await harness.submit(Gather(label="blue", into="into", thing="pen"))
    await harness.work()
    assert (harness.statuses()[-1], harness.code()) == ("rejected", "too_many")


async def test_sent_again_it_has_one_effect_and_the_same_answer(harness: Harness) -> None:
    await prepared(harness)
    await harness.submit(GATHER)
    await harness.submit(GATHER)
    await harness.work()
    await harness.submit(GATHER)
    await harness.rest()
    assert [o["status"] for o in harness.outcomes()][-2:] == ["applied", "applied"]
    assert harness.outcomes()[-1]["repeated"] is True
    assert await things(harness) == [(), (), ("lid", "pen")]
    await harness.assert_consistent("r1", "applied", "3")


@pytest.mark.parametrize("refused", [False, True], ids=["applied", "refused"])
async def test_a_process_dies_after_any_step(harness: Harness, *, refused: bool) -> None:
    died = 0
    for number in range(1, STEPS):
        names = [f"{number}-{part}" for part in "abc"]
        await boxes(harness, *names[:2])
        await boxes(harness, names[2], thing="lid")
        request_id = f"g{number}"
        request = Gather(boxes=tuple(names[:2]), into=names[2], thing="cup" if refused else "pen")
        process = harness.process(dies_after=number)
        try:
            await harness.submit(request, request_id, by=process)
            await harness.work(by=process)
        except Died:
            died += 1
        else:
            break
        await harness.submit(request, request_id)
        await harness.rest()
        held = [await harness.things(name) for name in names]
        assert held == ([("pen",), ("pen",), ("lid",)] if refused else [(), (), ("lid", "pen")])
        await harness.assert_consistent(request_id, "rejected" if refused else "applied", names[2])
    assert 8 < died < STEPS


async def test_two_processes_decide_it_once(harness: Harness) -> None:
    await prepared(harness)
    await harness.submit(GATHER)
    other = harness.process("other")
    await asyncio.gather(harness.work(), harness.work(by=other))
    record = await harness.request_record()
    assert record is not None
    assert record.transition.status == "applied"
    assert await things(harness) == [(), (), ("lid", "pen")]
    await harness.rest()
    await harness.assert_consistent("r1", "applied", "3")


async def test_even_without_a_claim_it_has_one_effect(harness: Harness) -> None:
    """A claim spares work alone: whoever loses it, after a pause of its process, finds the decision."""
    await prepared(harness)
    await harness.submit(GATHER)
    record = await harness.request_record()
    assert record is not None
    assert record.incoming is not None
    other = harness.process("other")
    await asyncio.gather(*(p.engine.joint.decide(record.incoming) for p in (harness.main, other)))
    assert await things(harness) == [(), (), ("lid", "pen")]
    await harness.rest()
    await harness.assert_consistent("r1", "applied", "3")


async def test_among_writers_of_the_same_documents_nothing_is_lost(harness: Harness) -> None:
    await prepared(harness)
    await harness.submit(GATHER)
    other = harness.process("other")

    async def write(number: int) -> None:
        await harness.submit(PutNow(box=str(number % 3 + 1), thing=f"n{number}"), f"n{number}", by=other)

    await asyncio.gather(harness.work(), *(write(number) for number in range(30)))
    await harness.rest()
    held = await things(harness)
    assert sorted(thing for box in held for thing in box) == sorted(("lid", "pen", *(f"n{n}" for n in range(30))))
    assert "pen" in held[2]
    await harness.assert_consistent("r1", "applied", "3")


async def test_the_last_try_locks_the_documents_so_that_writers_can_not_starve_it(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joint, "TRIES", 1)
    await test_among_writers_of_the_same_documents_nothing_is_lost(harness)


async def test_of_each_actor_one_is_decided_in_turn(harness: Harness) -> None:
    await prepared(harness)
    for number in range(3):
        await harness.submit(Gather(boxes=(), into="3", thing=f"a{number}"), f"a{number}")
    await harness.submit(Gather(boxes=(), into="3", thing="b"), "b", actor=BOB)
    assert await harness.work() == 2
    assert await harness.things("3") == ("lid", "a0", "b")
    assert await harness.work() == 1


async def test_what_its_rule_needs_to_look_up_is_asked_then_it_is_decided(harness: Harness) -> None:
    await boxes(harness, "1", thing=UNSURE)
    await boxes(harness, "3", thing="lid")
    await harness.submit(Gather(boxes=("1",), into="3", thing=UNSURE))
    await harness.work()
    assert [m.topic for m in harness.bus.sent if m.topic == "oracle.requests"] == ["oracle.requests"]
    assert await harness.work() == 0, "it waits for the answer"
    await harness.main.engine.on_lookup_answered({oracle_key(UNSURE): {"said": "yes"}})
    await harness.work()
    assert await harness.things("3") == ("lid", UNSURE)
    await harness.rest()
    await harness.assert_consistent("r1", "applied", "3")


async def test_a_document_that_can_not_be_read_fails_it_alone(harness: Harness) -> None:
    await prepared(harness)
    raw = await harness.raw.get("documents", "box:2")
    await harness.raw.put("documents", {**raw, "pending": [{"no": "pending"}]})
    await harness.submit(GATHER)
    await harness.work()
    assert (harness.statuses()[-1], harness.code()) == ("rejected", "internal_error")
    assert await harness.things("1") == ("pen",)


async def test_what_is_pending_stays_and_takes_effect_after(harness: Harness) -> None:
    await prepared(harness)
    await harness.submit(Put(box="1", thing="ink"), "later")
    await harness.submit(GATHER)
    await harness.work()
    assert await harness.things("1") == ()
    await due(harness, "1")
    assert await harness.things("1") == ("ink",)


async def test_a_request_stays_claimed_only_for_a_while(harness: Harness) -> None:
    await prepared(harness)
    await harness.submit(GATHER)
    key = request_key(ALICE.id, "r1")
    now = harness.clock.now()
    assert await harness.store.claim(key, now, now + SECOND)
    assert not await harness.store.claim(key, now, now + SECOND)
    assert await harness.work() == 0
    harness.clock.pass_(SECOND)
    assert await harness.work() == 1


async def test_what_many_ask_at_once_comes_to_its_end(harness: Harness) -> None:
    await prepared(harness)
    await harness.batch(
        *(incoming(Gather(boxes=(), into="3", thing=f"t{n}"), f"t{n}", at=harness.clock.time + n) for n in range(5))
    )
    while await harness.work():
        pass
    assert await harness.things("3") == ("lid", "t0", "t1", "t2", "t3", "t4")


async def test_what_can_never_be_stored_is_refused_and_stops_no_other(harness: Harness) -> None:
    await prepared(harness)
    raw = await harness.raw.get("documents", "box:3")
    await harness.raw.put("documents", {**raw, "state": {**raw["state"], "label": "x" * 16_700_000}})
    await harness.submit(Gather(boxes=("1",), into="3", thing="pen"))
    await harness.submit(Gather(boxes=("1",), into="2", thing="pen"), "other", actor=BOB)
    await harness.work()
    assert (harness.statuses()[-1], harness.code()) == ("rejected", "document_too_large")
    assert harness.statuses("other", BOB.id)[-1] == "applied"
