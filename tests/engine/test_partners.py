"""What became of a client's requests is told on a topic of its own, at every step, and nobody else's is.

Whether the client has such a topic is the bus's to find out: `tests/integration/partners`.
"""

from types import SimpleNamespace

import orjson
import pytest

from shared.clock import MINUTE, SECOND
from shared.contracts.messages.cloudevents import Message
from shared.domain.actor import Actor
from shared.engine.core.incoming import Incoming
from tests.support.harness import OLD, Lab
from tests.support.toy import ALICE, BOB, DELAY, NOW, incoming
from tests.support.toy.requests import Ask, Broken, Cancel, Find, Guarded, Put, PutNow, Take
from tests.support.toy.rules import keeper_key, oracle_key

THROUGH = Actor("alice", client="facturier")
"""Alice, whose request comes with a token that another system was given in her name."""
OTHER = Actor("alice", client="comptable")
TOPIC = "outcomes.facturier"


def told(lab: Lab, topic: str = TOPIC) -> list[Message]:
    return lab.bus.on(topic)


def statuses(lab: Lab, topic: str = TOPIC) -> list[str]:
    """Return what a partner was told, and check that each is, to the byte, an outcome told to the gateway too.

    What another process tells once more, with the same version, counts once: readers see that.
    """
    own = [(m.key, m.value, m.headers) for m in told(lab, topic)]
    every = [(m.key, m.value, m.headers) for m in lab.bus.on("box.outcomes")]
    assert all(message in every for message in own)
    found = [orjson.loads(value) for _, value, _ in own]
    steps = [(o["version"], o["status"] + (" again" if o["repeated"] else "")) for o in found]
    return [status for n, (version, status) in enumerate(steps) if version == 0 or (version, status) not in steps[:n]]


async def boxes(lab: Lab, count: int = 1) -> None:
    for n in range(1, count + 1):
        await lab.ask(Find(box=str(n), thing="lid"), f"box{n}")


async def test_accepted_and_applied_by_another_process_after_the_delay(lab: Lab) -> None:
    await boxes(lab)
    await lab.ask(Put(box="1", thing="pen"), actor=THROUGH)
    assert statuses(lab) == ["accepted"]
    lab.clock.pass_(DELAY)
    await lab.poke("1", by=lab.process("another"))
    assert statuses(lab) == ["accepted", "applied"]
    await lab.rest()
    await lab.tells_one_story("r1", "applied")


async def test_applied_at_once(lab: Lab) -> None:
    await boxes(lab)
    await lab.ask(PutNow(box="1", thing="pen"), actor=THROUGH)
    assert statuses(lab) == ["applied"]


async def test_cancelled_by_somebody_else_who_is_told_of_the_cancellation_alone(lab: Lab) -> None:
    await boxes(lab)
    await lab.ask(Put(box="1", thing="pen"), actor=THROUGH)
    await lab.ask(Cancel(box="1", request_id="r1"), "r2", actor=OTHER)
    assert statuses(lab) == ["accepted", "cancelled"]
    assert statuses(lab, "outcomes.comptable") == ["applied"]


async def test_cancelled_over_http(lab: Lab) -> None:
    await boxes(lab)
    await lab.ask(Put(box="1", thing="pen"), actor=THROUGH)
    await lab.ask(Cancel(box="1", request_id="r1"), "r2", actor=ALICE)
    assert statuses(lab) == ["accepted", "cancelled"]


async def test_cancelling_what_was_asked_over_http_tells_the_partner_of_its_own_request_alone(lab: Lab) -> None:
    await boxes(lab)
    await lab.ask(Put(box="1", thing="pen"), actor=ALICE)
    await lab.ask(Cancel(box="1", request_id="r1"), "r2", actor=THROUGH)
    assert statuses(lab) == ["applied"]
    assert b'"request_id":"r2"' in told(lab)[0].value


async def test_waiting_and_decided_by_another_process_from_its_row(lab: Lab) -> None:
    await boxes(lab)
    await lab.ask(Guarded(box="1", thing="pen"), actor=THROUGH)
    await lab.copy(keeper_key("1"), {"may": ["alice"]}, by=lab.process("another"))
    assert statuses(lab) == ["waiting", "applied"]


