"""What becomes of a request, seen from outside: its outcomes, journal entries, states and record."""

import orjson

from shared.clock import iso
from shared.contracts.messages.life import request_key
from tests.support.harness import Harness, statuses
from tests.support.toy import ALICE, BOB, DELAY, NOW, box_id, incoming
from tests.support.toy.requests import Cancel, Close, Empty, Find, Label, Open, Put, PutAfter, PutNow, Rename, Take


async def test_what_takes_effect_at_once_is_applied_published_and_kept(harness: Harness) -> None:
    await harness.submit(Find(box="1", thing="lid"))
    assert harness.statuses() == ["applied"]
    assert await harness.things() == ("lid",)
    assert harness.record() == {"things": ["lid"], "closed": False, "version": 1, "pending": [], "will_hold": ["lid"]}
    record = await harness.request_record()
    assert record is not None
    assert (
        record.transition.status,
        record.transition.document,
        record.transition.version,
    ) == ("applied", "box:1", 1)
    assert harness.journal()[0]["after"]["things"] == ["lid"]


async def test_what_takes_effect_later_is_accepted_and_leaves_the_state_alone(harness: Harness) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    await harness.submit(Put(box="1", thing="pen"))
    (outcome,) = harness.outcomes()
    assert (outcome["status"], outcome["code"]) == ("accepted", "accepted")
    assert (outcome["accepted_at"], outcome["effective_at"]) == (iso(NOW), iso(NOW + DELAY))
    assert await harness.things() == ("lid",)
    assert harness.record()["pending"] == ["r1"]
    assert harness.record()["will_hold"] == ["lid", "pen"]
    assert harness.delayed() == [{"document": "box:1", "due_at": iso(NOW + DELAY)}]


async def test_accepted_at_is_the_later_of_our_clock_and_the_append_time(harness: Harness) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    await harness.batch(incoming(Put(box="1", thing="pen"), "slow", at=NOW + 90))
    await harness.batch(incoming(Put(box="1", thing="ink"), "fast", at=NOW - 90))
    assert [harness.outcomes(r)[0]["accepted_at"] for r in ("slow", "fast")] == [iso(NOW + 90), iso(NOW)]


async def test_effective_at_never_comes_before_that_of_one_accepted_earlier_r6(harness: Harness) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    await harness.batch(incoming(Put(box="1", thing="pen"), "first", at=NOW + 90))
    await harness.batch(incoming(Put(box="1", thing="ink"), "second", at=NOW))
    assert [harness.outcomes(r)[0]["effective_at"] for r in ("first", "second")] == [iso(NOW + 90 + DELAY)] * 2
    harness.clock.pass_(DELAY + 90)
    await harness.trigger("1")
    assert await harness.things() == ("lid", "pen", "ink")


async def test_when_it_is_due_it_is_applied_and_published(harness: Harness) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    await harness.submit(Put(box="1", thing="pen"))
    harness.clock.pass_(DELAY)
    await harness.trigger("1")
    assert harness.statuses() == ["accepted", "applied"]
    assert await harness.things() == ("lid", "pen")
    assert (harness.record()["pending"], harness.record()["things"]) == ([], ["lid", "pen"])
    first, second = harness.journal()
    assert statuses([first, second]) == ["accepted", "applied"]
    assert second["version"] > first["version"]
    assert (second["before"], second["after"]) == ({"things": ["lid"]}, {"things": ["lid", "pen"]})
    await harness.rest()
    await harness.assert_consistent("r1", "applied")


async def test_a_refusal_changes_nothing_and_is_a_decision_like_any_other(harness: Harness) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    before = harness.record()
    await harness.submit(PutAfter(box="1", thing="pen", after="ink"))
    assert harness.statuses() == ["rejected"]
    assert harness.code() == "not_found"
    assert await harness.things() == ("lid",)
    assert harness.record() == before
    assert (await harness.document()).version == 2
    assert statuses(harness.journal()) == ["rejected"]


async def test_a_rule_looks_at_what_will_be_once_all_that_is_pending_has_applied_r5(harness: Harness) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    await harness.submit(Take(box="1", thing="lid"), "r1")
    await harness.submit(Take(box="1", thing="lid"), "r2")
    await harness.submit(Put(box="1", thing="pen"), "r3")
    await harness.submit(PutAfter(box="1", thing="ink", after="pen"), "r4")
    assert [harness.statuses(r) for r in ("r1", "r2", "r3", "r4")] == [
        ["accepted"],
        ["rejected"],
        ["accepted"],
        ["applied"],
    ]


async def test_a_refusal_about_nothing_that_exists_is_kept_and_says_what_it_was_about(harness: Harness) -> None:
    await harness.submit(PutNow(box="1", thing="pen"))
    (outcome,) = harness.outcomes()
    assert (outcome["status"], outcome["code"], outcome["reference"]) == ("rejected", "not_found", {"box": "1"})
    record = await harness.request_record()
    assert record is not None
    assert (record.transition.status, record.transition.document) == ("rejected", None)
    await harness.rest()
    await harness.assert_consistent("r1", "rejected")


