"""What becomes of a request, seen from outside: what is told, journaled, published and kept."""

import orjson

from shared.clock import iso
from shared.contracts.messages.life import request_key
from tests.support.harness import Lab, statuses
from tests.support.toy import ALICE, BOB, DELAY, NOW, box_id, incoming
from tests.support.toy.requests import Cancel, Close, Empty, Find, Label, Open, Put, PutAfter, PutNow, Rename, Take


async def test_what_takes_effect_at_once_is_applied_told_and_kept(lab: Lab) -> None:
    await lab.ask(Find(box="1", thing="lid"))
    assert lab.told() == ["applied"]
    assert await lab.things() == ("lid",)
    assert lab.record() == {"things": ["lid"], "closed": False, "version": 1, "pending": [], "will_hold": ["lid"]}
    row = await lab.row()
    assert row is not None
    assert (row.transition.status, row.transition.document, row.transition.version) == ("applied", "box:1", 1)
    assert lab.journal()[0]["after"]["things"] == ["lid"]


async def test_what_takes_effect_later_is_accepted_and_leaves_the_state_alone(lab: Lab) -> None:
    await lab.ask(Find(box="1", thing="lid"), "r0")
    await lab.ask(Put(box="1", thing="pen"))
    (told,) = lab.outcomes()
    assert (told["status"], told["code"]) == ("accepted", "accepted")
    assert (told["accepted_at"], told["effective_at"]) == (iso(NOW), iso(NOW + DELAY))
    assert await lab.things() == ("lid",)
    assert lab.record()["pending"] == ["r1"]
    assert lab.record()["will_hold"] == ["lid", "pen"]
    assert lab.delayed() == [{"document": "box:1", "due_at": iso(NOW + DELAY)}]


async def test_accepted_at_is_the_later_of_our_clock_and_the_append_time(lab: Lab) -> None:
    await lab.ask(Find(box="1", thing="lid"), "r0")
    await lab.batch(incoming(Put(box="1", thing="pen"), "slow", at=NOW + 90))
    await lab.batch(incoming(Put(box="1", thing="ink"), "fast", at=NOW - 90))
    assert [lab.outcomes(r)[0]["accepted_at"] for r in ("slow", "fast")] == [iso(NOW + 90), iso(NOW)]


async def test_effective_at_never_comes_before_that_of_one_accepted_earlier_r6(lab: Lab) -> None:
    await lab.ask(Find(box="1", thing="lid"), "r0")
    await lab.batch(incoming(Put(box="1", thing="pen"), "first", at=NOW + 90))
    await lab.batch(incoming(Put(box="1", thing="ink"), "second", at=NOW))
    assert [lab.outcomes(r)[0]["effective_at"] for r in ("first", "second")] == [iso(NOW + 90 + DELAY)] * 2
    lab.clock.pass_(DELAY + 90)
    await lab.poke("1")
    assert await lab.things() == ("lid", "pen", "ink")


async def test_when_it_is_due_it_is_applied_and_told(lab: Lab) -> None:
    await lab.ask(Find(box="1", thing="lid"), "r0")
    await lab.ask(Put(box="1", thing="pen"))
    lab.clock.pass_(DELAY)
    await lab.poke("1")
    assert lab.told() == ["accepted", "applied"]
    assert await lab.things() == ("lid", "pen")
    assert (lab.record()["pending"], lab.record()["things"]) == ([], ["lid", "pen"])
    first, second = lab.journal()
    assert statuses([first, second]) == ["accepted", "applied"]
    assert second["version"] > first["version"]
    assert (second["before"], second["after"]) == ({"things": ["lid"]}, {"things": ["lid", "pen"]})
    await lab.rest()
    await lab.tells_one_story("r1", "applied")


