"""Nobody harms a neighbour: whatever one actor sends and whatever one document holds, others are decided on.

A bystander sends requests all the while. On an idle machine each decision takes some hundredths of a second, and 2 s is
promised (`make faults CASE=hostile-neighbour` checks that); tests share their machine, so here it is 2 s or ten times
what it took the bystander in peace. Without isolation it is minutes, or never.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from tests.support.attacks import Attacker, with_state
from tests.support.bystander import Bystander
from tests.support.system import System, behind, until

DECISIONS = 12
"""How many decisions of the bystander an attack goes on for, at least."""


def unharmed(bystander: Bystander, attack: Callable[[], object]) -> None:
    """Check that an attack keeps nobody waiting."""
    bound = max(2.0, 10 * bystander.median)
    bystander.took.clear()
    attack()
    bystander.wait_for(DECISIONS)
    assert bystander.failed == []
    assert len(bystander.took) >= DECISIONS
    assert bystander.longest < bound, f"in peace {bound / 10:.2f} s"


@pytest.mark.parametrize(
    "attack",
    [
        Attacker.many_pending_changes,
        Attacker.heavy_pending_changes,
        Attacker.copies_of_one_request,
        Attacker.one_id_with_many_bodies,
        Attacker.requests_that_wait,
        Attacker.huge_headers,
    ],
)
def test_whatever_one_actor_sends(attacker: Attacker, bystander: Bystander, attack: Callable[[Attacker], None]) -> None:
    unharmed(bystander, lambda: attack(attacker))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(with_state(created_at="yesterday"), id="can't be shown"),
        pytest.param(lambda raw: {**raw, "state": {"id": 7}}, id="can't be read"),
        pytest.param(lambda raw: {**raw, "outbox": [{"at": 1}]}, id="an outbox nobody can read"),
        pytest.param(with_state(name="x" * 16_700_000), id="too large for MongoDB"),
        pytest.param(with_state(name="x" * 2_000_000), id="too large for Kafka"),
    ],
)
def test_whatever_one_stored_document_holds(
    attacker: Attacker, bystander: Bystander, change: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    with attacker.stored(change):
        unharmed(bystander, attacker.submit_changes)


def test_requests_that_only_a_newer_version_knows(attacker: Attacker, bystander: Bystander, system: System) -> None:
    with attacker.newer_requests():
        unharmed(bystander, attacker.submit_changes)
        with system.as_("marc") as marc:
            answer = marc.patch(f"/structures/{attacker.structure}", json={"label": "x"}, headers={"Prefer": "wait=20"})
            assert answer.status_code in {403, 404}, "what waits for a copy is decided at its deadline all the same"


def test_keys_that_nobody_knows_while_the_issuer_is_away(
    system: System, attacker: Attacker, bystander: Bystander
) -> None:
    issuer = system.supervisor["issuer"]
    issuer.stop()
    issuer.join(30)
    try:
        unharmed(bystander, attacker.made_up_keys)
    finally:
        issuer.start()
        system.supervisor.wait_ready(["issuer"], 60)
    until(lambda: _retried(system), 90, what="that what was put aside is judged")


def _retried(system: System) -> bool:
    return not any(group.endswith("requests-retry") for group in behind(system))


@pytest.mark.parametrize("attack", [Attacker.half_open_connections, Attacker.slow_bodies])
def test_connections_that_never_say_what_they_want(
    attacker: Attacker, bystander: Bystander, attack: Callable[[Attacker], AbstractContextManager[None]]
) -> None:
    with attack(attacker):
        unharmed(bystander, lambda: None)


def test_a_header_without_end(attacker: Attacker, bystander: Bystander) -> None:
    unharmed(bystander, attacker.huge_http_header)
