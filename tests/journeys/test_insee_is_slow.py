"""A creation waits while INSEE does not answer: it can be followed, repeated, and taken back.

It is slow here, and not down: the circuit breaker that opens then would be in the way of other journeys.
"""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from dev.insee.units import made_up_siret
from tests.support.system import System, until


@pytest.fixture
def simulator(system: System) -> Iterator[httpx2.Client]:
    """What makes INSEE misbehave; mended afterwards."""
    with httpx2.Client(base_url=f"http://127.0.0.1:{system.settings.insee_port}/_simulator") as client:
        yield client
        client.delete("/fault")


def waiting(alice: httpx2.Client, simulator: httpx2.Client, number: int) -> tuple[str, str]:
    """Return the SIRET and the request's path of a creation that waits for INSEE."""
    siret = made_up_siret(number)
    simulator.put("/fault", json={"kind": "slow", "delay_ms": 4_000, "siret": siret}).raise_for_status()
    simulator.put(f"/units/{siret}", json={"name": "ATTENTE"}).raise_for_status()
    body = {"identifier": {"type": "SIRET", "value": siret}}
    answer = alice.post("/structures", json=body, headers={"Prefer": "wait=0"})
    path = answer.headers["Location"].removeprefix("/api/v1")
    until(lambda: alice.get(path).json()["status"] == "waiting", what="that it waits")
    return siret, path


def test_a_creation_that_waits_says_what_it_is_about_and_is_taken_back(
    system: System, simulator: httpx2.Client
) -> None:
    with system.as_("alice") as alice:
        siret, path = waiting(alice, simulator, 31_001)
        request: dict[str, Any] = alice.get(path).json()
        assert request["reference"]["structure"]["identifier"] == {"type": "SIRET", "value": siret}
        cancelled = alice.post(f"{path}/cancel", headers={"Prefer": "wait=10"})
        assert (cancelled.status_code, cancelled.json()["code"]) == (202, "cancellation_done"), cancelled.text
        until(lambda: alice.get(path).json()["status"] == "cancelled", what="that it is cancelled")
        again = alice.post(
            "/structures",
            json={"identifier": {"type": "SIRET", "value": siret}},
            headers={"Idempotency-Key": path.rpartition("/")[2], "Prefer": "wait=10"},
        )
        assert again.json()["status"] == "cancelled", "what was taken back is not done when it comes again"
        assert alice.get(f"/structures/by-identifier/SIRET/{siret}").status_code == 404
        too_late = alice.post(f"{path}/cancel", headers={"Prefer": "wait=10"})
        assert too_late.json()["code"] == "already_cancelled"


def test_nobody_else_takes_it_back(system: System, simulator: httpx2.Client) -> None:
    with system.as_("alice") as alice, system.as_("marc") as marc:
        _, path = waiting(alice, simulator, 31_002)
        assert marc.post(f"{path}/cancel", params={"actor": "alice"}).status_code == 404
        assert alice.get(path).json()["status"] == "waiting"
        alice.post(f"{path}/cancel", headers={"Prefer": "wait=10"})
