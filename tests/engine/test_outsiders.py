"""Whoever may not know that a document exists is told, and waits, as if there were none (rule R1)."""

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
from tests.support.toy.rules import NOBODY, keeper_key

CODES = {"bob": ["waiting_copy", "not_found"], NOBODY: ["user_inactive"]}


async def box(harness: Harness) -> None:
    """Make box 1, which has a past: its version is none that a first decision would have."""
    for number in range(3):
        await harness.ask(Find(box="1", thing="lid"), f"before {number}")
    await harness.copy(keeper_key("1"), {"may": ["alice"]})


async def _refused(harness: Harness, actor: Actor, box: str) -> list[Message]:
    """Ask about a box until it is refused; return what was told, the copies of the team moving meanwhile."""
    done, began = len(harness.bus.sent), harness.clock.time
    request_id = f"about {box}"
    await harness.ask(Hidden(box=box, thing="pen"), request_id, actor=actor)
    harness.clock.pass_(SECOND)
    if box == "1":
        await harness.copy(keeper_key(box), {"may": ["carol"]}, done)
    harness.clock.pass_(SECOND)
    await harness.sweep()
    await harness.ask(Hidden(box=box, thing="pen"), request_id, actor=actor)  # A repeat is told the same too.
    told = [m for m in harness.bus.sent[done:] if m.topic == "box.outcomes"]
    harness.clock.time = began
    return told


def _as_told(messages: Sequence[Message], box: str) -> list[str]:
    """Return all that messages show, with what was asked about by one name, and without marks that are made up."""
    shown = [str(m).replace(f"about {box}", "about it").replace(f'"{box}"', "it") for m in messages]
    return [re.sub("00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]", "traced", message) for message in shown]


@pytest.mark.parametrize("actor", [BOB, Actor(NOBODY)], ids=lambda a: a.id)
async def test_what_is_not_theirs_looks_like_what_is_not_there(harness: Harness, actor: Actor) -> None:
    await box(harness)
    there, absent = await _refused(harness, actor, "1"), await _refused(harness, actor, "2")
    assert _as_told(there, "1") == _as_told(absent, "2")
    told = [orjson.loads(message.value) for message in there]
    assert [t["code"] for t in told if not t["repeated"]] == CODES[actor.id]
    assert [t["reference"] for t in told] == [{"box": "1"}] * len(told)
    assert all("document" not in t and t["version"] <= 1 for t in told)


async def test_the_journal_tells_which_document_it_was_for_whoever_may_consult_it(harness: Harness) -> None:
    await box(harness)
    await _refused(harness, BOB, "1")
    assert [(step["status"], step["document"]) for step in harness.journal("about 1", "bob")] == [
        ("waiting", "box:1"),
        ("rejected", "box:1"),
    ]
    await harness.rest()
    await harness.tells_one_story("about 1", "rejected", actor="bob")


async def test_whoever_may_know_is_told_all_of_it(harness: Harness) -> None:
    await box(harness)
    await harness.ask(Hidden(box="1", thing="pen"), actor=ALICE)
    (told,) = harness.outcomes()
    assert (told["status"], told["document"], told["version"]) == ("applied", "box:1", 4)
    await harness.ask(PutNow(box="1", thing="ink"), "r2", actor=BOB)
    assert harness.outcomes("r2", "bob")[0]["document"] == "box:1"


async def test_what_comes_to_be_known_while_it_waits_is_decided(harness: Harness) -> None:
    """A right that was just given is no stranger's any more."""
    await box(harness)
    await harness.ask(Hidden(box="1", thing="pen"), actor=BOB)
    await harness.copy(keeper_key("1"), {"may": ["bob"]}, 2)
    assert harness.told("r1", "bob") == ["waiting", "applied"]
    assert harness.outcomes("r1", "bob")[-1]["document"] == "box:1"
    harness.clock.pass_(MINUTE)
    await harness.rest()
    await harness.tells_one_story("r1", "applied", actor="bob")
