"""What a load asks is drawn from its seed alone."""

import random
from itertools import islice

from tests.faults.plan import PlannedRequest, plan


def drawn(seed: int, count: int = 400) -> list[PlannedRequest]:
    return list(islice(plan(random.Random(seed), 6, run="r"), count))


def test_the_same_seed_draws_the_same_requests() -> None:
    assert drawn(7) == drawn(7)
    assert drawn(7) != drawn(8)


def test_every_kind_comes_by_every_channel_it_has_and_some_come_again() -> None:
    sends = drawn(7)
    assert {(a.kind, a.channel) for a in sends} == {
        *((kind, channel) for kind in ("modify", "activate", "deactivate", "cancel") for channel in ("http", "kafka")),
        ("member", "http"),
    }
    again = [a for a in sends if a.repeats]
    assert again
    first = {a.request_id: a for a in sends if not a.repeats}
    assert all((a.kind, a.target, a.body) == _sends_for(first[a.request_id]) for a in again)
    assert any(a.channel != first[a.request_id].channel for a in again)


def test_a_cancellation_is_about_an_earlier_request_of_the_same_structure() -> None:
    sends = {a.request_id: a for a in reversed(drawn(7))}
    cancels = [a for a in sends.values() if a.kind == "cancel"]
    assert cancels
    assert all(sends[c.body["request_id"]].target == c.target for c in cancels)


def _sends_for(ask: PlannedRequest) -> tuple[object, ...]:
    return ask.kind, ask.target, ask.body
