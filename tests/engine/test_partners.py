"""The outcomes of a client's requests are on a topic of its own, at every step, and nobody else's are.

Whether the client has such a topic is the bus's to find out: `tests/integration/partners`.
"""

from types import SimpleNamespace

import orjson
import pytest

from shared.clock import MINUTE, SECOND
from shared.contracts.messages.cloudevents import Message
from shared.domain.actor import Actor
from shared.engine.core.incoming import Incoming
from tests.support.harness import OLD, Harness
from tests.support.toy import ALICE, BOB, DELAY, NOW, incoming
from tests.support.toy.requests import Ask, Broken, Cancel, Find, Put, PutIfPermitted, PutNow, Take
from tests.support.toy.rules import oracle_key, permissions_key

THROUGH = Actor("alice", client="facturier")
"""Alice, whose request comes with a token that another system was given in her name."""
OTHER = Actor("alice", client="comptable")
TOPIC = "outcomes.facturier"


def published(harness: Harness, topic: str = TOPIC) -> list[Message]:
    return harness.bus.on(topic)


def statuses(harness: Harness, topic: str = TOPIC) -> list[str]:
    """Return the statuses published to a partner, and check that each is, to the byte, published to the gateway too.

    What another process publishes once more, with the same version, counts once: readers see that.
    """
    own = [(m.key, m.value, m.headers) for m in published(harness, topic)]
    every = [(m.key, m.value, m.headers) for m in harness.bus.on("box.outcomes")]
    assert all(message in every for message in own)
    found = [orjson.loads(value) for _, value, _ in own]
    steps = [(o["version"], o["status"] + (" again" if o["repeated"] else "")) for o in found]
    return [status for n, (version, status) in enumerate(steps) if version == 0 or (version, status) not in steps[:n]]


async def boxes(harness: Harness, count: int = 1) -> None:
    for n in range(1, count + 1):
        await harness.submit(Find(box=str(n), thing="lid"), f"box{n}")


async def test_accepted_and_applied_by_another_process_after_the_delay(harness: Harness) -> None:
    await boxes(harness)
    await harness.submit(Put(box="1", thing="pen"), actor=THROUGH)
    assert statuses(harness) == ["accepted"]
    harness.clock.pass_(DELAY)
    await harness.trigger("1", by=harness.process("another"))
    assert statuses(harness) == ["accepted", "applied"]
    await harness.rest()
    await harness.assert_consistent("r1", "applied")


async def test_applied_at_once(harness: Harness) -> None:
    await boxes(harness)
    await harness.submit(PutNow(box="1", thing="pen"), actor=THROUGH)
    assert statuses(harness) == ["applied"]


async def test_cancelled_by_somebody_else_who_receives_the_outcome_of_the_cancellation_alone(harness: Harness) -> None:
    await boxes(harness)
    await harness.submit(Put(box="1", thing="pen"), actor=THROUGH)
    await harness.submit(Cancel(box="1", request_id="r1"), "r2", actor=OTHER)
    assert statuses(harness) == ["accepted", "cancelled"]
    assert statuses(harness, "outcomes.comptable") == ["applied"]


async def test_cancelled_over_http(harness: Harness) -> None:
    await boxes(harness)
    await harness.submit(Put(box="1", thing="pen"), actor=THROUGH)
    await harness.submit(Cancel(box="1", request_id="r1"), "r2", actor=ALICE)
    assert statuses(harness) == ["accepted", "cancelled"]


async def test_cancelling_what_came_over_http_publishes_to_the_partner_the_outcome_of_its_own_request_alone(
    harness: Harness,
) -> None:
    await boxes(harness)
    await harness.submit(Put(box="1", thing="pen"), actor=ALICE)
    await harness.submit(Cancel(box="1", request_id="r1"), "r2", actor=THROUGH)
    assert statuses(harness) == ["applied"]
    assert b'"request_id":"r2"' in published(harness)[0].value


async def test_waiting_and_decided_by_another_process_from_its_record(harness: Harness) -> None:
    await boxes(harness)
    await harness.submit(PutIfPermitted(box="1", thing="pen"), actor=THROUGH)
    await harness.copy(permissions_key("1"), {"may": ["alice"]}, by=harness.process("another"))
    assert statuses(harness) == ["waiting", "applied"]


