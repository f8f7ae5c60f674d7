"""Requests that can't be decided yet: for want of a copy that lags, or of an answer from another process."""

import orjson

from shared.clock import MINUTE, SECOND, iso
from tests.support.harness import Lab
from tests.support.toy import BOB, NOW, incoming
from tests.support.toy.requests import Ask, Find, Guarded, PutNow
from tests.support.toy.rules import ASK_AGAIN, keeper_key, oracle_key

MAY = {"may": ["alice"]}
YES, NO, LATER = ({oracle_key("pen"): {"said": said}} for said in ("yes", "no", "later"))


async def box(lab: Lab) -> None:
    await lab.ask(Find(box="1", thing="lid"), "r0")


# ---- a copy that lags -----------------------------------------------------------------------------------------


async def test_a_late_copy_is_waited_for(lab: Lab) -> None:
    await box(lab)
    await lab.ask(Guarded(box="1", thing="pen"))
    assert (lab.told(), lab.code()) == (["waiting"], "waiting_copy")
    assert (await lab.document()).version == 1, "waiting decides nothing"
    row = await lab.row()
    assert row is not None
    assert (row.is_waiting, row.waits_for, row.deadline) == (True, keeper_key("1"), NOW + 2 * SECOND)
    lab.clock.pass_(SECOND)
    await lab.copy(keeper_key("1"), MAY)
    assert lab.told() == ["waiting", "applied"]
    assert lab.outcomes()[-1]["accepted_at"] == iso(NOW + SECOND), "time counts from acceptance"
    assert await lab.things() == ("lid", "pen")
    await lab.rest()
    await lab.tells_one_story("r1", "applied")


async def test_a_copy_that_moves_and_still_says_no_is_waited_for_until_the_deadline(lab: Lab) -> None:
    await box(lab)
    await lab.copy(keeper_key("1"), {"may": []}, 1)
    await lab.ask(Guarded(box="1", thing="pen"))
    lab.clock.pass_(SECOND)
    await lab.copy(keeper_key("1"), {"may": ["bob"]}, 2)
    assert lab.told() == ["waiting"]
    lab.clock.pass_(SECOND)
    await lab.sweep()
    assert (lab.told(), lab.code()) == (["waiting", "rejected"], "forbidden")
    await lab.rest()
    await lab.tells_one_story("r1", "rejected")


async def test_an_older_copy_replaces_no_newer_one(lab: Lab) -> None:
    await box(lab)
    await lab.copy(keeper_key("1"), MAY, 2)
    await lab.copy(keeper_key("1"), {"may": []}, 1)
    await lab.ask(Guarded(box="1", thing="pen"))
    assert lab.told() == ["applied"]


async def test_what_waits_holds_nothing_back(lab: Lab) -> None:
    await box(lab)
    await lab.batch(
        incoming(Guarded(box="1", thing="pen"), "waits"),
        incoming(PutNow(box="1", thing="ink"), "goes on"),
    )
    await lab.copy(keeper_key("1"), MAY)
    assert await lab.things() == ("lid", "ink", "pen")


async def test_a_copy_that_moves_between_its_read_and_the_row_is_not_missed(lab: Lab) -> None:
    await box(lab)
    slow = lab.process("slow")
    async with slow.life.held("put_waiting", lab.ask(Guarded(box="1", thing="pen"), by=slow)):
        await lab.copy(keeper_key("1"), MAY)
    assert lab.told() == ["waiting", "applied"]


async def test_a_row_is_woken_in_whichever_process(lab: Lab) -> None:
    await box(lab)
    await lab.ask(Guarded(box="1", thing="pen"), by=lab.process("one"))
    await lab.copy(keeper_key("1"), MAY, by=lab.process("two"))
    assert lab.told() == ["waiting", "applied"]


async def test_a_row_woken_by_two_processes_at_once_has_one_effect(lab: Lab) -> None:
    await box(lab)
    await lab.ask(Guarded(box="1", thing="pen"))
    slow = lab.process("slow")
    async with slow.life.held("save", lab.copy(keeper_key("1"), MAY, by=slow)):
        await lab.copy(keeper_key("1"), MAY)
    assert await lab.things() == ("lid", "pen")
    await lab.rest()
    await lab.tells_one_story("r1", "applied")