async def test_a_change_that_makes_no_difference_ends_at_once_r4(harness: Harness) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    await harness.submit(Label(box="1", label="old"), "r1")
    harness.clock.pass_(DELAY)
    await harness.trigger("1")
    await harness.submit(Label(box="1", label="old"), "r2")
    assert (harness.statuses("r2"), harness.code("r2")) == (["applied"], "nothing_to_change")
    assert "effective_at" not in harness.outcomes("r2")[0]
    assert harness.record()["pending"] == []
    assert len(harness.delayed()) == 1


async def test_what_another_has_requested_already_is_no_change_that_has_been_made_r5(harness: Harness) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    await harness.submit(Label(box="1", label="new"), "r1", actor=BOB)
    await harness.submit(Label(box="1", label="new"), "r2")
    assert (harness.statuses("r2"), harness.code("r2")) == (["rejected"], "already_pending")
    (outcome,) = harness.outcomes("r2")
    assert outcome["details"] == {"request_id": "r1", "effective_at": iso(harness.clock.time + DELAY)}
    await harness.submit(Cancel(box="1", request_id="r1"), "r3", actor=BOB)
    await harness.submit(Label(box="1", label="new"), "r4")
    assert harness.statuses("r4") == ["accepted"], "once it is taken back it can be requested"


async def test_what_can_no_longer_be_applied_fails_and_leaves_the_state_as_it_was_r7(harness: Harness) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    await harness.submit(Take(box="1", thing="lid"), "r1")
    await harness.submit(Put(box="1", thing="pen"), "r2")
    await harness.submit(Empty(box="1"), "r3")
    harness.clock.pass_(DELAY)
    await harness.trigger("1")
    assert harness.statuses("r1") == ["accepted", "failed"]
    assert harness.code("r1") == "not_found"
    assert harness.statuses("r2") == ["accepted", "applied"]
    assert await harness.things() == ("pen",)
    assert harness.record()["pending"] == []
    await harness.rest()
    await harness.assert_consistent("r1", "failed")


async def test_a_cancelled_change_never_applies_and_both_outcomes_are_published(harness: Harness) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    await harness.submit(Put(box="1", thing="pen"), "r1")
    await harness.submit(Cancel(box="1", request_id="r1"), "r2")
    assert (harness.statuses("r1"), harness.statuses("r2")) == (["accepted", "cancelled"], ["applied"])
    harness.clock.pass_(DELAY)
    await harness.trigger("1")
    assert await harness.things() == ("lid",)
    assert harness.statuses("r1") == ["accepted", "cancelled"]
    await harness.rest()
    await harness.assert_consistent("r1", "cancelled")


async def test_a_cancellation_at_its_time_or_after_is_too_late_r7(harness: Harness) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    await harness.submit(Put(box="1", thing="pen"), "r1")
    harness.clock.pass_(DELAY)
    await harness.submit(Cancel(box="1", request_id="r1"), "r2")
    await harness.trigger("1")
    await harness.submit(Cancel(box="1", request_id="r1"), "r3")
    assert [(harness.statuses(r), harness.code(r)) for r in ("r2", "r3")] == [(["rejected"], "too_late")] * 2
    assert await harness.things() == ("lid", "pen")


async def test_accepted_and_cancelled_in_one_batch_are_published_in_order(harness: Harness) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    await harness.batch(incoming(Put(box="1", thing="pen"), "r1"), incoming(Cancel(box="1", request_id="r1"), "r2"))
    assert harness.statuses("r1") == ["accepted", "cancelled"]
    assert statuses(harness.journal("r1")) == ["accepted", "cancelled"]
    await harness.rest()
    await harness.assert_consistent("r1", "cancelled")


async def test_a_creation_may_be_followed_by_a_second_request_r11(harness: Harness) -> None:
    await harness.submit(Open(name="tools", thing="pen"))
    (outcome,) = harness.outcomes()
    assert (outcome["status"], outcome["code"], outcome["follow_up"]) == ("applied", "created", "r1.put")
    box = outcome["document"].removeprefix("box:")
    assert harness.statuses("r1.put") == ["accepted"]
    assert harness.record(box)["name"] == "tools"
    assert harness.record(box)["will_hold"] == ["pen"]
    harness.clock.pass_(DELAY)
    await harness.trigger(box)
    assert await harness.things(box) == ("pen",)
    await harness.assert_consistent("r1.put", "applied", box)


