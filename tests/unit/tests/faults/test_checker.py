"""The checker lets a good history pass and catches each kind of violation."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.checker import check
from tests.faults.history import Event, History, line, read
from tests.unit.tests.faults.histories import (
    DELAY,
    DOCUMENT,
    END,
    START,
    asked,
    changed,
    good,
    key,
    reported,
    with_,
    without,
)

Story = list[Event]


def found(events: Story) -> set[str]:
    return {violation.rule for violation in check(events)}


def is_step(number: int, status: str, what: str | None = None) -> Callable[[Event], bool]:
    return lambda e: e.request == key(number) and e.status == status and e.what in ({what} if what else _REPORTED)


_REPORTED = {"outcome", "journal"}


def test_a_good_history_passes() -> None:
    assert check(good()) == []


def test_what_nobody_can_read_and_is_a_dead_letter_is_not_lost() -> None:
    place = "structure.requests/0/99"
    dead_letter = Event("dead_lettered", START, "structure_svc", place="structure_svc.dlq/0/0", more={"was": place})
    assert check([*good(), Event("poisoned", START, place=place), dead_letter]) == []


def test_a_history_is_the_same_when_it_is_read_back() -> None:
    assert read(line(event) for event in good()) == good()


def test_the_file_holds_what_was_told(tmp_path: Path) -> None:
    history = History(tmp_path / "history.jsonl")
    history.record(*good())
    history.close()
    assert read(history.file.read_text(encoding="utf-8").splitlines()) == good() == history.events


DUE = START + DELAY


@pytest.mark.parametrize(
    ("rule", "story"),
    [
        pytest.param("early", with_(good(), is_step(0, "applied"), at=DUE - 1), id="told before its time"),
        pytest.param(
            "early",
            with_(good(), is_step(0, "applied", "outcome"), more={"decided": DUE - 1}),
            id="decided before its time, told after it",
        ),
        pytest.param("early", with_(good(), lambda e: e.what == "forwarded", at=DUE - 1), id="forwarded early"),
        pytest.param(
            "lost",
            [*good(), Event("poisoned", START, place="structure.requests/0/99")],
            id="unreadable and no dead letter",
        ),
        pytest.param(
            "lost",
            without(good(), lambda e: e.request == key(3) and e.what in {*_REPORTED, "request_record"}),
            id="taken and never answered",
        ),
        pytest.param(
            "lost",
            [*good(), Event("acknowledged", START, "http", key(77))],
            id="acknowledged and in no log",
        ),
        pytest.param("lost", without(good(), is_step(1, "applied")), id="accepted and never applied"),
        pytest.param("lost", without(good(), is_step(3, "rejected", "outcome")), id="a version never told"),
        pytest.param(
            "lost",
            with_(good(), lambda e: e.what == "stored", version=9),
            id="MongoDB decided something nobody was told",
        ),
        pytest.param(
            "lost",
            [*good(), Event("stored", END, "mongodb", document="structure:2", more={"outbox": 1})],
            id="an outbox that was never emptied",
        ),
        pytest.param(
            "lost", [*good(), Event("request_record", END, "mongodb", key(9), status="waiting")], id="waits for ever"
        ),
        pytest.param("double", [*good(), *changed(0, 9, DUE + 20, DUE, "label 1")], id="the same change applied twice"),
        pytest.param(
            "double",
            [*good(), *reported(0, "accepted", 1, START + 5, due_at=DUE + 1)],
            id="two different first answers",
        ),
        pytest.param("double", [*good(), *reported(8, "rejected", 4, START + 5)], id="one version, two decisions"),
        pytest.param("double", [*good(), *reported(0, "failed", 9, DUE + 20, due_at=DUE)], id="applied and failed"),
        pytest.param(
            "double",
            [*good(), Event("answered", START + 9, "http", key(3), status="accepted", code="accepted")],
            id="HTTP told another decision",
        ),
        pytest.param(
            "contradiction",
            [*good(), *reported(0, "rejected", 9, START + 9, code="forbidden")],
            id="rejected and accepted",
        ),
        pytest.param(
            "cancelled", [*good(), *changed(2, 9, DUE + 300, DUE + 200, "label 1")], id="cancelled yet applied"
        ),
        pytest.param(
            "readers",
            with_(good(), lambda e: e.what == "state" and e.version == 8, version=6),
            id="the newest state on the topic is an old one",
        ),
        pytest.param("readers", without(good(), lambda e: e.what == "state"), id="the state was never told"),
        pytest.param(
            "readers",
            with_(good(), lambda e: e.what == "request_record" and e.request == key(2), status="accepted", version=3),
            id="the row tells another end than the journal",
        ),
        pytest.param(
            "readers", without(good(), lambda e: e.what == "request_record" and e.request == key(2)), id="a row is lost"
        ),
        pytest.param(
            "readers",
            with_(good(), lambda e: e.what == "shown", more={"record": {"label": "label 0"}}),
            id="the gateway shows an old record",
        ),
        pytest.param(
            "readers",
            [*good(), Event("shown", END, "gateway", key(0), status="accepted", code="accepted")],
            id="the gateway shows an old status",
        ),
        pytest.param(
            "sums",
            [e for e in good() if not is_step(1, "applied")(e)] + changed(1, 8, DUE + 109, DUE + 100, None),
            id="an effect that did not see the one before",
        ),
        pytest.param(
            "sums",
            with_(good(), lambda e: e.what == "stored", more={"record": {"label": "label 0"}}),
            id="the record is not what was applied last",
        ),
    ],
)
def test_a_violation_is_caught(rule: str, story: Story) -> None:
    assert rule in found(story)


def test_effects_out_of_the_order_of_acceptance_are_caught() -> None:
    story = without(good(), lambda e: e.status == "applied" and e.version in {7, 8})
    swapped = [*changed(1, 7, DUE + 110, DUE + 100, None), *changed(0, 8, DUE + 111, DUE, "label 1")]
    assert "disorder" in found([*story, *swapped])


def test_a_change_due_before_one_accepted_earlier_is_caught() -> None:
    assert "disorder" in found(with_(good(), is_step(1, "accepted"), due_at=DUE - 1))


def test_what_was_cancelled_before_holds_back_nothing() -> None:
    late = with_(good(), is_step(2, "accepted"), due_at=DUE + 60_000)
    story = [*late, *asked(5), *reported(5, "accepted", 9, DUE + 200, due_at=DUE + 2_200)]
    assert "disorder" not in found(story)
    assert "disorder" in found(with_(story, is_step(2, "cancelled"), version=10))


def test_requests_decided_against_the_order_of_their_log_are_caught() -> None:
    story = [e for e in good() if not (e.what == "logged" and e.request == key(0))]
    assert "disorder" in found([*story, asked(0, offset=50)[2]])


def test_requests_of_different_partitions_have_no_order() -> None:
    story = [e for e in good() if not (e.what == "logged" and e.request == key(0))]
    assert check([*story, asked(0, offset=50, partition=1)[2]]) == []


def test_a_request_that_waited_is_decided_when_it_can_be() -> None:
    story = [e for e in good() if not (e.what == "logged" and e.request == key(0))]
    waited = Event("outcome", START, "structure", key(0), status="waiting", code="waiting_copy")
    assert check([*story, asked(0, offset=-1)[2], waited]) == []


def test_decisions_told_in_another_order_than_they_were_made_are_caught() -> None:
    story = with_(good(), is_step(0, "accepted", "outcome"), place="structure.outcomes/0/99")
    assert "disorder" in found(story)


def test_what_is_told_again_is_no_violation() -> None:
    again = [replace(e, at=e.at + 5_000, more={**e.more, "repeated": True}) for e in good() if e.what in _REPORTED]
    assert check([*good(), *again]) == []


def test_a_message_that_never_became_a_request_is_answered_by_its_refusal() -> None:
    refused = Event("outcome", START, "structure", "|r9", code="token_expired", more={"recorded": False})
    assert check([*good(), *asked(9, offset=9), refused]) == []


def test_what_takes_effect_after_the_end_must_still_be_pending() -> None:
    later = [*asked(9, offset=9), *reported(9, "accepted", 9, START + 905, due_at=END + 1_000)]
    request_record = Event("request_record", END, "mongodb", key(9), DOCUMENT, 9, "accepted", "accepted")
    story = with_([*good(), *later, request_record], lambda e: e.what == "stored", version=9)
    assert found(story) == {"lost"}
    stored = next(e for e in story if e.what == "stored")
    pending = {**stored.more, "pending": [key(9)]}
    assert check(with_(story, lambda e: e.what == "stored", more=pending)) == []


def test_a_clock_made_fast_may_forward_early_and_may_not_apply_early() -> None:
    fast = Event("fault", START, "delay_svc", code="clock")
    forwarded_early = with_([*good(), fast], lambda e: e.what == "forwarded", at=DUE - 300_000)
    assert check(forwarded_early) == []
    assert found(with_(forwarded_early, is_step(0, "applied"), at=DUE - 1)) == {"early"}


def test_what_documents_were_before_the_run_is_not_its_business() -> None:
    story = with_(good(), lambda e: e.what == "begun", more={"versions": {DOCUMENT: 6}})
    story = without(story, lambda e: e.version < 7 and e.what in {"logged", "acknowledged", *_REPORTED})
    story = without(story, lambda e: e.what in {"logged", "acknowledged"} and e.request not in {key(0), key(1)})
    assert "lost" not in found(story)


def test_a_history_without_its_end_is_no_history() -> None:
    with pytest.raises(ValueError, match="beginning"):
        check(without(good(), lambda e: e.what == "ended"))
