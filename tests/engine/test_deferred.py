"""Requests that can't be decided yet: for want of a copy that lags, or of an answer from another process."""

import orjson

from shared.clock import MINUTE, SECOND, iso
from tests.support.harness import Harness
from tests.support.toy import BOB, NOW, incoming
from tests.support.toy.requests import Ask, Find, PutIfPermitted, PutNow
from tests.support.toy.rules import RETRY_AFTER, oracle_key, permissions_key

MAY = {"may": ["alice"]}
YES, NO, LATER = ({oracle_key("pen"): {"said": said}} for said in ("yes", "no", "later"))


async def box(harness: Harness) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")


# ---- a copy that lags -----------------------------------------------------------------------------------------


async def test_a_late_copy_is_waited_for(harness: Harness) -> None:
    await box(harness)
    await harness.submit(PutIfPermitted(box="1", thing="pen"))
    assert (harness.statuses(), harness.code()) == (["waiting"], "waiting_copy")
    assert (await harness.document()).version == 1, "waiting decides nothing"
    record = await harness.request_record()
    assert record is not None
    assert (record.is_waiting, record.waits_for, record.deadline) == (
        True,
        permissions_key("1"),
        NOW + 2 * SECOND,
    )
    harness.clock.pass_(SECOND)
    await harness.copy(permissions_key("1"), MAY)
    assert harness.statuses() == ["waiting", "applied"]
    assert harness.outcomes()[-1]["accepted_at"] == iso(NOW + SECOND), "time counts from acceptance"
    assert await harness.things() == ("lid", "pen")
    await harness.rest()
    await harness.assert_consistent("r1", "applied")


async def test_a_copy_that_moves_and_still_says_no_is_waited_for_until_the_deadline(harness: Harness) -> None:
    await box(harness)
    await harness.copy(permissions_key("1"), {"may": []}, 1)
    await harness.submit(PutIfPermitted(box="1", thing="pen"))
    harness.clock.pass_(SECOND)
    await harness.copy(permissions_key("1"), {"may": ["bob"]}, 2)
    assert harness.statuses() == ["waiting"]
    harness.clock.pass_(SECOND)
    await harness.sweep()
    assert (harness.statuses(), harness.code()) == (["waiting", "rejected"], "forbidden")
    await harness.rest()
    await harness.assert_consistent("r1", "rejected")


async def test_an_older_copy_replaces_no_newer_one(harness: Harness) -> None:
    await box(harness)
    await harness.copy(permissions_key("1"), MAY, 2)
    await harness.copy(permissions_key("1"), {"may": []}, 1)
    await harness.submit(PutIfPermitted(box="1", thing="pen"))
    assert harness.statuses() == ["applied"]


async def test_what_waits_holds_nothing_back(harness: Harness) -> None:
    await box(harness)
    await harness.batch(
        incoming(PutIfPermitted(box="1", thing="pen"), "waits"),
        incoming(PutNow(box="1", thing="ink"), "goes on"),
    )
    await harness.copy(permissions_key("1"), MAY)
    assert await harness.things() == ("lid", "ink", "pen")


async def test_a_copy_that_moves_between_its_read_and_the_record_is_not_missed(harness: Harness) -> None:
    await box(harness)
    slow = harness.process("slow")
    async with slow.life.held("put_waiting", harness.submit(PutIfPermitted(box="1", thing="pen"), by=slow)):
        await harness.copy(permissions_key("1"), MAY)
    assert harness.statuses() == ["waiting", "applied"]


async def test_a_request_is_woken_in_whichever_process(harness: Harness) -> None:
    await box(harness)
    await harness.submit(PutIfPermitted(box="1", thing="pen"), by=harness.process("one"))
    await harness.copy(permissions_key("1"), MAY, by=harness.process("two"))
    assert harness.statuses() == ["waiting", "applied"]


async def test_a_request_woken_by_two_processes_at_once_has_one_effect(harness: Harness) -> None:
    await box(harness)
    await harness.submit(PutIfPermitted(box="1", thing="pen"))
    slow = harness.process("slow")
    async with slow.life.held("save", harness.copy(permissions_key("1"), MAY, by=slow)):
        await harness.copy(permissions_key("1"), MAY)
    assert await harness.things() == ("lid", "pen")
    await harness.rest()
    await harness.assert_consistent("r1", "applied")