async def test_a_unique_key_is_held_by_one_and_reserved_from_acceptance_until_the_end_r8(harness: Harness) -> None:
    await harness.batch(incoming(Open(name="tools"), "a"), incoming(Open(name="toys"), "b"))
    box = harness.outcomes("a")[0]["document"].removeprefix("box:")
    await harness.submit(Open(name="tools"), "taken")
    await harness.submit(Rename(box=box, name="toys"), "also taken")
    await harness.submit(Rename(box=box, name="pens"), "reserves")
    await harness.submit(Open(name="pens"), "reserved")
    await harness.submit(Rename(box=box, name="pens"), "mine already")
    assert [harness.code(r) for r in ("taken", "also taken", "reserved")] == ["identifier_taken"] * 3
    assert harness.code("mine already") == "already_pending"
    await harness.submit(Cancel(box=box, request_id="reserves"), "gives it up")
    await harness.submit(Open(name="pens"), "free again")
    assert harness.code("free again") == "created"


async def test_a_renamed_box_gives_its_old_name_up_when_it_is_applied(harness: Harness) -> None:
    await harness.submit(Open(name="tools"), "a")
    box = harness.outcomes("a")[0]["document"].removeprefix("box:")
    await harness.submit(Rename(box=box, name="pens"), "b")
    harness.clock.pass_(DELAY)
    await harness.trigger(box)
    assert (await harness.document(box)).keys == ("name:pens",)
    await harness.batch(
        incoming(Open(name="tools"), "old name"), incoming(PutNow(box="@pens", thing="ink"), "new name")
    )
    assert [harness.statuses(r) for r in ("old name", "new name")] == [["applied"], ["applied"]]
    assert await harness.things(box) == ("ink",)


async def test_requests_are_decided_in_the_order_in_which_they_come(harness: Harness) -> None:
    await harness.submit(Find(box="1", thing="0"), "r0")
    await harness.batch(*(incoming(PutNow(box="1", thing=str(n)), f"r{n}") for n in range(1, 9)))
    assert await harness.things() == tuple("012345678")
    await harness.batch(incoming(Close(box="1"), "close"), incoming(Put(box="1", thing="pen"), "late"))
    assert harness.statuses("late") == ["rejected"]


async def test_values_are_in_no_outcome_and_private_ones_never_journaled(harness: Harness) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    await harness.submit(Label(box="1", label="old", secret="hush"))
    harness.clock.pass_(DELAY)
    await harness.trigger("1")
    assert (await harness.box()).secret == "hush"
    assert [s["after"] for s in harness.journal()] == [{"label": "old", "secret": "***"}] * 2
    assert not any(b"hush" in m.value or b"hush" in repr(m.headers).encode() for m in harness.bus.sent)
    assert not any(b"old" in m.value for m in harness.bus.on("box.outcomes"))


async def test_every_message_has_the_key_and_the_correlation_of_its_request(harness: Harness) -> None:
    parent = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    await harness.submit(Find(box="1", thing="lid"), "r0")
    await harness.submit(Put(box="1", thing="pen"), actor=BOB, correlation_id="mine", traceparent=parent)
    sent = [m for m in harness.bus.sent if b"r1" in dict(m.headers)["ce_id"]]
    assert [m.topic for m in sent] == ["box.outcomes", "box.journal", "delay.30m.v1"]
    assert [m.key.decode() for m in sent] == ["box:1", f"{request_key('bob', 'r1')}|accepted", "box:1"]
    for message in sent:
        headers = dict(message.headers)
        assert headers["ce_correlationid"] == b"mine"
        assert headers["traceparent"].startswith(parent[:36].encode())
    assert dict(sent[2].headers)["target"] == b"box.due"
    assert dict(sent[2].headers)["due_at"] == b"%d" % (NOW + DELAY)
    assert orjson.loads(sent[0].value)["message"].startswith("Votre demande")


async def test_while_nothing_fails_everything_is_published_once(harness: Harness) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    for n in range(4):
        await harness.submit(Put(box="1", thing=str(n)), f"r{n + 1}")
    harness.clock.pass_(DELAY)
    await harness.trigger("1")
    assert [len(harness.outcomes(f"r{n}")) for n in range(5)] == [1, 2, 2, 2, 2]
    assert len(harness.bus.on("box.journal")) == 9
    assert len(harness.delayed()) == 4


async def test_two_actors_may_use_the_same_id(harness: Harness) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    await harness.batch(
        incoming(PutNow(box="1", thing="pen"), actor=ALICE), incoming(PutNow(box="1", thing="ink"), actor=BOB)
    )
    assert (harness.statuses(), harness.statuses(actor="bob")) == (["applied"], ["applied"])
    assert await harness.things() == ("lid", "pen", "ink")


async def test_one_batch_may_concern_many_documents(harness: Harness) -> None:
    await harness.batch(*(incoming(Find(box=str(n % 3), thing=str(n)), f"r{n}") for n in range(9)))
    assert [await harness.things(str(n)) for n in range(3)] == [tuple("036"), tuple("147"), tuple("258")]
    assert {box_id(str(n)) for n in range(3)} == {m.key.decode() for m in harness.bus.on("box.state")}
