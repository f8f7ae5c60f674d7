"""Whatever is done to it, nothing is early, lost, double or out of order, and new readers end with the truth.

Each case is a short, seeded run of what `make faults` runs longer. FAULTS_SEED replays another seed.
"""

import os

import pytest

from dev.run.system import System
from tests.faults.cases import CASES, Case
from tests.faults.trial import trial

SEED = int(os.environ.get("FAULTS_SEED", "20261123"))
SHORT = [case for case in CASES.values() if case.in_tests]


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("case", SHORT, ids=lambda case: case.name)
async def test_the_guarantees_hold(system: System, case: Case) -> None:
    verdict = await trial(system, case, SEED, case.short)
    assert not verdict.violations, f"\n{verdict}"
    assert verdict.figures["requests"], "a run without requests proves nothing"
    verdict.history.unlink()