async def test_a_refusal_changes_nothing_and_is_a_decision_like_any_other(lab: Lab) -> None:
    await lab.ask(Find(box="1", thing="lid"), "r0")
    before = lab.record()
    await lab.ask(PutAfter(box="1", thing="pen", after="ink"))
    assert lab.told() == ["rejected"]
    assert lab.code() == "not_found"
    assert await lab.things() == ("lid",)
    assert lab.record() == before
    assert (await lab.document()).version == 2
    assert statuses(lab.journal()) == ["rejected"]


async def test_a_rule_looks_at_what_will_be_once_all_that_is_pending_has_applied_r5(lab: Lab) -> None:
    await lab.ask(Find(box="1", thing="lid"), "r0")
    await lab.ask(Take(box="1", thing="lid"), "r1")
    await lab.ask(Take(box="1", thing="lid"), "r2")
    await lab.ask(Put(box="1", thing="pen"), "r3")
    await lab.ask(PutAfter(box="1", thing="ink", after="pen"), "r4")
    assert [lab.told(r) for r in ("r1", "r2", "r3", "r4")] == [["accepted"], ["rejected"], ["accepted"], ["applied"]]


async def test_a_refusal_about_nothing_that_exists_is_kept_and_says_what_it_was_about(lab: Lab) -> None:
    await lab.ask(PutNow(box="1", thing="pen"))
    (told,) = lab.outcomes()
    assert (told["status"], told["code"], told["reference"]) == ("rejected", "not_found", {"box": "1"})
    row = await lab.row()
    assert row is not None
    assert (row.transition.status, row.transition.document) == ("rejected", None)
    await lab.rest()
    await lab.tells_one_story("r1", "rejected")


async def test_a_change_that_makes_no_difference_ends_at_once_r4(lab: Lab) -> None:
    await lab.ask(Find(box="1", thing="lid"), "r0")
    await lab.ask(Label(box="1", label="old"), "r1")
    lab.clock.pass_(DELAY)
    await lab.poke("1")
    await lab.ask(Label(box="1", label="old"), "r2")
    assert (lab.told("r2"), lab.code("r2")) == (["applied"], "nothing_to_change")
    assert "effective_at" not in lab.outcomes("r2")[0]
    assert lab.record()["pending"] == []
    assert len(lab.delayed()) == 1


async def test_what_another_has_asked_for_already_is_no_change_that_has_been_made_r5(lab: Lab) -> None:
    await lab.ask(Find(box="1", thing="lid"), "r0")
    await lab.ask(Label(box="1", label="new"), "r1", actor=BOB)
    await lab.ask(Label(box="1", label="new"), "r2")
    assert (lab.told("r2"), lab.code("r2")) == (["rejected"], "already_pending")
    (told,) = lab.outcomes("r2")
    assert told["details"] == {"request_id": "r1", "effective_at": iso(lab.clock.time + DELAY)}
    await lab.ask(Cancel(box="1", request_id="r1"), "r3", actor=BOB)
    await lab.ask(Label(box="1", label="new"), "r4")
    assert lab.told("r4") == ["accepted"], "once it is taken back it can be asked for"


async def test_what_can_no_longer_be_applied_fails_and_leaves_the_state_as_it_was_r7(lab: Lab) -> None:
    await lab.ask(Find(box="1", thing="lid"), "r0")
    await lab.ask(Take(box="1", thing="lid"), "r1")
    await lab.ask(Put(box="1", thing="pen"), "r2")
    await lab.ask(Empty(box="1"), "r3")
    lab.clock.pass_(DELAY)
    await lab.poke("1")
    assert lab.told("r1") == ["accepted", "failed"]
    assert lab.code("r1") == "not_found"
    assert lab.told("r2") == ["accepted", "applied"]
    assert await lab.things() == ("pen",)
    assert lab.record()["pending"] == []
    await lab.rest()
    await lab.tells_one_story("r1", "failed")