async def test_a_box_that_does_not_exist_may_only_be_late(harness: Harness) -> None:
    await harness.submit(PutIfPermitted(box="1", thing="pen"))
    assert harness.statuses() == ["waiting"]
    await box(harness)
    await harness.copy(permissions_key("1"), MAY)
    assert harness.statuses() == ["waiting", "applied"]
    await harness.submit(PutIfPermitted(box="none", thing="pen"), "r2")
    harness.clock.pass_(2 * SECOND)
    await harness.sweep()
    assert (harness.statuses("r2"), harness.code("r2")) == (["waiting", "rejected"], "not_found")


async def test_a_repeat_of_what_waits_neither_decides_nor_waits_longer(harness: Harness) -> None:
    await box(harness)
    await harness.submit(PutIfPermitted(box="1", thing="pen"))
    harness.clock.pass_(SECOND)
    await harness.submit(PutIfPermitted(box="1", thing="pen"))
    record = await harness.request_record()
    assert record is not None
    assert record.deadline == NOW + 2 * SECOND
    harness.clock.pass_(SECOND)
    await harness.submit(PutIfPermitted(box="1", thing="pen"))
    assert harness.statuses()[-1] == "rejected"
    await harness.rest()
    await harness.assert_consistent("r1", "rejected")


async def test_another_request_under_the_id_of_one_that_waits_is_refused(harness: Harness) -> None:
    await box(harness)
    await harness.submit(PutIfPermitted(box="1", thing="pen"))
    await harness.submit(PutIfPermitted(box="1", thing="ink"))
    assert harness.code() == "request_id_reused"
    await harness.copy(permissions_key("1"), MAY)
    assert harness.statuses() == ["waiting", "rejected", "applied"]
    assert await harness.things() == ("lid", "pen")


async def test_one_copy_wakes_everything_that_waits_for_it_and_nothing_else(harness: Harness) -> None:
    for name in "12":
        await harness.submit(Find(box=name, thing="lid"), f"made{name}")
    await harness.batch(*(incoming(PutIfPermitted(box=b, thing=f"{b}{n}"), f"r{b}{n}") for b in "12" for n in range(3)))
    await harness.copy(permissions_key("1"), MAY)
    assert await harness.things("1") == ("lid", "10", "11", "12")
    assert await harness.things("2") == ("lid",)


async def test_the_token_is_not_kept_while_a_request_waits(harness: Harness) -> None:
    await box(harness)
    await harness.submit(PutIfPermitted(box="1", thing="pen"), authorization="Bearer secret")
    record = await harness.request_record()
    assert record is not None
    assert record.incoming is not None
    assert record.incoming.authorization is None
    assert "secret" not in repr(record)


# ---- an answer from another process ---------------------------------------------------------------------------


async def test_what_is_needed_is_looked_up_once_and_the_answer_decides(harness: Harness) -> None:
    await box(harness)
    await harness.submit(Ask(box="1", thing="pen"), correlation_id="mine")
    assert (harness.statuses(), harness.code()) == (["waiting"], "waiting_insee")
    (look_up,) = harness.bus.on("oracle.requests")
    assert (look_up.key, orjson.loads(look_up.value)) == (b"pen", {"thing": "pen"})
    assert dict(look_up.headers)["ce_type"] == b"oracle.ask.v1"
    assert dict(look_up.headers)["ce_correlationid"] == b"mine"
    await harness.main.engine.on_copies_changed([oracle_key("pen")])
    assert len(harness.bus.on("oracle.requests")) == 1
    await harness.main.engine.on_lookup_answered(YES)
    assert harness.statuses()[-1] == "applied"
    assert await harness.things() == ("lid", "pen")
    await harness.rest()
    await harness.assert_consistent("r1", "applied")


async def test_the_answer_may_be_no(harness: Harness) -> None:
    await box(harness)
    await harness.submit(Ask(box="1", thing="pen"))
    await harness.main.engine.on_lookup_answered(NO)
    assert (harness.statuses(), harness.code()) == (["waiting", "rejected"], "forbidden")


