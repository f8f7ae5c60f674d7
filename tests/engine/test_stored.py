"""What is stored: fields of a newer version survive our writes, and each write touches only what it changed."""

from typing import Any

import pytest

from shared.clock import SECOND
from tests.support.harness import OLD, Harness
from tests.support.toy import DELAY
from tests.support.toy.requests import Cancel, Find, Label, Put, PutIfPermitted, PutNow
from tests.support.toy.rules import permissions_key


async def newer(harness: Harness) -> None:
    """Store a box with two pending changes, to which a newer version has added fields everywhere."""
    await harness.submit(Find(box="1", thing="lid"), "r0")
    await harness.submit(Put(box="1", thing="pen"), "r1")
    harness.clock.pass_(SECOND)
    await harness.submit(Put(box="1", thing="ink"), "r2")
    raw = await harness.raw.get("documents", "box:1")
    raw["shelf"] = 3
    raw["state"] |= {"lining": {"colour": "red", "fabric": "silk"}, "weight": 7}
    for pending in raw["pending"]:
        pending["note"] = "fragile"
        pending["transition"]["reason"] = "moving"
        pending["change"]["wrap"] = True
    await harness.raw.put("documents", raw)


def kept(raw: dict[str, Any], *, pending: int) -> None:
    assert raw["shelf"] == 3
    assert raw["state"]["weight"] == 7
    assert raw["state"]["lining"] == {"colour": "red", "fabric": "silk"}
    assert len(raw["pending"]) == pending
    for change in raw["pending"]:
        assert (change["note"], change["transition"]["reason"], change["change"]["wrap"]) == ("fragile", "moving", True)


async def test_unknown_fields_survive_a_change_at_once(harness: Harness) -> None:
    await newer(harness)
    await harness.submit(PutNow(box="1", thing="cup"), "r3")
    kept(await harness.raw.get("documents", "box:1"), pending=2)


async def test_unknown_fields_survive_the_end_of_a_pending_change(harness: Harness) -> None:
    await newer(harness)
    await harness.submit(Cancel(box="1", request_id="r2"), "r3")
    kept(await harness.raw.get("documents", "box:1"), pending=1)
    assert harness.journal("r2")[-1]["reason"] == "moving"


async def test_unknown_fields_survive_what_is_applied_and_what_the_sweeper_does(harness: Harness) -> None:
    await newer(harness)
    harness.clock.pass_(DELAY - SECOND)
    await harness.trigger("1")
    assert await harness.things() == ("lid", "pen")
    kept(await harness.raw.get("documents", "box:1"), pending=1)
    harness.clock.pass_(41 * SECOND)
    await harness.rest()
    kept(await harness.raw.get("documents", "box:1"), pending=0)
    assert await harness.things() == ("lid", "pen", "ink")


async def test_unknown_fields_of_a_request_record_survive_its_decision(harness: Harness) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    await harness.submit(PutIfPermitted(box="1", thing="pen"))
    record = await harness.raw.get("requests", "alice|r1")
    await harness.raw.put("requests", record | {"flag": 1})
    await harness.copy(permissions_key("1"), {"may": ["alice"]})
    record = await harness.raw.get("requests", "alice|r1")
    assert (record["status"], record["flag"]) == ("applied", 1)
    assert not {"incoming", "deadline", "waits_for"} & set(record), (
        "what a waiting request needs is gone once it is decided"
    )


@pytest.mark.parametrize(
    "newer_one", [{"type": "box.paint.v1"}, {"data": {"box": "1", "thing": "pen", "colour": "red"}}]
)
async def test_a_waiting_request_of_a_newer_version_is_left_to_those_who_know_it(
    harness: Harness, newer_one: dict[str, Any]
) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    await harness.submit(PutIfPermitted(box="1", thing="pen"), "r1")
    await harness.submit(PutIfPermitted(box="1", thing="ink"), "r2")
    record = await harness.raw.get("requests", "alice|r1")
    await harness.raw.put("requests", record | {"incoming": record["incoming"] | newer_one})
    unknown = await harness.raw.get("requests", "alice|r1")
    harness.clock.pass_(3 * SECOND)
    await harness.sweep()
    assert (harness.statuses("r1"), harness.statuses("r2")) == (["waiting"], ["waiting", "rejected"])
    await harness.copy(permissions_key("1"), {"may": ["alice"]})
    kept = await harness.raw.get("requests", "alice|r1")
    assert kept.pop("deadline") >= unknown.pop("deadline"), "its end may be put off, so that it hides no other"
    assert kept == unknown


async def test_what_a_newer_version_knows_of_an_actor_is_no_obstacle(harness: Harness) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    await harness.submit(PutIfPermitted(box="1", thing="pen"))
    record = await harness.raw.get("requests", "alice|r1")
    record["incoming"]["actor"]["title"] = "Dr"
    await harness.raw.put("requests", record)
    await harness.copy(permissions_key("1"), {"may": ["alice"]})
    assert harness.statuses() == ["waiting", "applied"]


async def test_a_write_leaves_alone_what_it_does_not_change(harness: Harness) -> None:
    """A whole document written back would bring back what another process has cleared or changed since."""
    await harness.submit(Find(box="1", thing="lid"), "r0")
    slow = harness.process("slow")
    async with slow.life.held("save", harness.submit(PutNow(box="1", thing="pen"), by=slow)):
        raw = await harness.raw.get("documents", "box:1")
        raw["state"]["label"] = "written by a newer version without another version number"
        await harness.raw.put("documents", raw)
    raw = await harness.raw.get("documents", "box:1")
    assert raw["state"]["things"] == ["lid", "pen"]
    assert raw["state"]["label"] == "written by a newer version without another version number"


async def test_a_cleared_value_is_stored_as_nothing_and_read_as_nothing(harness: Harness) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    await harness.submit(Label(box="1", label="old"), "r1")
    await harness.submit(Label.model_validate({"box": "1", "label": None}), "r2")
    harness.clock.pass_(DELAY)
    await harness.trigger("1")
    assert (await harness.box()).label is None
    assert [s["after"] for s in harness.journal("r2")] == [{"label": None}] * 2


async def test_what_was_published_is_gone_from_the_outbox_and_only_that(harness: Harness) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    slow = harness.process("slow")
    async with slow.life.held("clear", harness.submit(PutNow(box="1", thing="pen"), by=slow)):
        held = harness.process("held")
        async with held.life.held("publish box.outcomes", harness.submit(PutNow(box="1", thing="ink"), "r2", by=held)):
            assert len((await harness.document()).outbox) == 2
        harness.clock.pass_(OLD)
    assert (await harness.document()).outbox == []