async def test_a_cancelled_change_never_applies_and_both_are_told(lab: Lab) -> None:
    await lab.ask(Find(box="1", thing="lid"), "r0")
    await lab.ask(Put(box="1", thing="pen"), "r1")
    await lab.ask(Cancel(box="1", request_id="r1"), "r2")
    assert (lab.told("r1"), lab.told("r2")) == (["accepted", "cancelled"], ["applied"])
    lab.clock.pass_(DELAY)
    await lab.poke("1")
    assert await lab.things() == ("lid",)
    assert lab.told("r1") == ["accepted", "cancelled"]
    await lab.rest()
    await lab.tells_one_story("r1", "cancelled")


async def test_a_cancellation_at_its_time_or_after_is_too_late_r7(lab: Lab) -> None:
    await lab.ask(Find(box="1", thing="lid"), "r0")
    await lab.ask(Put(box="1", thing="pen"), "r1")
    lab.clock.pass_(DELAY)
    await lab.ask(Cancel(box="1", request_id="r1"), "r2")
    await lab.poke("1")
    await lab.ask(Cancel(box="1", request_id="r1"), "r3")
    assert [(lab.told(r), lab.code(r)) for r in ("r2", "r3")] == [(["rejected"], "too_late")] * 2
    assert await lab.things() == ("lid", "pen")


async def test_accepted_and_cancelled_in_one_batch_are_told_in_order(lab: Lab) -> None:
    await lab.ask(Find(box="1", thing="lid"), "r0")
    await lab.batch(incoming(Put(box="1", thing="pen"), "r1"), incoming(Cancel(box="1", request_id="r1"), "r2"))
    assert lab.told("r1") == ["accepted", "cancelled"]
    assert statuses(lab.journal("r1")) == ["accepted", "cancelled"]
    await lab.rest()
    await lab.tells_one_story("r1", "cancelled")


async def test_a_creation_may_be_followed_by_a_second_request_r11(lab: Lab) -> None:
    await lab.ask(Open(name="tools", thing="pen"))
    (told,) = lab.outcomes()
    assert (told["status"], told["code"], told["follow_up"]) == ("applied", "created", "r1.put")
    box = told["document"].removeprefix("box:")
    assert lab.told("r1.put") == ["accepted"]
    assert lab.record(box)["name"] == "tools"
    assert lab.record(box)["will_hold"] == ["pen"]
    lab.clock.pass_(DELAY)
    await lab.poke(box)
    assert await lab.things(box) == ("pen",)
    await lab.tells_one_story("r1.put", "applied", box)


async def test_a_unique_key_is_held_by_one_and_reserved_from_acceptance_until_the_end_r8(lab: Lab) -> None:
    await lab.batch(incoming(Open(name="tools"), "a"), incoming(Open(name="toys"), "b"))
    box = lab.outcomes("a")[0]["document"].removeprefix("box:")
    await lab.ask(Open(name="tools"), "taken")
    await lab.ask(Rename(box=box, name="toys"), "also taken")
    await lab.ask(Rename(box=box, name="pens"), "reserves")
    await lab.ask(Open(name="pens"), "reserved")
    await lab.ask(Rename(box=box, name="pens"), "mine already")
    assert [lab.code(r) for r in ("taken", "also taken", "reserved")] == ["identifier_taken"] * 3
    assert lab.code("mine already") == "already_pending"
    await lab.ask(Cancel(box=box, request_id="reserves"), "gives it up")
    await lab.ask(Open(name="pens"), "free again")
    assert lab.code("free again") == "created"


async def test_a_renamed_box_gives_its_old_name_up_when_it_is_applied(lab: Lab) -> None:
    await lab.ask(Open(name="tools"), "a")
    box = lab.outcomes("a")[0]["document"].removeprefix("box:")
    await lab.ask(Rename(box=box, name="pens"), "b")
    lab.clock.pass_(DELAY)
    await lab.poke(box)
    assert (await lab.document(box)).keys == ("name:pens",)
    await lab.batch(incoming(Open(name="tools"), "old name"), incoming(PutNow(box="@pens", thing="ink"), "new name"))
    assert [lab.told(r) for r in ("old name", "new name")] == [["applied"], ["applied"]]
    assert await lab.things(box) == ("ink",)


