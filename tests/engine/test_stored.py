"""What is stored: fields of a newer version survive our writes, and each write touches only what it changed."""

from typing import Any

import pytest

from shared.clock import SECOND
from tests.support.harness import OLD, Lab
from tests.support.toy import DELAY
from tests.support.toy.requests import Cancel, Find, Guarded, Label, Put, PutNow
from tests.support.toy.rules import keeper_key


async def newer(lab: Lab) -> None:
    """Store a box with two pending changes, to which a newer version has added fields everywhere."""
    await lab.ask(Find(box="1", thing="lid"), "r0")
    await lab.ask(Put(box="1", thing="pen"), "r1")
    lab.clock.pass_(SECOND)
    await lab.ask(Put(box="1", thing="ink"), "r2")
    raw = await lab.raw.get("documents", "box:1")
    raw["shelf"] = 3
    raw["state"] |= {"lining": {"colour": "red", "fabric": "silk"}, "weight": 7}
    for pending in raw["pending"]:
        pending["note"] = "fragile"
        pending["step"]["reason"] = "moving"
        pending["change"]["wrap"] = True
    await lab.raw.put("documents", raw)


def kept(raw: dict[str, Any], *, pending: int) -> None:
    assert raw["shelf"] == 3
    assert raw["state"]["weight"] == 7
    assert raw["state"]["lining"] == {"colour": "red", "fabric": "silk"}
    assert len(raw["pending"]) == pending
    for change in raw["pending"]:
        assert (change["note"], change["step"]["reason"], change["change"]["wrap"]) == ("fragile", "moving", True)


async def test_unknown_fields_survive_a_change_at_once(lab: Lab) -> None:
    await newer(lab)
    await lab.ask(PutNow(box="1", thing="cup"), "r3")
    kept(await lab.raw.get("documents", "box:1"), pending=2)


async def test_unknown_fields_survive_the_end_of_a_pending_change(lab: Lab) -> None:
    await newer(lab)
    await lab.ask(Cancel(box="1", request_id="r2"), "r3")
    kept(await lab.raw.get("documents", "box:1"), pending=1)
    assert lab.journal("r2")[-1]["reason"] == "moving"


async def test_unknown_fields_survive_what_is_applied_and_what_the_sweeper_does(lab: Lab) -> None:
    await newer(lab)
    lab.clock.pass_(DELAY - SECOND)
    await lab.poke("1")
    assert await lab.things() == ("lid", "pen")
    kept(await lab.raw.get("documents", "box:1"), pending=1)
    lab.clock.pass_(41 * SECOND)
    await lab.rest()
    kept(await lab.raw.get("documents", "box:1"), pending=0)
    assert await lab.things() == ("lid", "pen", "ink")


async def test_unknown_fields_of_a_row_survive_its_decision(lab: Lab) -> None:
    await lab.ask(Find(box="1", thing="lid"), "r0")
    await lab.ask(Guarded(box="1", thing="pen"))
    row = await lab.raw.get("requests", "alice|r1")
    await lab.raw.put("requests", row | {"flag": 1})
    await lab.copy(keeper_key("1"), {"may": ["alice"]})
    row = await lab.raw.get("requests", "alice|r1")
    assert (row["status"], row["flag"]) == ("applied", 1)
    assert not {"incoming", "deadline", "waits_for"} & set(row), "what a waiting row needs is gone once it is decided"


@pytest.mark.parametrize(
    "newer_one", [{"type": "box.paint.v1"}, {"data": {"box": "1", "thing": "pen", "colour": "red"}}]
)
async def test_a_waiting_row_of_a_newer_version_is_left_to_those_who_know_it(
    lab: Lab, newer_one: dict[str, Any]
) -> None:
    await lab.ask(Find(box="1", thing="lid"), "r0")
    await lab.ask(Guarded(box="1", thing="pen"), "r1")
    await lab.ask(Guarded(box="1", thing="ink"), "r2")
    row = await lab.raw.get("requests", "alice|r1")
    await lab.raw.put("requests", row | {"incoming": row["incoming"] | newer_one})
    unknown = await lab.raw.get("requests", "alice|r1")
    lab.clock.pass_(3 * SECOND)
    await lab.sweep()
    assert (lab.told("r1"), lab.told("r2")) == (["waiting"], ["waiting", "rejected"])
    await lab.copy(keeper_key("1"), {"may": ["alice"]})
    kept = await lab.raw.get("requests", "alice|r1")
    assert kept.pop("deadline") >= unknown.pop("deadline"), "its end may be put off, so that it hides no other"
    assert kept == unknown


async def test_what_a_newer_version_knows_of_an_actor_is_no_obstacle(lab: Lab) -> None:
    await lab.ask(Find(box="1", thing="lid"), "r0")
    await lab.ask(Guarded(box="1", thing="pen"))
    row = await lab.raw.get("requests", "alice|r1")
    row["incoming"]["actor"]["title"] = "Dr"
    await lab.raw.put("requests", row)
    await lab.copy(keeper_key("1"), {"may": ["alice"]})
    assert lab.told() == ["waiting", "applied"]


async def test_a_write_leaves_alone_what_it_does_not_change(lab: Lab) -> None:
    """A whole document written back would bring back what another process has cleared or changed since."""
    await lab.ask(Find(box="1", thing="lid"), "r0")
    slow = lab.process("slow")
    async with slow.life.held("save", lab.ask(PutNow(box="1", thing="pen"), by=slow)):
        raw = await lab.raw.get("documents", "box:1")
        raw["state"]["label"] = "written by a newer version without another version number"
        await lab.raw.put("documents", raw)
    raw = await lab.raw.get("documents", "box:1")
    assert raw["state"]["things"] == ["lid", "pen"]
    assert raw["state"]["label"] == "written by a newer version without another version number"


async def test_a_cleared_value_is_stored_as_nothing_and_read_as_nothing(lab: Lab) -> None:
    await lab.ask(Find(box="1", thing="lid"), "r0")
    await lab.ask(Label(box="1", label="old"), "r1")
    await lab.ask(Label.model_validate({"box": "1", "label": None}), "r2")
    lab.clock.pass_(DELAY)
    await lab.poke("1")
    assert (await lab.box()).label is None
    assert [s["after"] for s in lab.journal("r2")] == [{"label": None}] * 2


async def test_what_was_told_is_gone_from_the_outbox_and_only_that(lab: Lab) -> None:
    await lab.ask(Find(box="1", thing="lid"), "r0")
    slow = lab.process("slow")
    async with slow.life.held("clear", lab.ask(PutNow(box="1", thing="pen"), by=slow)):
        held = lab.process("held")
        async with held.life.held("publish box.outcomes", lab.ask(PutNow(box="1", thing="ink"), "r2", by=held)):
            assert len((await lab.document()).outbox) == 2
        lab.clock.pass_(OLD)
    assert (await lab.document()).outbox == []
