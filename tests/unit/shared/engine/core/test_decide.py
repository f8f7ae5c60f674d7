"""What a rule's answer becomes: steps with versions of their own, a pending change, a wait."""

from dataclasses import replace
from typing import Any

import pytest

from shared.clock import MINUTE
from shared.contracts.messages.common import Request
from shared.engine.core import due
from shared.engine.core.decide import Wait, decide, reject
from shared.engine.core.document import Document, Draft
from shared.engine.core.incoming import Incoming
from shared.engine.core.rules import Context
from shared.errors import Rejected
from tests.support.toy import ALICE, DELAY, NOW, OWNER, TIMING, incoming
from tests.support.toy.requests import Ask, Cancel, Close, HalfBroken, Label, Make, Open, Put, PutNow, Take
from tests.support.toy.rules import BOMB, oracle_key
from tests.support.toy.state import BoxState


def draft_of(*things: str, **more: Any) -> Draft:
    return Draft(OWNER, Document("box:1", version=4, state=BoxState(things=things, **more)))


def ask(draft: Draft, request: Request | Incoming, *, now: int = NOW, **batch: Any) -> Wait | None:
    asked = request if isinstance(request, Incoming) else incoming(request, f"r{draft.version}")
    context = Context(
        actor=ALICE,
        now=now,
        request_id=asked.request_id,
        document=draft.document.id if draft.state is not None else None,
        pending=tuple(draft.pending),
        answers=asked.known,
        **batch,
    )
    return decide(draft, asked, context, TIMING)


def diff(draft: Draft) -> list[tuple[str, str]]:
    return [(transition.status, transition.code) for transition in draft.transitions]


def test_each_decision_of_one_write_has_a_version_of_its_own() -> None:
    draft = draft_of("lid")
    for thing in "abc":
        ask(draft, Put(box="1", thing=thing))
    assert [transition.version for transition in draft.transitions] == [5, 6, 7]
    write = draft.write("batch")
    assert (write.base, write.version) == (4, 7)


def test_a_step_says_what_it_is_about_as_it_is_now() -> None:
    draft = draft_of("lid", name="tools")
    ask(draft, PutNow(box="1", thing="pen"))
    (transition,) = draft.transitions
    assert (transition.document, transition.raw["reference"]) == ("box:1", {"box": {"name": "tools"}})


def test_the_state_changes_at_once_and_what_is_pending_does_not_change_it() -> None:
    draft = draft_of("lid")
    ask(draft, Put(box="1", thing="later"))
    ask(draft, PutNow(box="1", thing="now"))
    assert isinstance(draft.state, BoxState)
    assert draft.state.things == ("lid", "now")
    projected = draft.projected()
    assert isinstance(projected, BoxState)
    assert projected.things == ("lid", "now", "later")


@pytest.mark.parametrize(("ours", "appended"), [(NOW, NOW + 70), (NOW + 70, NOW)])
def test_acceptance_is_the_later_of_our_clock_and_the_append_time(ours: int, appended: int) -> None:
    draft = draft_of("lid")
    ask(draft, incoming(Put(box="1", thing="pen"), at=appended), now=ours)
    (transition,) = draft.transitions
    assert (transition.accepted_at, transition.effective_at) == (NOW + 70, NOW + 70 + DELAY)


def test_nothing_takes_effect_before_what_was_accepted_earlier_r6() -> None:
    draft = draft_of("lid")
    ask(draft, Put(box="1", thing="a"), now=NOW + MINUTE)
    ask(draft, Put(box="1", thing="b"), now=NOW)
    assert [p.due_at for p in draft.pending] == [NOW + MINUTE + DELAY] * 2


def test_a_change_that_makes_no_difference_ends_and_leaves_nothing_pending_r4() -> None:
    draft = draft_of("lid", label="old")
    ask(draft, Label(box="1", label="old"))
    assert diff(draft) == [("applied", "nothing_to_change")]
    assert (draft.pending, draft.changed) == ([], False)


def test_what_changes_is_shown_before_and_after_and_private_values_are_not() -> None:
    draft = draft_of("lid", secret="hush")
    ask(draft, Label(box="1", label="new", secret="other"))
    (transition,) = draft.transitions
    assert transition.raw["before"] == {"label": None, "secret": "***"}
    assert transition.raw["after"] == {"label": "new", "secret": "***"}


def test_a_cancelled_request_is_told_before_the_one_that_cancelled_it() -> None:
    draft = draft_of("lid")
    ask(draft, incoming(Put(box="1", thing="pen"), "first"))
    ask(draft, incoming(Cancel(box="1", request_id="first"), "second"))
    assert [(s.request_id, s.status) for s in draft.transitions] == [
        ("first", "accepted"),
        ("first", "cancelled"),
        ("second", "applied"),
    ]
    assert draft.pending == []


def test_a_new_document_carries_the_request_that_made_it() -> None:
    draft = Draft(OWNER, Document("box:7"))
    ask(draft, incoming(Make(thing="pen"), "made"), new_id=7)
    write = draft.write("batch")
    assert (write.base, write.idempotency_key) == (0, "alice|made")
    assert write.state == {"things": ["pen"], "closed": False}