async def test_requests_are_decided_in_the_order_in_which_they_come(lab: Lab) -> None:
    await lab.ask(Find(box="1", thing="0"), "r0")
    await lab.batch(*(incoming(PutNow(box="1", thing=str(n)), f"r{n}") for n in range(1, 9)))
    assert await lab.things() == tuple("012345678")
    await lab.batch(incoming(Close(box="1"), "close"), incoming(Put(box="1", thing="pen"), "late"))
    assert lab.told("late") == ["rejected"]


async def test_values_are_never_told_and_private_ones_never_journaled(lab: Lab) -> None:
    await lab.ask(Find(box="1", thing="lid"), "r0")
    await lab.ask(Label(box="1", label="old", secret="hush"))
    lab.clock.pass_(DELAY)
    await lab.poke("1")
    assert (await lab.box()).secret == "hush"
    assert [s["after"] for s in lab.journal()] == [{"label": "old", "secret": "***"}] * 2
    assert not any(b"hush" in m.value or b"hush" in repr(m.headers).encode() for m in lab.bus.sent)
    assert not any(b"old" in m.value for m in lab.bus.on("box.outcomes"))


async def test_everyone_is_told_under_the_key_and_the_correlation_of_their_request(lab: Lab) -> None:
    parent = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    await lab.ask(Find(box="1", thing="lid"), "r0")
    await lab.ask(Put(box="1", thing="pen"), actor=BOB, correlation_id="mine", traceparent=parent)
    sent = [m for m in lab.bus.sent if b"r1" in dict(m.headers)["ce_id"]]
    assert [m.topic for m in sent] == ["box.outcomes", "box.journal", "delay.30m.v1"]
    assert [m.key.decode() for m in sent] == ["box:1", f"{request_key('bob', 'r1')}|accepted", "box:1"]
    for message in sent:
        headers = dict(message.headers)
        assert headers["ce_correlationid"] == b"mine"
        assert headers["traceparent"].startswith(parent[:36].encode())
    assert dict(sent[2].headers)["target"] == b"box.due"
    assert dict(sent[2].headers)["due_at"] == b"%d" % (NOW + DELAY)
    assert orjson.loads(sent[0].value)["message"].startswith("Votre demande")


async def test_while_nothing_fails_everything_is_told_once(lab: Lab) -> None:
    await lab.ask(Find(box="1", thing="lid"), "r0")
    for n in range(4):
        await lab.ask(Put(box="1", thing=str(n)), f"r{n + 1}")
    lab.clock.pass_(DELAY)
    await lab.poke("1")
    assert [len(lab.outcomes(f"r{n}")) for n in range(5)] == [1, 2, 2, 2, 2]
    assert len(lab.bus.on("box.journal")) == 9
    assert len(lab.delayed()) == 4


async def test_two_actors_may_use_the_same_id(lab: Lab) -> None:
    await lab.ask(Find(box="1", thing="lid"), "r0")
    await lab.batch(
        incoming(PutNow(box="1", thing="pen"), actor=ALICE), incoming(PutNow(box="1", thing="ink"), actor=BOB)
    )
    assert (lab.told(), lab.told(actor="bob")) == (["applied"], ["applied"])
    assert await lab.things() == ("lid", "pen", "ink")


async def test_one_batch_may_concern_many_documents(lab: Lab) -> None:
    await lab.batch(*(incoming(Find(box=str(n % 3), thing=str(n)), f"r{n}") for n in range(9)))
    assert [await lab.things(str(n)) for n in range(3)] == [tuple("036"), tuple("147"), tuple("258")]
    assert {box_id(str(n)) for n in range(3)} == {m.key.decode() for m in lab.bus.on("box.state")}
