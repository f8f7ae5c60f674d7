"""How documents and rows are written down: what is read is what was written, and a write names what it changes."""

from typing import Any

from shared.contracts.messages.common import Request
from shared.domain.actor import Actor
from shared.engine.core.decide import decide
from shared.engine.core.document import Document, Draft
from shared.engine.core.incoming import Incoming, RequestRecord
from shared.engine.core.rules import Context
from shared.engine.storage import codec
from tests.support.toy import ALICE, DELAY, NOW, OWNER, TIMING, incoming
from tests.support.toy.requests import Ask, Cancel, Close, Label, Make, Open, Put, PutNow, Rename
from tests.support.toy.state import BoxState

REPUBLISH_AFTER = 600_000


def stored(*things: str, **more: Any) -> dict[str, Any]:
    return {"_id": "box:1", "version": 3, "state": {"things": list(things), "closed": False, **more}, "outbox": []}


def decided(raw: dict[str, Any], *requests: Request) -> Draft:
    draft = Draft(OWNER, codec.document_in(OWNER, raw))
    for number, request in enumerate(requests):
        asked = incoming(request, f"r{number}")
        context = Context(ALICE, NOW, asked.request_id, "box:1", pending=tuple(draft.pending))
        decide(draft, asked, context, TIMING)
    return draft


def update(raw: dict[str, Any], *requests: Request) -> dict[str, Any]:
    return codec.write_out(decided(raw, *requests).write("batch"), NOW, REPUBLISH_AFTER)


def test_a_write_sets_the_fields_that_changed_and_no_others() -> None:
    written = update(stored("lid", label="old"), PutNow(box="1", thing="pen"))
    assert {name for name in written["$set"] if name.startswith("state")} == {"state.things"}
    assert written["$set"]["state.things"] == ["lid", "pen"]
    assert (written["$set"]["unpublished_since"], written["$set"]["republish_at"]) == (NOW, NOW + REPUBLISH_AFTER)
    assert written["$set"]["version"] == 4
    assert [s["status"] for s in written["$push"]["outbox"]["$each"]] == ["applied"]


def test_a_new_pending_change_is_added_to_those_there() -> None:
    written = update(stored("lid"), Put(box="1", thing="pen"))
    assert "pending" not in written["$set"]
    (pending,) = written["$push"]["pending"]["$each"]
    assert (pending["change"], pending["reserves"], pending["due_at"]) == ({"thing": "pen"}, [], NOW + DELAY)


def test_when_a_pending_change_ends_those_left_are_written() -> None:
    written = update(stored("lid"), Put(box="1", thing="a"), Put(box="1", thing="b"), Cancel(box="1", request_id="r0"))
    assert [p["change"] for p in written["$set"]["pending"]] == [{"thing": "b"}]
    assert "pending" not in written["$push"], "one update may name a field once"


def test_a_refusal_sets_no_mark_and_no_state() -> None:
    written = update(stored("lid", closed=True), Put(box="1", thing="pen"))
    assert set(written["$set"]) == {"version", "batch"}


def test_unique_keys_are_written_when_they_change_and_never_as_an_empty_list() -> None:
    assert "keys" not in update(stored("lid"), Close(box="1"))["$set"]
    reserved = update(stored("lid"), Rename(box="1", name="tools"))
    assert reserved["$set"]["keys"] == ["name:tools"]
    given_up = update(stored("lid"), Rename(box="1", name="tools"), Cancel(box="1", request_id="r0"))
    assert "keys" not in given_up["$set"], "nothing was held and nothing is"
    held = {**stored("lid", name="tools"), "keys": ["name:tools", "name:toys"]}
    assert update(held, Close(box="1"))["$set"]["keys"] == ["name:tools"]
    nameless = {**stored("lid"), "keys": ["name:tools"]}
    assert update(nameless, Close(box="1"))["$unset"] == {"keys": ""}


