"""`python -m tests.faults`: fault runs, longer than those of the test suite. `make faults CASE=… SEED=…` calls it."""

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from pathlib import Path

from bench.record import machine
from dev.run.system import System
from tests.faults.cases import CASES
from tests.faults.trial import Verdict, fault_system, trial


def main() -> None:
    """Run the cases that are chosen, all of them by default; end with 1 when one of them found something."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--case", default="", help="names of cases, separated by commas (all)")
    parser.add_argument("--seed", default="", help="replays what a run drew (a new one)")
    parser.add_argument("--short", action="store_true", help="as long as in the test suite")
    parser.add_argument("--list", action="store_true", help="only say what the cases do")
    arguments = parser.parse_args()
    if arguments.list:
        print("\n".join(f"{name:16} {case.says}" for name, case in CASES.items()))
        return
    names = [name for name in arguments.case.split(",") if name] or list(CASES)
    if unknown := set(names) - set(CASES):
        sys.exit(f"No such case: {', '.join(sorted(unknown))}. There are: {', '.join(CASES)}.")
    seed = int(arguments.seed) if arguments.seed else random.SystemRandom().randrange(10**6)
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        print("Starting the system", flush=True)
        with fault_system(Path(folder)) as system:
            verdicts = [_one(system, name, seed, short=arguments.short) for name in names]
    bad = [verdict for verdict in verdicts if verdict.violations]
    print(f"\n{len(verdicts) - len(bad)} of {len(verdicts)} cases without a violation.")
    sys.exit(1 if bad else 0)


def _one(system: System, name: str, seed: int, *, short: bool) -> Verdict:
    case = CASES[name]
    print(f"\n{name}: {case.says} (seed {seed})", flush=True)
    began = time.monotonic()
    size = case.short if short else case.long
    verdict = asyncio.run(trial(system, case, seed, size, report=lambda text: print(text, flush=True)))
    _write(verdict)
    print(f"{verdict}\n  {time.monotonic() - began:.0f} s", flush=True)
    return verdict


def _write(verdict: Verdict) -> None:
    """Keep the figures of a run beside its history, with the machine they are of."""
    figures = {"machine": machine(), "case": verdict.case, "seed": verdict.seed, **verdict.figures}
    verdict.history.with_suffix(".json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
