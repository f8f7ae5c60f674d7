"""Whatever one actor submits and whatever one stored document holds, its neighbours go on (the tenth guarantee)."""

from typing import Any

import pytest

from shared.engine.core.document import HEAVIEST_WRITE
from shared.engine.runtime.engine import ROUNDS_AT_ONCE
from tests.support.harness import OLD, Died, Harness
from tests.support.toy import ALICE, BOB, DELAY, PRIVILEGED, UNSHOWABLE, incoming
from tests.support.toy.requests import (
    Ask,
    Cancel,
    Find,
    Label,
    Open,
    Put,
    PutNow,
    RenameHeedless,
    RenameUnseen,
)

LONG = "x" * 60_000


async def boxes(harness: Harness, *names: str) -> None:
    await harness.batch(*(incoming(Find(box=name, thing="lid"), f"made {name}") for name in names))


async def spoil(harness: Harness, box: str, **state: Any) -> None:
    """Let a stored box hold what this version can't make sense of."""
    raw = await harness.raw.get("documents", f"box:{box}")
    await harness.raw.put("documents", raw | {"state": raw["state"] | state})
    await harness.catch_up()


# ---- pending changes are bounded, by number and by bytes ------------------------------------------------------


async def test_one_actor_fills_half_of_a_document_others_go_on_and_the_privileged_last_r6(harness: Harness) -> None:
    await boxes(harness, "1")
    for actor in (ALICE, BOB):
        await harness.batch(*(incoming(Put(box="1", thing=f"{actor.id}{n}"), f"r{n}", actor=actor) for n in range(51)))
    assert (harness.statuses("r49"), harness.code("r50")) == (["accepted"], "too_many_pending")
    bobs = [harness.statuses(f"r{n}", "bob") for n in range(51)]
    assert bobs == [["accepted"]] * 40 + [["rejected"]] * 11, "a tenth is kept for whoever has a reserved place"
    await harness.batch(*(incoming(Put(box="1", thing=f"k{n}"), f"r{n}", actor=PRIVILEGED) for n in range(11)))
    assert [harness.statuses(f"r{n}", "privileged") for n in range(11)] == [["accepted"]] * 10 + [["rejected"]]
    assert len((await harness.document()).pending) == 100
    await harness.submit(Cancel(box="1", request_id="r0"), "gives way")
    await harness.submit(Put(box="1", thing="after"), "r100")
    assert harness.statuses("r100") == ["rejected"], "what is kept for the privileged is not given to others"
    await harness.submit(Cancel(box="1", request_id="r1"), "gives way too")
    assert harness.statuses("gives way too") == ["applied"], "whoever has too much pending can take it back"


async def test_what_is_pending_is_bounded_by_its_bytes_too_r6(harness: Harness) -> None:
    await boxes(harness, "1", "2")
    requests = [incoming(Label(box="1", label=f"{n}{LONG}"), f"r{n}") for n in range(10)]
    await harness.batch(*requests, incoming(Label(box="2", label="short"), "neighbour"))
    accepted = [n for n in range(10) if harness.statuses(f"r{n}") == ["accepted"]]
    assert accepted == [0, 1, 2], "each takes some 180 kB: before, after, and what is to be done"
    assert {harness.code(f"r{n}") for n in range(3, 10)} == {"too_many_pending"}
    assert harness.statuses("neighbour") == ["accepted"]


async def test_what_changes_too_much_at_once_is_refused(harness: Harness) -> None:
    await boxes(harness, "1")
    await harness.submit(Label(box="1", label="x" * 300_000))
    assert (harness.statuses(), harness.code()) == (["rejected"], "request_too_large")


async def test_what_one_batch_writes_is_written_in_bounded_parts_and_in_order(harness: Harness) -> None:
    await boxes(harness, "1", "2")
    things = [f"{n}{LONG}" for n in range(60)]
    await harness.batch(
        *(incoming(PutNow(box="1", thing=thing), f"r{n}") for n, thing in enumerate(things)),
        incoming(PutNow(box="2", thing="pen"), "neighbour"),
    )
    assert await harness.things() == ("lid", *things)
    assert harness.statuses("neighbour") == ["applied"]
    versions = [harness.outcomes(f"r{n}")[0]["version"] for n in range(60)]
    assert versions == sorted(versions)
    await harness.rest()


