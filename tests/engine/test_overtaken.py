"""What comes early, late, again, or from a process of another version does no harm and loses nothing."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from shared.clock import MINUTE, SECOND
from shared.engine.runtime import sweep
from shared.engine.runtime.engine import Engine
from tests.support.harness import Died, Harness, Process
from tests.support.toy import BOB, DELAY, NOW, OWNER, TIMING, incoming
from tests.support.toy.requests import Ask, Cancel, Find, OpenIf, Put, PutIfPermitted, PutNow, PutTwice
from tests.support.toy.rules import RULES, name_key, oracle_key, permissions_key

YES = {oracle_key("tools"): {"said": "yes"}}


async def test_a_trigger_that_is_a_moment_early_is_to_be_given_again(harness: Harness) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    await harness.submit(Put(box="1", thing="pen"))
    due_at = NOW + DELAY
    harness.clock.pass_(DELAY - 20)
    assert await harness.trigger("1", due_at=due_at) == [("box:1", due_at, 20)]
    assert await harness.trigger("1", at=due_at - 90, due_at=due_at) == [("box:1", due_at, 90)], "both clocks decide"
    assert await harness.trigger("1") == [], "a trigger for something else is no reason"
    harness.clock.pass_(-MINUTE)
    assert await harness.trigger("1", due_at=due_at) == [], "one that is far too early is left to the sweeper"
    harness.clock.pass_(MINUTE + 20)
    assert await harness.trigger("1", due_at=due_at) == []
    assert await harness.things() == ("lid", "pen")


async def test_an_old_state_of_a_slow_process_does_not_stay_the_last_one(harness: Harness) -> None:
    """Nobody dies: the process is only eleven minutes slow, and what it was overtaken by has been republished since."""
    await harness.submit(Find(box="1", thing="lid"), "r0")
    slow = harness.process("slow")
    async with slow.life.held("publish box.state", harness.submit(PutNow(box="1", thing="pen"), by=slow)):
        await harness.submit(PutNow(box="1", thing="ink"), "r2")
        harness.clock.pass_(11 * MINUTE)
        await harness.sweep()
        assert not {"unpublished_since", "republish_at"} & set(await harness.raw.get("documents", "box:1"))
    assert harness.record()["things"] == ["lid", "pen", "ink"]


async def test_an_old_record_of_another_owner_is_not_followed_after_a_newer_one(harness: Harness) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    record = "shelf:shelf:1"
    await harness.submit(PutNow(box="1", thing="newer"), "r2", source=(record, 2))
    await harness.submit(PutNow(box="1", thing="older"), "r1", source=(record, 1))
    await harness.submit(PutNow(box="1", thing="again"), "again", source=(record, 2))
    await harness.submit(PutNow(box="1", thing="of another"), "other", source=("shelf:shelf:2", 1))
    assert await harness.things() == ("lid", "newer", "of another")
    await harness.submit(PutNow(box="1", thing="newest"), "r3", source=(record, 3))
    assert (await harness.things())[-1] == "newest"


async def test_a_second_request_that_misses_something_is_refused_alone(harness: Harness) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    await harness.submit(PutTwice(box="1", thing="pen"))
    assert harness.statuses() == ["applied"]
    assert (harness.statuses("r1.second"), harness.code("r1.second")) == (["rejected"], "forbidden")
    await harness.submit(PutTwice(box="1", thing="ink"), "r2")
    await harness.copy(permissions_key("1"), {"may": ["alice"]})
    await harness.submit(PutTwice(box="1", thing="cup"), "r3")
    assert await harness.things() == ("lid", "pen", "ink", "cup"), "it was decided before its copy was looked at"


async def test_a_look_up_that_a_dead_process_left_unsent_is_sent_when_the_request_comes_again(
    harness: Harness,
) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    with pytest.raises(Died):
        await harness.submit(Ask(box="1", thing="pen"), by=harness.process(dies_after="put_waiting"))
    await harness.submit(Ask(box="1", thing="pen"))
    assert len(harness.bus.on("oracle.requests")) == 1
    assert harness.statuses() == ["waiting again"]


async def test_everybody_who_waited_receives_the_outcome(harness: Harness) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    for correlation_id in ("first", "second", "third"):
        await harness.submit(Ask(box="1", thing="pen"), correlation_id=correlation_id)
    await harness.main.engine.on_lookup_answered({oracle_key("pen"): {"said": "yes"}})
    outcomes = [(o["correlation_id"], o["status"]) for o in harness.outcomes()]
    assert outcomes == [
        ("first", "waiting"),
        ("second", "waiting"),
        ("third", "waiting"),
        ("first", "applied"),
        ("second", "applied"),
        ("third", "applied"),
    ]
    assert await harness.things() == ("lid", "pen")


async def test_a_cancellation_between_a_change_and_its_record_comes_too_late_r7(harness: Harness) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    await harness.submit(Put(box="1", thing="pen"))
    harness.clock.pass_(DELAY)
    slow = harness.process("slow")
    async with slow.life.held("put_records", harness.trigger("1", by=slow)):
        await harness.submit(Cancel(box="1", request_id="r1"), "r2")
    assert harness.code("r2") == "too_late"


async def test_a_change_is_cancelled_once_in_one_batch_too(harness: Harness) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    await harness.submit(Put(box="1", thing="pen"))
    await harness.batch(*(incoming(Cancel(box="1", request_id="r1"), f"c{n}") for n in range(2)))
    assert (harness.code("c0"), harness.code("c1")) == ("cancellation_done", "already_cancelled")


# ---- a request that waits is taken back -----------------------------------------------------------------------


async def test_a_request_that_waits_is_cancelled_and_never_takes_effect(harness: Harness) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    await harness.submit(Ask(box="1", thing="tools"))
    await harness.submit(Cancel(box="1", request_id="r1"), "r2")
    assert (harness.statuses(), harness.code("r2")) == (["waiting", "cancelled"], "cancellation_done")
    await harness.main.engine.on_lookup_answered(YES)
    assert await harness.things() == ("lid",)
    await harness.submit(Ask(box="1", thing="tools"))
    assert harness.statuses() == ["waiting", "cancelled", "cancelled again"]
    await harness.rest()
    await harness.assert_consistent("r1", "cancelled")


async def test_a_creation_that_waits_is_cancelled_where_it_would_have_been_decided(harness: Harness) -> None:
    await harness.submit(OpenIf(name="tools"))
    assert harness.outcomes()[0]["reference"] == {"name": "tools"}, "the outcome says what it is about while it waits"
    await harness.submit(Cancel(box="@tools", request_id="r1"), "r2")
    assert (harness.statuses(), harness.code("r2")) == (["waiting", "cancelled"], "cancellation_done")
    await harness.main.engine.on_lookup_answered(YES)
    assert await harness.store.load([], [name_key("tools")], []) == []
    await harness.submit(OpenIf(name="tools"))
    assert harness.statuses() == ["waiting", "cancelled", "cancelled again"]
    await harness.submit(Cancel(box="@tools", request_id="r1"), "r3")
    assert harness.code("r3") == "already_cancelled"


@pytest.mark.parametrize("step", ["load", "records", "save", "publish box.outcomes", "put_records", "clear"])
@pytest.mark.parametrize("first", ["creation", "cancellation"])
async def test_of_a_creation_and_its_cancellation_one_is_first(harness: Harness, step: str, first: str) -> None:
    await harness.submit(OpenIf(name="tools"))
    slow = harness.process("slow")
    works: dict[str, Callable[[Process], Awaitable[None]]] = {
        "creation": lambda by: by.engine.on_lookup_answered(YES),
        "cancellation": lambda by: harness.submit(Cancel(box="@tools", request_id="r1"), "r2", by=by),
    }
    (other,) = works.keys() - {first}
    async with slow.life.held(step, works[first](slow)):
        await works[other](harness.main)
    await harness.rest()
    made = await harness.store.load([], [name_key("tools")], [])
    statuses = {s.removesuffix(" again") for s in harness.statuses()}
    assert statuses == ({"waiting", "applied"} if made else {"waiting", "cancelled"})
    assert harness.code("r2") == ("too_late" if made else "cancellation_done")


async def test_a_creation_and_its_cancellation_come_in_one_batch(harness: Harness) -> None:
    await harness.batch(incoming(OpenIf(name="tools")), incoming(Cancel(box="@tools", request_id="r1"), "r2"))
    assert (harness.statuses(), harness.code("r2")) == (["waiting", "cancelled"], "cancellation_done")


async def test_nobody_cancels_what_another_has_requested(harness: Harness) -> None:
    await harness.submit(OpenIf(name="tools"))
    await harness.submit(Cancel(box="@tools", request_id="r1"), "r2", actor=BOB)
    assert harness.statuses("r2", "bob") == ["rejected"]
    assert harness.statuses() == ["waiting"]


# ---- a process of an older version ----------------------------------------------------------------------------


async def test_what_only_a_newer_version_knows_is_left_to_it(harness: Harness) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    await harness.submit(Put(box="1", thing="pen"))
    older = replace(OWNER, rules={type_: rule for type_, rule in RULES.items() if type_ is not Put})
    engine = Engine(older, harness.open_store(), harness.bus, harness.clock, TIMING, process="older")
    harness.clock.pass_(DELAY)
    await engine.triggers([("box:1", harness.clock.time, NOW + DELAY)])
    assert harness.statuses() == ["accepted"]
    await harness.trigger("1")
    assert harness.statuses() == ["accepted", "applied"]


async def test_requests_of_a_type_that_only_a_newer_version_knows_hide_no_others_from_their_deadline(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    await harness.batch(*(incoming(PutIfPermitted(box="1", thing=f"t{n}"), f"w{n}") for n in range(30)))
    for n in range(29):
        record = await harness.raw.get("requests", f"alice|w{n}")
        record["incoming"]["type" if n % 2 else "data"] = (
            "box.newer.v1" if n % 2 else {"box": "1", "thing": "t", "new": 1}
        )
        await harness.raw.put("requests", record)
    await harness.catch_up()
    harness.clock.pass_(3 * SECOND)
    assert len(await harness.store.expired(harness.clock.time, 10)) == 10
    monkeypatch.setattr(sweep, "LIMIT", 10)
    for _ in range(3):
        await harness.sweep()
    assert harness.statuses("w29") == ["waiting", "rejected"]
    assert harness.statuses("w0") == ["waiting"]