async def test_a_box_that_does_not_exist_may_only_be_late(lab: Lab) -> None:
    await lab.ask(Guarded(box="1", thing="pen"))
    assert lab.told() == ["waiting"]
    await box(lab)
    await lab.copy(keeper_key("1"), MAY)
    assert lab.told() == ["waiting", "applied"]
    await lab.ask(Guarded(box="none", thing="pen"), "r2")
    lab.clock.pass_(2 * SECOND)
    await lab.sweep()
    assert (lab.told("r2"), lab.code("r2")) == (["waiting", "rejected"], "not_found")


async def test_a_repeat_of_what_waits_neither_decides_nor_waits_longer(lab: Lab) -> None:
    await box(lab)
    await lab.ask(Guarded(box="1", thing="pen"))
    lab.clock.pass_(SECOND)
    await lab.ask(Guarded(box="1", thing="pen"))
    row = await lab.row()
    assert row is not None
    assert row.deadline == NOW + 2 * SECOND
    lab.clock.pass_(SECOND)
    await lab.ask(Guarded(box="1", thing="pen"))
    assert lab.told()[-1] == "rejected"
    await lab.rest()
    await lab.tells_one_story("r1", "rejected")


async def test_another_request_under_the_id_of_one_that_waits_is_refused(lab: Lab) -> None:
    await box(lab)
    await lab.ask(Guarded(box="1", thing="pen"))
    await lab.ask(Guarded(box="1", thing="ink"))
    assert lab.code() == "request_id_reused"
    await lab.copy(keeper_key("1"), MAY)
    assert lab.told() == ["waiting", "rejected", "applied"]
    assert await lab.things() == ("lid", "pen")


async def test_one_copy_wakes_everything_that_waits_for_it_and_nothing_else(lab: Lab) -> None:
    for name in "12":
        await lab.ask(Find(box=name, thing="lid"), f"made{name}")
    await lab.batch(*(incoming(Guarded(box=b, thing=f"{b}{n}"), f"r{b}{n}") for b in "12" for n in range(3)))
    await lab.copy(keeper_key("1"), MAY)
    assert await lab.things("1") == ("lid", "10", "11", "12")
    assert await lab.things("2") == ("lid",)


async def test_the_token_is_not_kept_while_a_request_waits(lab: Lab) -> None:
    await box(lab)
    await lab.ask(Guarded(box="1", thing="pen"), authorization="Bearer secret")
    row = await lab.row()
    assert row is not None
    assert row.incoming is not None
    assert row.incoming.authorization is None
    assert "secret" not in repr(row)


# ---- an answer from another process ---------------------------------------------------------------------------


async def test_what_is_needed_is_asked_once_and_the_answer_decides(lab: Lab) -> None:
    await box(lab)
    await lab.ask(Ask(box="1", thing="pen"), correlation_id="mine")
    assert (lab.told(), lab.code()) == (["waiting"], "waiting_insee")
    (asked,) = lab.bus.on("oracle.requests")
    assert (asked.key, orjson.loads(asked.value)) == (b"pen", {"thing": "pen"})
    assert dict(asked.headers)["ce_type"] == b"oracle.ask.v1"
    assert dict(asked.headers)["ce_correlationid"] == b"mine"
    await lab.main.engine.on_copies_changed([oracle_key("pen")])
    assert len(lab.bus.on("oracle.requests")) == 1
    await lab.main.engine.on_lookup_answered(YES)
    assert lab.told()[-1] == "applied"
    assert await lab.things() == ("lid", "pen")
    await lab.rest()
    await lab.tells_one_story("r1", "applied")


async def test_the_answer_may_be_no(lab: Lab) -> None:
    await box(lab)
    await lab.ask(Ask(box="1", thing="pen"))
    await lab.main.engine.on_lookup_answered(NO)
    assert (lab.told(), lab.code()) == (["waiting", "rejected"], "forbidden")


