"""One run of one case: inject, heal, wait until quiet, collect, judge."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev.brokers import Ports
from dev.brokers.ports import free_ports
from dev.run.system import System
from tests.faults.cases import Case
from tests.faults.checker import check
from tests.faults.figures import figures
from tests.faults.history import History
from tests.faults.stack import Size, Stack
from tests.faults.violation import Violation
from tests.support.brokers import open_brokers

FOLDER = Path(__file__).parents[2] / ".data" / "faults"
"""Where histories are kept."""
MOST_SHOWN = 20


@dataclass(frozen=True)
class Verdict:
    """What came out of a run."""

    case: str
    seed: int
    history: Path
    violations: Sequence[Violation]
    figures: Mapping[str, Any]

    def __str__(self) -> str:
        shown = [f"  {violation}" for violation in self.violations[:MOST_SHOWN]]
        more = len(self.violations) - len(shown)
        lines = [f"{len(self.violations)} violations", *shown, *([f"  and {more} more"] if more > 0 else [])]
        again = f"again: make faults CASE={self.case} SEED={self.seed}   history: {self.history}"
        return "\n".join([*lines, again])


@contextmanager
def fault_system(folder: Path) -> Iterator[System]:
    """Run the system under test: one Kafka, three nodes of MongoDB, a delay of two seconds, watched."""
    found = free_ports(5)
    ports = Ports(kafka=(found[0],), kafka_controller=(found[1],), mongo=tuple(found[2:]))
    with (
        open_brokers(folder / "brokers", ports) as brokers,
        System(folder, environment={"OVERDUE_AFTER": "3s"}, brokers=brokers) as system,
    ):
        system.supervisor.watch()
        yield system


async def trial(
    system: System, case: Case, seed: int, size: Size, *, folder: Path = FOLDER, report: Callable[[str], None] = print
) -> Verdict:
    """Run a case and judge it. Its history is kept in `folder`."""
    history = History(folder / f"{case.name}-{seed}.jsonl")
    stack = Stack(system, history, seed, size, report)
    try:
        await stack.begin(case.name, seed)
        try:
            await case.go(stack)
        finally:
            await stack.heal()
        left = await stack.wait_until_quiet()
        await stack.collect()
    finally:
        history.close()
    violations = [*check(history.events), *(Violation("lost", what, "not done in time") for what in left)]
    measured = figures(history.events)
    report(f"  {json.dumps(measured)}")
    return Verdict(case.name, seed, history.file, violations, measured)
