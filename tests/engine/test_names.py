"""A request may name its document by what another owner calls it: the copies of that owner's records have names."""

from shared.clock import SECOND
from shared.engine.storage.protocol import Copy
from tests.support.harness import Harness
from tests.support.toy import NOW
from tests.support.toy.requests import Find, PutOnShelf
from tests.support.toy.rules import permissions_key, shelf_name

MAY = {"may": ["alice"]}
TOP, BOTTOM = shelf_name("top"), shelf_name("bottom")
PEN = PutOnShelf(shelf="top", thing="pen")


async def box(harness: Harness, name: str = "1") -> None:
    await harness.submit(Find(box=name, thing="lid"), f"made{name}")


async def test_a_name_leads_to_the_document_and_to_the_copies_that_its_rule_looks_at(harness: Harness) -> None:
    await box(harness)
    await harness.copy(permissions_key("1"), MAY, aliases=[TOP])
    await harness.submit(PEN)
    assert harness.statuses() == ["applied"]
    assert await harness.things() == ("lid", "pen")


async def test_what_resolves_a_name_serves_that_alone_and_the_rule_looks_at_the_copy_as_it_is_then(
    harness: Harness,
) -> None:
    await box(harness)
    await harness.copy(permissions_key("1"), MAY, aliases=[TOP])
    slow = harness.process("slow")
    async with slow.life.held("load", harness.submit(PEN, by=slow)):
        assert slow.life.steps == ["named"]
        await harness.copy(permissions_key("1"), {"may": []}, 2, aliases=[TOP])
    assert (harness.statuses(), harness.code()) == (["waiting"], "waiting_copy")
    assert await harness.things() == ("lid",)


async def test_a_name_that_no_copy_has_yet_is_waited_for_and_the_copy_that_brings_it_decides(harness: Harness) -> None:
    await box(harness)
    await harness.submit(PEN)
    assert (harness.statuses(), harness.code()) == (["waiting"], "waiting_copy")
    record = await harness.request_record()
    assert record is not None
    assert (record.waits_for, record.deadline) == (TOP, NOW + 2 * SECOND)
    await harness.copy(permissions_key("2"), MAY, aliases=[BOTTOM])
    assert harness.statuses() == ["waiting"]
    await harness.copy(permissions_key("1"), MAY, aliases=[BOTTOM, TOP])
    assert harness.statuses() == ["waiting", "applied"]
    await harness.rest()
    await harness.assert_consistent("r1", "applied")


async def test_a_name_that_no_copy_ever_has_is_refused_at_the_deadline(harness: Harness) -> None:
    await harness.submit(PEN)
    harness.clock.pass_(2 * SECOND)
    await harness.sweep()
    assert (harness.statuses(), harness.code()) == (["waiting", "rejected"], "not_found")
    assert harness.outcomes()[-1]["reference"] == {"shelf": "top"}


async def test_a_copy_that_comes_between_the_look_for_its_name_and_the_record_is_not_missed(harness: Harness) -> None:
    await box(harness)
    slow = harness.process("slow")
    async with slow.life.held("put_waiting", harness.submit(PEN, by=slow)):
        await harness.copy(permissions_key("1"), MAY, aliases=[TOP])
    assert harness.statuses() == ["waiting", "applied"]


async def test_a_thing_that_is_renamed_is_found_by_its_former_name_too(harness: Harness) -> None:
    await box(harness)
    await harness.copy(permissions_key("1"), MAY, 1, aliases=[TOP])
    await harness.copy(permissions_key("1"), MAY, 2, aliases=[BOTTOM, TOP])
    await harness.submit(PEN)
    await harness.submit(PutOnShelf(shelf="bottom", thing="ink"), "r2")
    assert await harness.things() == ("lid", "pen", "ink")


async def test_an_older_copy_takes_no_name_back_and_one_without_names_leaves_none(harness: Harness) -> None:
    await harness.copy(permissions_key("1"), MAY, 2, aliases=[BOTTOM, TOP])
    await harness.copy(permissions_key("1"), MAY, 1, aliases=["older"])
    assert await harness.store.named([TOP, BOTTOM, "older"]) == dict.fromkeys([TOP, BOTTOM], permissions_key("1"))
    await harness.copy(permissions_key("1"), MAY, 3)
    assert await harness.store.named([TOP, BOTTOM]) == {}


async def test_a_name_that_moves_to_another_copy_is_at_every_moment_that_of_one(harness: Harness) -> None:
    await harness.store.put_copies([Copy(permissions_key("2"), 1, MAY, [TOP]), Copy(permissions_key("1"), 1, MAY)])
    await harness.copy(permissions_key("1"), MAY, 2, aliases=[TOP])
    assert await harness.store.named([TOP]) == {TOP: permissions_key("1")}
    await harness.copy(permissions_key("2"), MAY, 2)
    assert await harness.store.named([TOP]) == {TOP: permissions_key("1")}