async def test_an_answer_that_comes_twice_has_one_effect(harness: Harness) -> None:
    await box(harness)
    await harness.submit(Ask(box="1", thing="pen"))
    slow = harness.process("slow")
    async with slow.life.held("save", slow.engine.on_lookup_answered(YES)):
        await harness.main.engine.on_lookup_answered(YES)
    await harness.main.engine.on_lookup_answered(NO)
    assert await harness.things() == ("lid", "pen")
    await harness.rest()
    await harness.assert_consistent("r1", "applied")


async def test_what_is_never_answered_is_refused_at_its_deadline(harness: Harness) -> None:
    await box(harness)
    await harness.submit(Ask(box="1", thing="pen"))
    harness.clock.pass_(60 * MINUTE - 1)
    await harness.sweep()
    assert harness.statuses() == ["waiting"]
    harness.clock.pass_(1)
    await harness.sweep()
    assert (harness.statuses(), harness.code()) == (["waiting", "rejected"], "insee_unavailable")
    await harness.main.engine.on_lookup_answered(YES)
    assert await harness.things() == ("lid",)
    await harness.rest()
    await harness.assert_consistent("r1", "rejected")


async def test_each_kind_of_wait_has_a_time_of_its_own(harness: Harness) -> None:
    await box(harness)
    await harness.submit(Ask(box="1", thing="pen"))
    harness.clock.pass_(59 * MINUTE)
    await harness.main.engine.on_lookup_answered(LATER)
    assert harness.statuses() == ["waiting"], "it still waits for the same: nothing new is published"
    record = await harness.request_record()
    assert record is not None
    assert record.deadline == harness.clock.time + 10 * MINUTE
    harness.clock.pass_(9 * MINUTE)
    await harness.main.engine.on_lookup_answered(LATER)
    record = await harness.request_record()
    assert record is not None
    assert record.deadline == harness.clock.time + MINUTE, "a second answer like the first gives no more time"
    await harness.main.engine.on_lookup_answered(YES)
    assert harness.statuses() == ["waiting", "applied"]


async def test_what_got_no_answer_is_looked_up_again(harness: Harness) -> None:
    await box(harness)
    await harness.submit(Ask(box="1", thing="pen"))
    questions = []
    for _ in range(10):
        await harness.sweep()
        await harness.sweep()
        questions.append(len(harness.bus.on("oracle.requests")))
        harness.clock.pass_(MINUTE)
    assert RETRY_AFTER == 5 * MINUTE
    assert questions == [1, 1, 1, 1, 1, 2, 2, 3, 3, 4]
    await harness.main.engine.on_lookup_answered(YES)
    harness.clock.pass_(10 * MINUTE)
    await harness.sweep()
    assert len(harness.bus.on("oracle.requests")) == 4


async def test_an_answer_to_come_later_puts_the_next_question_off(harness: Harness) -> None:
    await box(harness)
    await harness.submit(Ask(box="1", thing="pen"))
    harness.clock.pass_(4 * MINUTE)
    await harness.main.engine.on_lookup_answered(LATER)
    harness.clock.pass_(4 * MINUTE)
    await harness.sweep()
    assert len(harness.bus.on("oracle.requests")) == 1
    harness.clock.pass_(MINUTE)
    await harness.sweep()
    assert len(harness.bus.on("oracle.requests")) == 2


async def test_one_answer_decides_all_who_wait_for_it(harness: Harness) -> None:
    await box(harness)
    await harness.batch(incoming(Ask(box="1", thing="pen"), "r1"), incoming(Ask(box="1", thing="pen"), "r1", actor=BOB))
    await harness.main.engine.on_lookup_answered(YES)
    assert (harness.statuses(), harness.statuses(actor="bob")) == (["waiting", "applied"], ["waiting", "applied"])
    assert await harness.things() == ("lid", "pen", "pen")


async def test_a_request_given_up_by_one_process_and_answered_in_another(harness: Harness) -> None:
    await box(harness)
    await harness.submit(Ask(box="1", thing="pen"))
    harness.clock.pass_(60 * MINUTE)
    sweeping = harness.process("sweeping")
    async with sweeping.life.held("save", harness.sweep(by=sweeping)):
        await harness.main.engine.on_lookup_answered(YES)
    kept = "pen" in await harness.things()
    await harness.rest()
    await harness.assert_consistent("r1", "applied" if kept else "rejected")