async def test_an_outbox_that_a_dead_process_left_does_not_grow_beyond_its_bound(harness: Harness) -> None:
    await boxes(harness, "1")
    for n in range(3):
        heavy = [incoming(PutNow(box="1", thing=f"{n}{m}{LONG}"), f"r{n}.{m}") for m in range(12)]
        with pytest.raises(Died):
            await harness.batch(*heavy, by=harness.process(dies_after="save"))
        assert (await harness.document()).outbox_weight() < 2 * HEAVIEST_WRITE
        await harness.rest()


# ---- what can't be read, shown, written or sent ---------------------------------------------------------------


async def test_what_is_stored_is_not_judged_again_by_validators_that_have_tightened(harness: Harness) -> None:
    await boxes(harness, "1")
    await spoil(harness, "1", label=7, closed="perhaps")
    await harness.submit(PutNow(box="1", thing="pen"))
    assert harness.statuses() == ["applied"]
    assert await harness.things() == ("lid", "pen")


async def test_a_document_that_nobody_can_read_stops_no_neighbour(harness: Harness) -> None:
    await boxes(harness, "1", "2")
    await harness.batch(*(incoming(Put(box=box, thing="cup"), f"later {box}") for box in "12"))
    await spoil(harness, "1", things=7)
    await harness.batch(incoming(PutNow(box="1", thing="pen")), incoming(PutNow(box="2", thing="pen"), "neighbour"))
    assert (harness.statuses(), harness.code()) == (["rejected"], "internal_error")
    assert harness.statuses("neighbour") == ["applied"]
    harness.clock.pass_(DELAY)
    await harness.trigger("1", "2")
    assert (harness.statuses("later 1"), harness.statuses("later 2")) == (["accepted"], ["accepted", "applied"])
    await spoil(harness, "1", things=["lid"])
    await harness.trigger("1")
    assert harness.statuses("later 1") == ["accepted", "applied"], "nothing of it is lost"


async def test_a_request_whose_record_nobody_can_read_stops_no_neighbour(harness: Harness) -> None:
    await boxes(harness, "1")
    await harness.submit(PutNow(box="1", thing="pen"))
    record = await harness.raw.get("requests", "alice|r1")
    del record["transition"]
    await harness.raw.put("requests", record)
    await harness.catch_up()
    await harness.batch(incoming(PutNow(box="1", thing="pen")), incoming(PutNow(box="1", thing="ink"), "neighbour"))
    assert harness.statuses("neighbour") == ["applied"]
    assert await harness.things() == ("lid", "pen", "ink"), "what may have been decided is not decided again"


async def test_a_document_that_cannot_be_shown_stops_no_neighbour(harness: Harness) -> None:
    await boxes(harness, "1", "2")
    await spoil(harness, "1", label=UNSHOWABLE)
    await harness.batch(incoming(PutNow(box="1", thing="pen")), incoming(PutNow(box="2", thing="pen"), "neighbour"))
    assert (harness.statuses(), harness.statuses("neighbour")) == (["applied"], ["applied"])
    assert (await harness.document()).outbox == []
    await spoil(harness, "1", label="shown")
    harness.clock.pass_(OLD)
    await harness.sweep()
    assert harness.record("1")["things"] == ["lid", "pen"], "once it can be shown it is"


async def test_a_record_too_large_to_be_sent_is_kept_aside_and_its_neighbours_go_on(harness: Harness) -> None:
    await boxes(harness, "1", "2")
    await spoil(harness, "1", label="x" * 1_000_000)
    await harness.batch(incoming(PutNow(box="1", thing="pen")), incoming(PutNow(box="2", thing="pen"), "neighbour"))
    assert (harness.statuses(), harness.statuses("neighbour")) == (["applied"], ["applied"])
    (dead,) = harness.bus.on("box_svc.dlq")
    assert dict(dead.headers)["dlq_code"] == b"message_too_large"
    harness.clock.pass_(OLD)
    await harness.sweep()
    assert (await harness.document()).outbox == []


async def test_a_document_that_can_hold_no_more_refuses_and_its_neighbours_go_on(harness: Harness) -> None:
    await boxes(harness, "1", "2")
    await spoil(harness, "1", label="x" * 16_700_000)
    await harness.batch(
        incoming(PutNow(box="1", thing="p" * 200_000)), incoming(PutNow(box="2", thing="pen"), "neighbour")
    )
    assert (harness.statuses(), harness.code()) == (["rejected"], "document_too_large")
    assert harness.statuses("neighbour") == ["applied"]


