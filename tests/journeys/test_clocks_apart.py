"""Clocks that differ by some milliseconds make no change wait for the sweeper."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from shared.clock import SECOND, parse_instant
from tests.journeys.builders import new_structure
from tests.support.system import System, until

CHANGES = 30


@contextmanager
def with_settings(system: System, name: str, **settings: str) -> Iterator[None]:
    """Let a process run with other settings; as before, afterwards."""
    process = system.supervisor[name]
    for besides in (settings, {}):
        process.stop()
        process.join(30)
        process.besides = besides
        process.start()
        system.supervisor.wait_ready([name], 60)
        if besides:
            yield


def test_a_delay_that_is_a_little_fast_makes_no_change_late(system: System) -> None:
    structure = new_structure(system)["id"]
    fast = with_settings(system, "delay_svc", CLOCK_OFFSET="20ms")
    with fast, with_settings(system, "structure_svc", OVERDUE_AFTER="2m"), system.as_("alice") as alice:
        paths = []
        for n in range(CHANGES):
            answer = alice.patch(f"/structures/{structure}", json={"label": f"change {n}"})
            paths.append(answer.headers["Location"].removeprefix("/api/v1"))
            time.sleep(0.02)
        until(lambda: all(alice.get(path).json()["status"] == "applied" for path in paths), 40, what="all effective")
        late = [_lateness(alice.get(path).json()) for path in paths]
    assert min(late) >= 0, "and none is early"
    assert max(late) < 30 * SECOND, "the sweeper's turn comes after two minutes"


def _lateness(request: dict[str, str]) -> int:
    return int(str(parse_instant(request["at"]))) - int(str(parse_instant(request["effective_at"])))