def test_only_a_new_document_says_which_request_it_decided() -> None:
    draft = Draft(OWNER, Document("box:7"))
    context = Context(ALICE, NOW, "r1", None, new_id=7)
    decide(draft, incoming(Make(thing="pen")), context, TIMING)
    made = codec.document_out(draft.write("batch"), NOW, REPUBLISH_AFTER)
    assert made["idempotency_key"] == "alice|r1"
    assert "idempotency_key" not in update(stored("lid"), PutNow(box="1", thing="pen"))["$set"]


def test_a_new_document_is_what_its_update_would_have_made_of_nothing() -> None:
    draft = Draft(OWNER, Document("box:7"))
    decide(draft, incoming(Open(name="tools", thing="pen")), Context(ALICE, NOW, "r1", None, new_id=7), TIMING)
    made = codec.document_out(draft.write("batch"), NOW, REPUBLISH_AFTER)
    read = codec.document_in(OWNER, made)
    assert (read.id, read.version, read.keys) == ("box:7", 2, ("name:tools",))
    assert read.state == BoxState(name="tools")
    assert [p.transition.request_id for p in read.pending] == ["r1.put"]
    assert read.outbox == draft.transitions


def test_a_document_read_and_written_keeps_what_only_a_newer_version_knows() -> None:
    raw = stored("lid", weight=7)
    raw["pending"] = [
        codec.pending_out(p) | {"note": n} for p, n in zip(decided(raw, *PUTS).pending, ("a", "b"), strict=True)
    ]
    draft = Draft(OWNER, codec.document_in(OWNER, raw))
    assert draft.state is not None
    assert draft.state.model_extra == {"weight": 7}
    draft.drop(draft.pending[0])
    written = codec.write_out(draft.write("batch"), NOW, REPUBLISH_AFTER)
    assert [p["note"] for p in written["$set"]["pending"]] == ["b"]


PUTS = (Put(box="1", thing="a"), Put(box="1", thing="b"))


def waiting(**more: Any) -> Incoming:
    actor = Actor("alice", "technical", frozenset({"b", "a"}), "Alice", "Martin", "a@example.org", via="gateway")
    asked = incoming(Ask(box="1", thing="pen"), actor=actor, correlation_id="c", authorization="Bearer secret", **more)
    asked.waited, asked.known = {"oracle": NOW - 5}, {"oracle:pen": {"said": "later"}}
    return asked


def test_a_waiting_row_brings_its_request_back_whole_and_without_the_token() -> None:
    asked = waiting()
    transition = asked.transition("box", "waiting", "waiting_insee", NOW)
    raw = codec.waiting_out(
        RequestRecord(transition, "oracle:pen", NOW + 9, NOW + 3, {"topic": "oracle.requests"}, asked)
    )
    assert "secret" not in repr(raw)
    record = codec.record_in(OWNER, raw)
    read = record.incoming
    assert read is not None
    assert (record.waits_for, record.deadline, record.look_up_at, record.look_up) == (
        "oracle:pen",
        NOW + 9,
        NOW + 3,
        raw["look_up"],
    )
    assert (read.key, read.actor, read.request, read.body_hash) == (
        asked.key,
        asked.actor,
        asked.request,
        asked.body_hash,
    )
    assert (read.received_at, read.correlation_id) == (NOW, "c")
    assert (read.waited, read.known, read.waiting) == (asked.waited, asked.known, True)
    assert read.authorization is None


def test_a_request_kept_while_it_waits_remembers_which_fields_it_named() -> None:
    asked = incoming(Label.model_validate({"box": "1", "label": None}))
    record = codec.record_in(
        OWNER, codec.waiting_out(RequestRecord(asked.transition("box", "waiting", "waiting_copy", NOW), incoming=asked))
    )
    assert record.incoming is not None
    assert record.incoming.request.model_fields_set == {"box", "label"}, "an emptied field is not one left alone"


def test_a_decided_row_holds_its_last_step_and_no_request() -> None:
    transition = (
        incoming(PutNow(box="1", thing="pen"))
        .transition("box", "applied", "applied", NOW)
        .replace(version=4, document="box:1")
    )
    record = codec.record_in(OWNER, codec.record_out(transition))
    assert (record.transition, record.incoming, record.is_waiting) == (transition, None, False)