async def test_a_change_due_on_a_document_that_can_hold_no_more_stops_no_neighbour(harness: Harness) -> None:
    await boxes(harness, "1", "2")
    await harness.batch(*(incoming(Put(box=box, thing="pen"), f"later {box}") for box in "12"))
    await spoil(harness, "1", label="x" * 16_400_000, things=["p" * 200_000])
    harness.clock.pass_(DELAY)
    await harness.trigger("1", "2")
    assert (harness.statuses("later 1"), harness.statuses("later 2")) == (["accepted"], ["accepted", "applied"])


# ---- copies of one request, keys that others hold, waiting requests -------------------------------------------


async def test_many_copies_of_one_request_in_a_batch_are_answered_in_two_passes(harness: Harness) -> None:
    await boxes(harness, "1", "2")
    copies = [incoming(PutNow(box="1", thing="pen"), correlation_id=f"c{n}") for n in range(2_000)]
    others = [incoming(PutNow(box="1", thing=f"other {n}")) for n in range(50)]
    before = harness.main.life.steps.count("load")
    await harness.batch(*copies, *others, incoming(PutNow(box="2", thing="pen"), "neighbour"))
    assert harness.main.life.steps.count("load") - before <= 4
    assert await harness.things() == ("lid", "pen")
    assert {o["correlation_id"] for o in harness.outcomes() if o["status"] == "applied"} == {
        f"c{n}" for n in range(2_000)
    }
    assert sum(o["code"] == "request_id_reused" for o in harness.outcomes()) == 50
    assert harness.statuses("neighbour") == ["applied"]


async def test_a_key_that_somebody_holds_is_found_though_the_request_does_not_name_it(harness: Harness) -> None:
    await harness.submit(Open(name="tools"), "tools")
    await boxes(harness, "mine")
    await harness.submit(RenameUnseen(box="mine", name="tools"))
    assert (harness.statuses(), harness.code()) == (["rejected"], "identifier_taken")


async def test_a_rule_that_never_looks_who_holds_a_key_waits_and_ends(harness: Harness) -> None:
    await harness.submit(Open(name="tools"), "tools")
    await boxes(harness, "mine", "other")
    before = harness.main.life.steps.count("save")
    heedless = incoming(RenameHeedless(box="mine", name="tools"))
    await harness.batch(heedless, incoming(PutNow(box="other", thing="pen"), "neighbour"))
    assert harness.statuses("neighbour") == ["applied"]
    assert (harness.statuses(), harness.code()) == (["waiting"], "waiting_busy")
    assert harness.main.life.steps.count("save") - before <= ROUNDS_AT_ONCE + 1
    for _ in range(10):
        harness.clock.pass_(2_000)
        await harness.sweep()
    assert (harness.statuses(), harness.code()) == (["waiting", "rejected"], "internal_error")


async def test_one_actor_keeps_a_bounded_number_of_requests_waiting(harness: Harness) -> None:
    await boxes(harness, "1")
    await harness.batch(*(incoming(Ask(box="1", thing=f"t{n}"), f"r{n}") for n in range(990)))
    await harness.batch(*(incoming(Ask(box="1", thing=f"t{n}"), f"r{n}") for n in range(980, 1_010)))
    assert harness.statuses("r999") == ["waiting"]
    assert {(harness.statuses(f"r{n}")[-1], harness.code(f"r{n}")) for n in range(1_000, 1_010)} == {
        ("rejected", "too_many_waiting")
    }
    await harness.submit(Ask(box="1", thing="pen"), "r0", actor=BOB)
    assert harness.statuses("r0", "bob") == ["waiting"], "others may wait as well"


@pytest.mark.parametrize("entry", [{"at": 1}, {"at": 1, "version": 2, "request_id": "x"}, {"at": 1, "version": "two"}])
async def test_an_outbox_that_nobody_can_read_stops_no_neighbour(harness: Harness, entry: dict[str, Any]) -> None:
    await boxes(harness, "1", "2")
    raw = await harness.raw.get("documents", "box:1")
    await harness.raw.put("documents", raw | {"outbox": [entry]})
    await harness.catch_up()
    await harness.batch(incoming(PutNow(box="1", thing="pen")), incoming(PutNow(box="2", thing="pen"), "neighbour"))
    assert (harness.statuses(), harness.code()) == (["rejected"], "internal_error")
    assert harness.statuses("neighbour") == ["applied"]
    await harness.trigger("1", "2")
    harness.clock.pass_(OLD)
    await harness.sweep()
