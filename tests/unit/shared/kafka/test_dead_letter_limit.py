"""A bad deployment does not empty its topics into the dead letters, and nobody else makes others wait."""

from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import REGISTRY

from shared.contracts.messages.cloudevents import Message
from shared.domain.actor import Actor
from shared.errors import Transient
from shared.kafka.dead_letter_limit import AT_MOST, OF_ONE_ACTOR, WINDOW, DeadLetterLimit
from shared.kafka.dead_letters import dead_letter

PROCESS = "structure_svc"


class Now:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.time = 1_000.0

    def __call__(self) -> float:
        return self.time


def record(topic: str) -> Any:
    return SimpleNamespace(topic=topic, partition=0, offset=1, timestamp=2, key=b"k", value=b"v", headers=[])


def dead_letters(count: int, code: str, topic: str, actor: str | None = None) -> list[Message]:
    return [
        dead_letter(record(topic=topic), code, "why", process=PROCESS, actor=Actor(actor) if actor else None)
        for _ in range(count)
    ]


def test_past_a_rate_of_our_own_faults_nothing_more_is_sent_until_time_has_passed() -> None:
    now = Now()
    limit = DeadLetterLimit(PROCESS, now)
    for n in range(AT_MOST):
        limit.check(dead_letters(1, "internal_error", "structure.requests", f"user{n}"))
    with pytest.raises(Transient):
        limit.check(dead_letters(1, "internal_error", "structure.requests", "one more"))
    limit.check([Message("structure.outcomes", b"", b"{}", ())])
    now.time += WINDOW
    limit.check(dead_letters(1, "internal_error", "structure.requests", "one more"))


@pytest.mark.parametrize("topic", ["structure.due", "manager.state", "insee.outcomes"])
def test_what_only_our_systems_write_and_nobody_can_read_is_our_own_fault(topic: str) -> None:
    limit = DeadLetterLimit(PROCESS, Now())
    limit.check(dead_letters(AT_MOST, "message_unreadable", topic))
    with pytest.raises(Transient):
        limit.check(dead_letters(1, "message_unreadable", topic))


def test_whoever_sends_rubbish_makes_nobody_wait() -> None:
    limit = DeadLetterLimit(PROCESS, Now())
    limit.check(dead_letters(3 * AT_MOST, "message_unreadable", "structure.requests"))
    limit.check(dead_letters(3 * AT_MOST, "invalid_request", "structure.requests", "mallory"))
    limit.check(dead_letters(1, "internal_error", "structure.requests", "alice"))


def test_one_actor_whose_requests_break_a_rule_makes_nobody_wait() -> None:
    limit = DeadLetterLimit(PROCESS, Now())
    limit.check(dead_letters(3 * AT_MOST, "internal_error", "structure.requests", "mallory"))
    others = AT_MOST - OF_ONE_ACTOR
    for n in range(others):
        limit.check(dead_letters(1, "internal_error", "structure.requests", f"user{n}"))
    with pytest.raises(Transient):
        limit.check(dead_letters(1, "internal_error", "structure.requests", "one more"))


def test_that_they_are_held_is_told_for_as_long_as_somebody_tries() -> None:
    now = Now()
    limit = DeadLetterLimit(PROCESS, now)
    limit.check(dead_letters(AT_MOST, "message_unreadable", "structure.due"))
    assert held() == 0
    for _ in range(5):
        with pytest.raises(Transient):
            limit.check(dead_letters(1, "message_unreadable", "structure.due"))
        now.time += 5
        assert held() == 1
    now.time += 15
    assert held() == 0, "the partition has gone to another process: nobody tries here any more"


def held() -> float | None:
    return REGISTRY.get_sample_value("structures_dead_letters_held")
