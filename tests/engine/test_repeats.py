"""The same request twice (same id, same actor) has one effect and gives the same answer: R21."""

from collections.abc import Awaitable, Callable

import pytest

from shared.clock import MINUTE
from tests.support.harness import OLD, Died, Harness, statuses
from tests.support.toy import DELAY, incoming
from tests.support.toy.requests import Cancel, Find, Open, Put, PutAfter, PutIfPermitted, PutNow
from tests.support.toy.rules import permissions_key


async def nothing(_: Harness) -> None:
    """Nothing happens between a request and its repeat."""


async def time_passes(harness: Harness) -> None:
    await harness.rest()


async def others_come(harness: Harness) -> None:
    await harness.submit(PutNow(box="1", thing="cup"), "other")


@pytest.mark.parametrize("meanwhile", [nothing, time_passes, others_come])
async def test_a_repeat_gets_the_same_answer_and_has_no_effect(
    harness: Harness, meanwhile: Callable[[Harness], Awaitable[None]]
) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    requests = {
        "now": PutNow(box="1", thing="pen"),
        "later": Put(box="1", thing="ink"),
        "no": PutAfter(box="1", thing="x", after="y"),
        "about nothing": PutNow(box="none", thing="x"),
        "new": Open(name="tools"),
    }
    await harness.batch(*(incoming(request, id_) for id_, request in requests.items()))
    await meanwhile(harness)
    things, version = await harness.things(), (await harness.document()).version
    first = {id_: harness.outcomes(id_)[0] for id_ in requests}
    await harness.batch(*(incoming(request, id_) for id_, request in requests.items()))
    assert (await harness.things(), (await harness.document()).version) == (things, version)
    for id_ in requests:
        again = harness.outcomes(id_)[-1]
        assert again == first[id_] | {"repeated": True}
    assert len(await harness.store.load([], ["name:tools"], ["alice|new"])) == 1
    assert len(harness.delayed()) == 1, "a repeat sends no second trigger"


async def test_a_repeat_after_its_time_is_answered_with_what_became_of_it(harness: Harness) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    await harness.batch(incoming(Put(box="1", thing="pen"), "r1"), incoming(Put(box="1", thing="ink"), "r2"))
    await harness.submit(Cancel(box="1", request_id="r2"), "r3")
    harness.clock.pass_(DELAY)
    await harness.trigger("1")
    await harness.batch(incoming(Put(box="1", thing="pen"), "r1"), incoming(Put(box="1", thing="ink"), "r2"))
    assert harness.statuses("r1") == ["accepted", "applied", "applied again"]
    assert harness.statuses("r2") == ["accepted", "cancelled", "cancelled again"]
    assert await harness.things() == ("lid", "pen")


async def test_a_repeat_is_answered_to_whoever_repeats_it_and_journaled_again(harness: Harness) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0", correlation_id="first")
    sent = len(harness.bus.on("box.journal"))
    await harness.submit(Find(box="1", thing="lid"), "r0", correlation_id="second")
    assert [o["correlation_id"] for o in harness.outcomes("r0")] == ["first", "second"]
    assert len(harness.bus.on("box.journal")) == sent + 1
    assert statuses(harness.journal("r0")) == ["applied"]


async def test_the_same_id_with_another_body_is_refused_and_the_first_stands(harness: Harness) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    await harness.submit(PutNow(box="1", thing="pen"))
    await harness.submit(PutNow(box="1", thing="ink"))
    await harness.submit(Put(box="1", thing="pen"))
    assert harness.statuses() == ["applied", "rejected", "rejected"]
    assert harness.code() == "request_id_reused"
    assert [o.get("recorded", True) for o in harness.outcomes()] == [True, False, False]
    assert statuses(harness.journal()) == ["applied"]
    record = await harness.request_record()
    assert record is not None
    assert record.transition.status == "applied"
    assert await harness.things() == ("lid", "pen")