async def test_waiting_for_an_answer_and_refused_at_its_deadline(harness: Harness) -> None:
    await boxes(harness)
    await harness.submit(Ask(box="1", thing="pen"), actor=THROUGH)
    harness.clock.pass_(60 * MINUTE)
    await harness.sweep(by=harness.process("another"))
    await harness.main.engine.on_lookup_answered({oracle_key("pen"): {"said": "yes"}})
    assert statuses(harness) == ["waiting", "rejected"]


async def test_refused_about_what_exists_and_about_what_does_not(harness: Harness) -> None:
    await boxes(harness)
    await harness.submit(Take(box="1", thing="pen"), "r1", actor=THROUGH)
    await harness.submit(Take(box="2", thing="pen"), "r2", actor=THROUGH)
    await harness.batch(incoming(Broken(box="1"), "r3", actor=THROUGH))
    assert statuses(harness) == ["rejected"] * 3


async def test_failed_when_it_was_due(harness: Harness) -> None:
    await boxes(harness)
    await harness.submit(Take(box="1", thing="lid"), "r1", actor=ALICE)
    await harness.submit(PutNow(box="1", thing="pen"), "r2", actor=BOB)
    await harness.submit(Take(box="1", thing="pen"), "r3", actor=THROUGH)
    raw = await harness.raw.get("documents", "box:1")
    raw["state"]["things"] = []  # As a later version might have left it.
    await harness.raw.put("documents", raw)
    harness.clock.pass_(DELAY)
    await harness.trigger("1")
    assert statuses(harness) == ["accepted", "failed"]


async def test_what_a_process_that_died_had_not_published_the_sweeper_publishes(harness: Harness) -> None:
    await boxes(harness)
    dying = harness.process("dying", dies_after="save")
    with pytest.raises(BaseException, match="save"):
        await harness.submit(Put(box="1", thing="pen"), actor=THROUGH, by=dying)
    assert statuses(harness) == []
    harness.clock.pass_(OLD)
    await harness.sweep()
    assert statuses(harness) == ["accepted"]


async def test_a_repeat_is_answered_to_the_client_that_repeats(harness: Harness) -> None:
    await boxes(harness)
    for actor in (THROUGH, THROUGH, OTHER, ALICE):
        await harness.submit(PutNow(box="1", thing="pen"), actor=actor)
    assert statuses(harness) == ["applied", "applied again"]
    assert statuses(harness, "outcomes.comptable") == ["applied again"]
    harness.clock.pass_(11 * SECOND)
    await harness.submit(PutNow(box="1", thing="ink"), actor=OTHER)
    assert statuses(harness, "outcomes.comptable") == ["applied again", "rejected"], (
        "the id was used for something else"
    )
    assert len(harness.outcomes()) == 5, "the gateway receives all"


async def test_what_comes_over_http_is_published_to_no_client(harness: Harness) -> None:
    await boxes(harness)
    await harness.submit(Put(box="1", thing="pen"), actor=Actor("alice", via="gateway"))
    harness.clock.pass_(DELAY)
    await harness.trigger("1")
    assert not [m for m in harness.bus.sent if m.topic.startswith("outcomes.")]


async def test_neither_journal_nor_state_nor_outcome_names_the_client(harness: Harness) -> None:
    await boxes(harness)
    await harness.submit(Put(box="1", thing="pen"), actor=THROUGH)
    await harness.submit(PutIfPermitted(box="1", thing="pen"), "r2", actor=THROUGH)
    assert not [m for m in harness.bus.sent if b"facturier" in m.value or b"facturier" in m.key]


async def test_a_dead_letter_remembers_the_client_for_its_replay(harness: Harness) -> None:
    record = SimpleNamespace(topic="t", partition=0, offset=1, timestamp=NOW, key=b"", value=b"{}", headers=[])
    await boxes(harness)
    broken: Incoming = incoming(Broken(box="1"), actor=THROUGH, record=record)
    await harness.batch(broken)
    (dead_letter,) = harness.bus.on("box_svc.dlq")
    assert dict(dead_letter.headers)["dlq_actorclient"] == b"facturier"
