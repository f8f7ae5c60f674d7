"""What an owner's engine and its sweeper expose, over hours of their own clock."""

import pytest

from shared.clock import SECOND
from tests.integration.alerts.conftest import Owner
from tests.support.harness import OLD, Died, Harness
from tests.support.prometheus import EVERY, Timeline, shows
from tests.support.toy import DELAY, UNSHOWABLE, incoming
from tests.support.toy.requests import Find, Label, Put, PutNow

pytestmark = pytest.mark.timeout(400)

OVERDUE = 'structures_overdue_changes{owner="box"}'


async def died(harness: Harness, box: str) -> None:
    """Let a process die once a change at once is written, and before its outcome is published."""
    with pytest.raises(Died):
        await harness.submit(PutNow(box=box, thing="pen"), f"of {box}", by=harness.process(dies_after="save"))


@shows("ChangesAreLate")
async def test_a_change_that_never_applies_is_alerted_throughout_however_often_it_is_triggered(
    owner: Owner, timeline: Timeline
) -> None:
    harness = owner.harness
    await harness.submit(Put(box="1", thing="pen"))
    harness.clock.pass_(DELAY)
    triggers = set()
    for scrape in range(160):  # Forty minutes.
        harness.clock.pass_(EVERY * SECOND)
        await harness.sweep()  # Every trigger it gives is lost.
        exposed = owner.scraped()
        timeline.scrape(exposed)
        assert f"{OVERDUE} 1.0" in str(exposed["box_svc"]), f"at scrape {scrape}"
        triggers.add(len(harness.bus.on("box.due")))
    assert len(triggers) > 5, "it was triggered again and again"
    timeline.fires(ChangesAreLate=[{"owner": "box"}], throughout=38)
    await harness.trigger("1")
    harness.clock.pass_(EVERY * SECOND)
    await harness.sweep()
    timeline.scrape(owner.scraped())
    timeline.is_silent()


@shows("DecisionsAreSlow")
async def test_requests_that_wait_for_seconds(owner: Owner, timeline: Timeline) -> None:
    harness = owner.harness
    for number in range(60):
        await harness.batch(incoming(PutNow(box="1", thing="pen"), f"r{number}", at=harness.clock.time - 2 * SECOND))
        harness.clock.pass_(EVERY * SECOND)
        timeline.scrape(owner.scraped())
    timeline.fires(DecisionsAreSlow=[{}])


@shows("SweeperIsBusy")
async def test_much_is_left_by_processes_that_die(owner: Owner, timeline: Timeline) -> None:
    harness = owner.harness
    with pytest.raises(Died):
        await harness.batch(
            *(incoming(Find(box=f"b{n}", thing="pen"), f"r{n}") for n in range(150)),
            by=harness.process(dies_after="save"),
        )
    harness.clock.pass_(OLD)
    await harness.sweep()
    timeline.scrape(owner.scraped(), minutes=1)
    timeline.fires(SweeperIsBusy=[{"what": "outbox"}, {"what": "state"}])


@shows("DocumentsAreUnusable")
async def test_an_outbox_that_nobody_can_read(owner: Owner, timeline: Timeline) -> None:
    harness = owner.harness
    await died(harness, "1")
    raw = await harness.raw.get("documents", "box:1")
    del raw["outbox"][0]["status"]
    await harness.raw.put("documents", raw)
    harness.clock.pass_(OLD)
    await harness.sweep()
    timeline.scrape(owner.scraped(), minutes=1)
    # Its record can't be shown either: what has not been published of it can't be read.
    timeline.fires(DocumentsAreUnusable=[{"why": "read"}, {"why": "show"}])


@shows("DocumentsAreUnusable")
async def test_a_record_that_can_not_be_shown(owner: Owner, timeline: Timeline) -> None:
    harness = owner.harness
    await harness.submit(Label(box="1", label=UNSHOWABLE))
    harness.clock.pass_(DELAY)
    await harness.trigger("1")
    timeline.scrape(owner.scraped(), minutes=1)
    timeline.fires(DocumentsAreUnusable=[{"why": "show"}])


@shows("MessagesAreTooLarge", "DeadLetters")
async def test_a_record_that_is_too_large_for_kafka(owner: Owner, timeline: Timeline) -> None:
    harness = owner.harness
    raw = await harness.raw.get("documents", "box:1")
    raw["state"]["label"] = "x" * 1_000_000
    await harness.raw.put("documents", raw)
    await harness.submit(PutNow(box="1", thing="pen"))
    timeline.scrape(owner.scraped(), minutes=1)
    timeline.fires(
        MessagesAreTooLarge=[{"topic": "box.state"}],
        DeadLetters=[{"topic": "box.state", "code": "message_too_large"}],
    )