async def test_waiting_for_an_answer_and_refused_at_its_deadline(lab: Lab) -> None:
    await boxes(lab)
    await lab.ask(Ask(box="1", thing="pen"), actor=THROUGH)
    lab.clock.pass_(60 * MINUTE)
    await lab.sweep(by=lab.process("another"))
    await lab.main.engine.on_lookup_answered({oracle_key("pen"): {"said": "yes"}})
    assert statuses(lab) == ["waiting", "rejected"]


async def test_refused_about_what_exists_and_about_what_does_not(lab: Lab) -> None:
    await boxes(lab)
    await lab.ask(Take(box="1", thing="pen"), "r1", actor=THROUGH)
    await lab.ask(Take(box="2", thing="pen"), "r2", actor=THROUGH)
    await lab.batch(incoming(Broken(box="1"), "r3", actor=THROUGH))
    assert statuses(lab) == ["rejected"] * 3


async def test_failed_when_it_was_due(lab: Lab) -> None:
    await boxes(lab)
    await lab.ask(Take(box="1", thing="lid"), "r1", actor=ALICE)
    await lab.ask(PutNow(box="1", thing="pen"), "r2", actor=BOB)
    await lab.ask(Take(box="1", thing="pen"), "r3", actor=THROUGH)
    raw = await lab.raw.get("documents", "box:1")
    raw["state"]["things"] = []  # As a later version might have left it.
    await lab.raw.put("documents", raw)
    lab.clock.pass_(DELAY)
    await lab.poke("1")
    assert statuses(lab) == ["accepted", "failed"]


async def test_what_a_process_that_died_had_not_told_the_sweeper_tells(lab: Lab) -> None:
    await boxes(lab)
    dying = lab.process("dying", dies_after="save")
    with pytest.raises(BaseException, match="save"):
        await lab.ask(Put(box="1", thing="pen"), actor=THROUGH, by=dying)
    assert statuses(lab) == []
    lab.clock.pass_(OLD)
    await lab.sweep()
    assert statuses(lab) == ["accepted"]


async def test_a_repeat_is_answered_to_the_client_that_repeats(lab: Lab) -> None:
    await boxes(lab)
    for actor in (THROUGH, THROUGH, OTHER, ALICE):
        await lab.ask(PutNow(box="1", thing="pen"), actor=actor)
    assert statuses(lab) == ["applied", "applied again"]
    assert statuses(lab, "outcomes.comptable") == ["applied again"]
    lab.clock.pass_(11 * SECOND)
    await lab.ask(PutNow(box="1", thing="ink"), actor=OTHER)
    assert statuses(lab, "outcomes.comptable") == ["applied again", "rejected"], "the id was used for something else"
    assert len(lab.outcomes()) == 5, "the gateway is told of all"


async def test_what_comes_over_http_is_told_to_no_client(lab: Lab) -> None:
    await boxes(lab)
    await lab.ask(Put(box="1", thing="pen"), actor=Actor("alice", via="gateway"))
    lab.clock.pass_(DELAY)
    await lab.poke("1")
    assert not [m for m in lab.bus.sent if m.topic.startswith("outcomes.")]


async def test_neither_journal_nor_state_nor_outcome_names_the_client(lab: Lab) -> None:
    await boxes(lab)
    await lab.ask(Put(box="1", thing="pen"), actor=THROUGH)
    await lab.ask(Guarded(box="1", thing="pen"), "r2", actor=THROUGH)
    assert not [m for m in lab.bus.sent if b"facturier" in m.value or b"facturier" in m.key]


async def test_a_letter_remembers_the_client_for_its_replay(lab: Lab) -> None:
    record = SimpleNamespace(topic="t", partition=0, offset=1, timestamp=NOW, key=b"", value=b"{}", headers=[])
    await boxes(lab)
    broken: Incoming = incoming(Broken(box="1"), actor=THROUGH, record=record)
    await lab.batch(broken)
    (letter,) = lab.bus.on("box_svc.dlq")
    assert dict(letter.headers)["dlq_actorclient"] == b"facturier"