async def test_duplicates_in_one_batch(harness: Harness) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    await harness.batch(
        incoming(PutNow(box="1", thing="pen"), "r1"),
        incoming(PutNow(box="1", thing="cup"), "r2"),
        incoming(PutNow(box="1", thing="pen"), "r1"),
        incoming(PutNow(box="1", thing="ink"), "r2"),
        incoming(PutNow(box="1", thing="pen"), "r1"),
    )
    assert await harness.things() == ("lid", "pen", "cup")
    assert harness.statuses("r1") == ["applied", "applied again"]
    assert [o["code"] for o in harness.outcomes("r2")] == ["applied", "request_id_reused"]


async def test_requests_of_one_batch_that_make_the_same_box_are_all_decided(harness: Harness) -> None:
    await harness.batch(*(incoming(Find(box="1", thing=str(n)), f"r{n}") for n in range(3)))
    assert await harness.things() == ("0", "1", "2")
    assert [harness.statuses(f"r{n}") for n in range(3)] == [["applied"]] * 3


async def test_a_request_finds_by_its_name_the_box_that_was_made_earlier_in_its_batch(harness: Harness) -> None:
    await harness.batch(
        incoming(PutNow(box="@tools", thing="early"), "r1"),
        incoming(Open(name="tools"), "r2"),
        incoming(PutNow(box="@tools", thing="pen"), "r3"),
        incoming(Open(name="tools"), "r4"),
    )
    assert [harness.statuses(f"r{n}") for n in range(1, 5)] == [["rejected"], ["applied"], ["applied"], ["rejected"]]
    assert harness.code("r4") == "identifier_taken"
    assert await harness.things(harness.outcomes("r3")[0]["document"].removeprefix("box:")) == ("pen",)


async def test_a_repeat_finishes_what_a_process_that_died_had_not_published(harness: Harness) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    with pytest.raises(Died):
        await harness.submit(Put(box="1", thing="pen"), by=harness.process(dies_after="save"))
    assert harness.statuses() == []
    await harness.submit(Put(box="1", thing="pen"))
    assert set(harness.statuses()) == {"accepted", "accepted again"}
    assert len(harness.delayed()) == 1
    assert (await harness.document()).outbox == []
    assert await harness.request_record() is not None


async def test_a_repeat_of_what_was_decided_on_a_later_version_too(harness: Harness) -> None:
    await harness.submit(Find(box="1", thing="lid"), "r0")
    with pytest.raises(Died):
        await harness.submit(Put(box="1", thing="pen"), by=harness.process(dies_after="save"))
    harness.clock.pass_(DELAY)
    with pytest.raises(Died):
        await harness.trigger("1", by=harness.process(dies_after="save"))
    await harness.submit(Put(box="1", thing="pen"))
    assert set(harness.statuses()) == {"accepted", "applied", "applied again"}
    assert await harness.things() == ("lid", "pen")
    await harness.rest()
    await harness.assert_consistent("r1", "applied")


async def test_a_refusal_about_nothing_is_remembered_when_the_box_is_made_afterwards(harness: Harness) -> None:
    await harness.submit(PutNow(box="1", thing="pen"))
    harness.clock.pass_(OLD + MINUTE)
    await harness.submit(Find(box="1", thing="lid"), "r0")
    await harness.submit(PutNow(box="1", thing="pen"))
    assert harness.statuses() == ["rejected", "rejected again"]
    assert await harness.things() == ("lid",)


async def test_who_asks_again_between_a_decision_and_its_record_has_an_answer_too(harness: Harness) -> None:
    """The record says that it waits, the document that it is decided: what comes then joins nothing."""
    await harness.submit(Find(box="1", thing="lid"), "made")
    await harness.batch(incoming(PutIfPermitted(box="1", thing="pen"), "r1", correlation_id="first"))
    process = harness.process(dies_after="save")
    with pytest.raises(Died):
        await harness.copy(permissions_key("1"), {"may": ["alice"]}, by=process)
    await harness.batch(incoming(PutIfPermitted(box="1", thing="pen"), "r1", correlation_id="second"))
    answers = [(o["status"], o["correlation_id"], o["repeated"]) for o in harness.outcomes()]
    assert answers[-2:] == [("applied", "second", True), ("applied", "first", False)]