async def test_an_answer_that_comes_twice_has_one_effect(lab: Lab) -> None:
    await box(lab)
    await lab.ask(Ask(box="1", thing="pen"))
    slow = lab.process("slow")
    async with slow.life.held("save", slow.engine.on_lookup_answered(YES)):
        await lab.main.engine.on_lookup_answered(YES)
    await lab.main.engine.on_lookup_answered(NO)
    assert await lab.things() == ("lid", "pen")
    await lab.rest()
    await lab.tells_one_story("r1", "applied")


async def test_what_is_never_answered_is_refused_at_its_deadline(lab: Lab) -> None:
    await box(lab)
    await lab.ask(Ask(box="1", thing="pen"))
    lab.clock.pass_(60 * MINUTE - 1)
    await lab.sweep()
    assert lab.told() == ["waiting"]
    lab.clock.pass_(1)
    await lab.sweep()
    assert (lab.told(), lab.code()) == (["waiting", "rejected"], "insee_unavailable")
    await lab.main.engine.on_lookup_answered(YES)
    assert await lab.things() == ("lid",)
    await lab.rest()
    await lab.tells_one_story("r1", "rejected")


async def test_each_kind_of_wait_has_a_time_of_its_own(lab: Lab) -> None:
    await box(lab)
    await lab.ask(Ask(box="1", thing="pen"))
    lab.clock.pass_(59 * MINUTE)
    await lab.main.engine.on_lookup_answered(LATER)
    assert lab.told() == ["waiting"], "it still waits for the same: nothing new is told"
    row = await lab.row()
    assert row is not None
    assert row.deadline == lab.clock.time + 10 * MINUTE
    lab.clock.pass_(9 * MINUTE)
    await lab.main.engine.on_lookup_answered(LATER)
    row = await lab.row()
    assert row is not None
    assert row.deadline == lab.clock.time + MINUTE, "a second answer like the first gives no more time"
    await lab.main.engine.on_lookup_answered(YES)
    assert lab.told() == ["waiting", "applied"]


async def test_what_got_no_answer_is_asked_again(lab: Lab) -> None:
    await box(lab)
    await lab.ask(Ask(box="1", thing="pen"))
    questions = []
    for _ in range(10):
        await lab.sweep()
        await lab.sweep()
        questions.append(len(lab.bus.on("oracle.requests")))
        lab.clock.pass_(MINUTE)
    assert ASK_AGAIN == 5 * MINUTE
    assert questions == [1, 1, 1, 1, 1, 2, 2, 3, 3, 4]
    await lab.main.engine.on_lookup_answered(YES)
    lab.clock.pass_(10 * MINUTE)
    await lab.sweep()
    assert len(lab.bus.on("oracle.requests")) == 4


async def test_an_answer_to_come_later_puts_the_next_question_off(lab: Lab) -> None:
    await box(lab)
    await lab.ask(Ask(box="1", thing="pen"))
    lab.clock.pass_(4 * MINUTE)
    await lab.main.engine.on_lookup_answered(LATER)
    lab.clock.pass_(4 * MINUTE)
    await lab.sweep()
    assert len(lab.bus.on("oracle.requests")) == 1
    lab.clock.pass_(MINUTE)
    await lab.sweep()
    assert len(lab.bus.on("oracle.requests")) == 2


async def test_one_answer_decides_all_who_wait_for_it(lab: Lab) -> None:
    await box(lab)
    await lab.batch(incoming(Ask(box="1", thing="pen"), "r1"), incoming(Ask(box="1", thing="pen"), "r1", actor=BOB))
    await lab.main.engine.on_lookup_answered(YES)
    assert (lab.told(), lab.told(actor="bob")) == (["waiting", "applied"], ["waiting", "applied"])
    assert await lab.things() == ("lid", "pen", "pen")


async def test_a_request_given_up_by_one_process_and_answered_in_another(lab: Lab) -> None:
    await box(lab)
    await lab.ask(Ask(box="1", thing="pen"))
    lab.clock.pass_(60 * MINUTE)
    sweeping = lab.process("sweeping")
    async with sweeping.life.held("save", lab.sweep(by=sweeping)):
        await lab.main.engine.on_lookup_answered(YES)
    kept = "pen" in await lab.things()
    await lab.rest()
    await lab.tells_one_story("r1", "applied" if kept else "rejected")
