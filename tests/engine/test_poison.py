"""What breaks harms itself alone: its sender gets an answer, the message is kept, and its neighbours go on."""

from types import SimpleNamespace
from typing import Any

import pytest

from shared.contracts.messages.common import Request
from shared.engine.storage.protocol import Copy
from tests.support.harness import Harness
from tests.support.toy import DELAY, NOW, UNSPEAKABLE, incoming
from tests.support.toy.requests import Broken, Find, HalfBroken, Put, PutNow
from tests.support.toy.rules import BOMB


def record() -> Any:
    headers = [("ce_id", b"r1"), ("authorization", b"Bearer secret")]
    return SimpleNamespace(
        topic="box.requests", partition=3, offset=17, timestamp=NOW, key=b"1", value=b"{}", headers=headers
    )


@pytest.mark.parametrize("poison", [Broken(box="1"), HalfBroken(box="1"), PutNow(box=UNSPEAKABLE, thing="pen")])
async def test_poison_in_the_middle_of_a_batch(harness: Harness, poison: Request) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    await harness.batch(
        incoming(PutNow(box="1", thing="pen"), "before"),
        incoming(poison, "r1", record=record()),
        incoming(PutNow(box="1", thing="ink"), "after"),
    )
    assert (harness.statuses("before"), harness.statuses("after")) == (["applied"], ["applied"])
    assert await harness.things() == ("lid", "pen", "ink")
    assert (harness.statuses("r1"), harness.code("r1")) == (["rejected"], "internal_error")
    await harness.rest()
    await harness.assert_consistent("r1", "rejected")


async def test_what_broke_is_dead_lettered_with_its_bytes_and_without_its_token(harness: Harness) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    await harness.batch(incoming(Broken(box="1"), record=record()))
    (dead,) = harness.bus.on("box_svc.dlq")
    headers = dict(dead.headers)
    assert (dead.key, dead.value) == (b"1", b"{}")
    assert headers["dlq_code"] == b"internal_error"
    assert headers["dlq_topic"] == b"box.requests"
    assert (headers["dlq_partition"], headers["dlq_offset"]) == (b"3", b"17")
    assert headers["dlq_actor"] == b"alice"
    assert b"secret" not in repr(dead).encode()


async def test_of_what_broke_half_way_nothing_stays(harness: Harness) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    await harness.submit(HalfBroken(box="1"))
    assert await harness.things() == ("lid",)
    assert harness.statuses("r1.second") == []
    assert harness.record()["version"] == 1, "a refusal alone is no change of the state"


async def test_a_change_that_breaks_when_it_is_due_fails_and_stops_no_other(harness: Harness) -> None:
    await harness.batch(*(incoming(Find(box=box, thing="lid"), f"find{box}") for box in "12"))
    await harness.batch(incoming(Put(box="1", thing="pen")), incoming(Put(box="2", thing="ink"), "r2"))
    await harness.submit(PutNow(box="1", thing=BOMB), "bomb")
    await harness.submit(PutNow(box="1", thing="cup"), "still decided")
    assert harness.record("1")["will_hold"] == ["lid", BOMB, "cup"]
    harness.clock.pass_(DELAY)
    await harness.trigger("1", "2")
    assert (harness.statuses("r1"), harness.code("r1")) == (["accepted", "failed"], "internal_error")
    assert harness.statuses("r2") == ["accepted", "applied"]
    assert (await harness.things("1"), await harness.things("2")) == (("lid", BOMB, "cup"), ("lid", "ink"))
    assert harness.record("1")["pending"] == []


async def test_a_copy_that_can_never_be_stored_harms_no_neighbour(harness: Harness) -> None:
    """Nothing is lost that could be kept: MongoDB can't hold a number of more than 64 bits, memory can."""
    await harness.main.store.put_copies(
        [Copy("permissions:box:1", 1, {"may": ["alice"]}), Copy("permissions:box:2", 1, {"too large": 2**70})]
    )
    assert "permissions:box:1" in await harness.store.copies(["permissions:box:1", "permissions:box:2"])
