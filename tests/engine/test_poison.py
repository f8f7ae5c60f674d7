"""What breaks harms itself alone: whoever asked is told, the message is kept, and its neighbours go on."""

from types import SimpleNamespace
from typing import Any

import pytest

from shared.contracts.messages.common import Request
from tests.support.harness import Lab
from tests.support.toy import DELAY, NOW, UNSPEAKABLE, incoming
from tests.support.toy.requests import Broken, Find, HalfBroken, Put, PutNow
from tests.support.toy.rules import BOMB


def record() -> Any:
    headers = [("ce_id", b"r1"), ("authorization", b"Bearer secret")]
    return SimpleNamespace(
        topic="box.requests", partition=3, offset=17, timestamp=NOW, key=b"1", value=b"{}", headers=headers
    )


@pytest.mark.parametrize("poison", [Broken(box="1"), HalfBroken(box="1"), PutNow(box=UNSPEAKABLE, thing="pen")])
async def test_poison_in_the_middle_of_a_batch(lab: Lab, poison: Request) -> None:
    await lab.ask(Find(box="1", thing="lid"), "r0")
    await lab.batch(
        incoming(PutNow(box="1", thing="pen"), "before"),
        incoming(poison, "r1", record=record()),
        incoming(PutNow(box="1", thing="ink"), "after"),
    )
    assert (lab.told("before"), lab.told("after")) == (["applied"], ["applied"])
    assert await lab.things() == ("lid", "pen", "ink")
    assert (lab.told("r1"), lab.code("r1")) == (["rejected"], "internal_error")
    await lab.rest()
    await lab.tells_one_story("r1", "rejected")


async def test_what_broke_is_dead_lettered_with_its_bytes_and_without_its_token(lab: Lab) -> None:
    await lab.ask(Find(box="1", thing="lid"), "r0")
    await lab.batch(incoming(Broken(box="1"), record=record()))
    (dead,) = lab.bus.on("box_svc.dlq")
    headers = dict(dead.headers)
    assert (dead.key, dead.value) == (b"1", b"{}")
    assert headers["dlq_code"] == b"internal_error"
    assert headers["dlq_topic"] == b"box.requests"
    assert (headers["dlq_partition"], headers["dlq_offset"]) == (b"3", b"17")
    assert headers["dlq_actor"] == b"alice"
    assert b"secret" not in repr(dead).encode()


async def test_of_what_broke_half_way_nothing_stays(lab: Lab) -> None:
    await lab.ask(Find(box="1", thing="lid"), "r0")
    await lab.ask(HalfBroken(box="1"))
    assert await lab.things() == ("lid",)
    assert lab.told("r1.second") == []
    assert lab.record()["version"] == 1, "a refusal alone is no change of the state"


async def test_a_change_that_breaks_when_it_is_due_fails_and_stops_no_other(lab: Lab) -> None:
    await lab.batch(*(incoming(Find(box=box, thing="lid"), f"find{box}") for box in "12"))
    await lab.batch(incoming(Put(box="1", thing="pen")), incoming(Put(box="2", thing="ink"), "r2"))
    await lab.ask(PutNow(box="1", thing=BOMB), "bomb")
    await lab.ask(PutNow(box="1", thing="cup"), "still decided")
    assert lab.record("1")["will_hold"] == ["lid", BOMB, "cup"]
    lab.clock.pass_(DELAY)
    await lab.poke("1", "2")
    assert (lab.told("r1"), lab.code("r1")) == (["accepted", "failed"], "internal_error")
    assert lab.told("r2") == ["accepted", "applied"]
    assert (await lab.things("1"), await lab.things("2")) == (("lid", BOMB, "cup"), ("lid", "ink"))
    assert lab.record("1")["pending"] == []
