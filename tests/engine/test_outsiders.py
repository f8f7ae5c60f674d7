"""Whoever may not know that a document exists is answered, and waits, as if there were none (rule R1)."""

import re
from collections.abc import Sequence

import orjson
import pytest

from shared.clock import MINUTE, SECOND
from shared.contracts.messages.cloudevents import Message
from shared.domain.actor import Actor
from tests.support.harness import Harness
from tests.support.toy import ALICE, BOB
from tests.support.toy.requests import Find, Hidden, PutNow
from tests.support.toy.rules import NOBODY, permissions_key

CODES = {"bob": ["waiting_copy", "not_found"], NOBODY: ["user_inactive"]}


async def box(harness: Harness) -> None:
    """Make box 1, which has a history: its version is none that a first decision would have."""
    for number in range(3):
        await harness.submit(Find(box="1", thing="lid"), f"before {number}")
    await harness.copy(permissions_key("1"), {"may": ["alice"]})


async def _refused(harness: Harness, actor: Actor, box: str) -> list[Message]:
    """Request something of a box until it is refused; return the outcomes, the copies of the team moving meanwhile."""
    done, began = len(harness.bus.sent), harness.clock.time
    request_id = f"about {box}"
    await harness.submit(Hidden(box=box, thing="pen"), request_id, actor=actor)
    harness.clock.pass_(SECOND)
    if box == "1":
        await harness.copy(permissions_key(box), {"may": ["carol"]}, done)
    harness.clock.pass_(SECOND)
    await harness.sweep()
    await harness.submit(Hidden(box=box, thing="pen"), request_id, actor=actor)  # A repeat gets the same answer too.
    outcomes = [m for m in harness.bus.sent[done:] if m.topic == "box.outcomes"]
    harness.clock.time = began
    return outcomes


def _comparable(messages: Sequence[Message], box: str) -> list[str]:
    """Return all that messages show, with the box by one name, and without marks that are made up."""
    shown = [str(m).replace(f"about {box}", "about it").replace(f'"{box}"', "it") for m in messages]
    return [re.sub("00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]", "traced", message) for message in shown]


@pytest.mark.parametrize("actor", [BOB, Actor(NOBODY)], ids=lambda a: a.id)
async def test_what_is_not_theirs_looks_like_what_is_not_there(harness: Harness, actor: Actor) -> None:
    await box(harness)
    there, absent = await _refused(harness, actor, "1"), await _refused(harness, actor, "2")
    assert _comparable(there, "1") == _comparable(absent, "2")
    outcomes = [orjson.loads(message.value) for message in there]
    assert [o["code"] for o in outcomes if not o["repeated"]] == CODES[actor.id]
    assert [o["reference"] for o in outcomes] == [{"box": "1"}] * len(outcomes)
    assert all("document" not in o and o["version"] <= 1 for o in outcomes)


async def test_the_journal_names_the_document_for_whoever_may_consult_it(harness: Harness) -> None:
    await box(harness)
    await _refused(harness, BOB, "1")
    assert [(step["status"], step["document"]) for step in harness.journal("about 1", "bob")] == [
        ("waiting", "box:1"),
        ("rejected", "box:1"),
    ]
    await harness.rest()
    await harness.assert_consistent("about 1", "rejected", actor="bob")


async def test_whoever_may_know_receives_the_whole_outcome(harness: Harness) -> None:
    await box(harness)
    await harness.submit(Hidden(box="1", thing="pen"), actor=ALICE)
    (outcome,) = harness.outcomes()
    assert (outcome["status"], outcome["document"], outcome["version"]) == ("applied", "box:1", 4)
    await harness.submit(PutNow(box="1", thing="ink"), "r2", actor=BOB)
    assert harness.outcomes("r2", "bob")[0]["document"] == "box:1"


async def test_what_comes_to_be_known_while_it_waits_is_decided(harness: Harness) -> None:
    """A permission that was just given is no stranger's any more."""
    await box(harness)
    await harness.submit(Hidden(box="1", thing="pen"), actor=BOB)
    await harness.copy(permissions_key("1"), {"may": ["bob"]}, 2)
    assert harness.statuses("r1", "bob") == ["waiting", "applied"]
    assert harness.outcomes("r1", "bob")[-1]["document"] == "box:1"
    harness.clock.pass_(MINUTE)
    await harness.rest()
    await harness.assert_consistent("r1", "applied", actor="bob")