def test_a_second_request_is_decided_on_the_new_state() -> None:
    draft = Draft(OWNER, Document("box:7"))
    ask(draft, incoming(Open(name="tools", thing="pen"), "first"), new_id=7)
    assert [(s.request_id, s.status) for s in draft.transitions] == [("first", "applied"), ("first.put", "accepted")]
    assert draft.transitions[0].raw["follow_up"] == "first.put"
    assert draft.keys() == ("name:tools",)


def test_what_is_needed_is_waited_for_as_long_as_its_kind_of_wait_lasts() -> None:
    draft, request = draft_of("lid"), incoming(Ask(box="1", thing="pen"))
    wait = ask(draft, request)
    assert wait is not None
    assert (wait.waits_for, wait.code, wait.deadline) == (oracle_key("pen"), "waiting_insee", NOW + 60 * MINUTE)
    assert wait.look_up is not None
    assert (draft.transitions, draft.changed) == ([], False)
    again = ask(draft, request, now=NOW + MINUTE)
    assert again is not None
    assert again.deadline == wait.deadline, "asking again gives no more time"
    assert ask(draft, request, now=NOW + 60 * MINUTE) is None
    assert diff(draft) == [("rejected", "insee_unavailable")]


def test_a_refusal_that_may_come_from_a_copy_that_lags_waits_once_for_each_copy() -> None:
    draft, request = draft_of("lid"), incoming(PutNow(box="1", thing="pen"))

    def refused(copy: str, now: int) -> Wait | None:
        return reject(draft, request, Rejected("forbidden", waits_for=copy), now, TIMING, {})

    first, other = refused("keeper:1", NOW), refused("keeper:2", NOW + 1_500)
    assert first is not None
    assert other is not None
    assert (first.deadline, other.deadline) == (NOW + 2_000, NOW + 3_500)
    assert refused("keeper:1", NOW + 2_000) is None
    assert diff(draft) == [("rejected", "forbidden")]


def test_a_refusal_says_on_which_field_and_with_which_values() -> None:
    draft = draft_of("lid")
    no = Rejected("invalid_request", fields={"thing": "field_invalid"}, details={"most": 3})
    reject(draft, incoming(PutNow(box="1", thing="pen")), no, NOW, TIMING, {})
    (transition,) = draft.transitions
    assert (transition.raw["fields"], transition.raw["details"]) == ({"thing": "field_invalid"}, {"most": 3})


def test_a_copy_of_a_draft_is_what_it_was_whatever_is_decided_next() -> None:
    draft = draft_of("lid")
    ask(draft, Put(box="1", thing="a"))
    before = draft.copy()
    with pytest.raises(ZeroDivisionError):
        ask(draft, HalfBroken(box="1"))
    assert len(draft.transitions) == 2, "it broke half-way"
    assert diff(before) == [("accepted", "accepted")]
    assert (before.version, before.state) == (5, BoxState(things=("lid",)))
    assert len(before.pending) == 1


@pytest.mark.parametrize(("until", "things"), [(-1, ("lid",)), (0, ("lid", "a")), (MINUTE, ("lid", "a", "b"))])
def test_what_is_due_is_applied_and_nothing_else(until: int, things: tuple[str, ...]) -> None:
    draft = draft_of("lid")
    ask(draft, Put(box="1", thing="a"))
    ask(draft, Put(box="1", thing="b"), now=NOW + MINUTE)
    assert due.apply(draft, until=NOW + DELAY + until, now=NOW + DELAY) == (len(things) > 1)
    assert draft.state == BoxState(things=things)


def test_a_change_whose_rule_breaks_fails_alone() -> None:
    draft = draft_of("lid")
    ask(draft, Put(box="1", thing="a"))
    ask(draft, Take(box="1", thing="lid"))
    draft.put(BoxState(things=("lid", BOMB)))
    assert due.apply(draft, until=NOW + DELAY, now=NOW + DELAY)
    assert diff(draft)[2:] == [("failed", "internal_error"), ("applied", "applied")]
    assert draft.pending == []


def test_a_change_of_a_type_that_only_a_newer_version_knows_is_left_to_it_and_so_is_what_follows() -> None:
    draft = draft_of("lid")
    for thing in "abc":
        ask(draft, Put(box="1", thing=thing))
    draft.pending[1] = replace(draft.pending[1], transition=draft.pending[1].transition.replace(type="box.newer.v1"))
    assert due.apply(draft, until=NOW + DELAY, now=NOW + DELAY)
    assert diff(draft)[3:] == [("applied", "applied")]
    assert [p.transition.type for p in draft.pending] == ["box.newer.v1", Put.type], "the order of acceptance is kept"
    assert not due.apply(draft, until=NOW + DELAY, now=NOW + DELAY)


def test_back_off_between_triggers_grows() -> None:
    pauses = [due.back_off(late) for late in (0, 29_999, 30_000, 90_000, 400_000, 10**9)]
    assert pauses == [30_000, 30_000, 60_000, 300_000, 900_000, 900_000]
    assert due.LONGEST_BACK_OFF == 900_000


def test_a_refused_request_leaves_no_mark_of_a_change() -> None:
    draft = draft_of("lid", closed=True)
    ask(draft, Put(box="1", thing="pen"))
    write = draft.write("batch")
    assert (write.state, write.pending, list(write.appended), write.changed) == (None, None, [], False)
    ask(draft, Close(box="1"))
    assert draft.write("batch").state is None, "closing what is closed changes nothing"
