"""Fuzzes a running system for as long as it is given, round after round, each with the next seed.

    make fuzz                            every case, ten minutes in all, from a seed that is drawn
    make fuzz CASE=topics TIME=3600      one of them (http, messages, topics), for an hour
    make fuzz CASE=http SEED=17 TIME=1   the round that this seed draws, again

Ends at the first thing it finds, with its smallest example, its seed, and status 1.
"""

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from dev.brokers import Brokers
from tests.fuzz.cases import CASES, run
from tests.fuzz.stack import Stack, fuzz_system
from tests.support.brokers import open_brokers


def main() -> int:
    """Fuzz; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", choices=["", *CASES], default="", help="this one alone")
    parser.add_argument("--time", type=lambda text: float(text or 600), default=600, help="seconds in all (600)")
    parser.add_argument("--seed", default="", help="of the first round (a new one)")
    arguments = parser.parse_args()
    first = int(arguments.seed) if arguments.seed else random.SystemRandom().randrange(10**6)
    names = [arguments.case] if arguments.case else list(CASES)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        print("Starting the system", flush=True)
        with open_brokers(Path(folder) / "brokers") as brokers:
            return _rounds(Path(folder), brokers, names, first, arguments.time)


def _rounds(folder: Path, brokers: Brokers, names: list[str], seed: int, seconds: float) -> int:
    with fuzz_system(folder, brokers) as system:
        stack, until = Stack(system), time.monotonic() + seconds
        try:
            while True:
                for name in names:
                    began = time.monotonic()
                    run(name, stack, seed)
                    print(f"{name}, seed {seed}: nothing found in {time.monotonic() - began:.0f} s", flush=True)
                    if time.monotonic() > until:
                        return 0
                seed += 1
        except AssertionError as found:
            print(f"{name}, seed {seed}: found\n{found}", flush=True)
            return 1
        finally:
            stack.close()


if __name__ == "__main__":
    sys.exit(main())
