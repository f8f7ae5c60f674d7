"""Explores the engine for as long as it is given: everywhere with more and more preemptions, then at random.

    make explore                           every case and every crowd, a minute of processor time each
    make explore CASE=cancelled TIME=600   one of them, for ten minutes
    make explore SEED=7                    other ways through the crowds

Stops at the first violation, prints the way there step by step, and ends with status 1.
"""

import argparse
import logging
import sys
import time

import structlog

from tests.explorer.cases import CASES, CROWDS
from tests.explorer.moves import Moves
from tests.explorer.search import Found, at_random, everywhere


def main() -> int:
    """Explore; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", choices=["", *CASES, *CROWDS], help="explore this one alone")
    parser.add_argument("--time", type=lambda text: float(text or 60), default=60, help="seconds for each (60)")
    parser.add_argument("--seed", type=lambda text: int(text or 0), default=0, help="chooses ways at random (0)")
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    for name in [arguments.case] if arguments.case else [*CASES, *CROWDS]:
        found = _case(name, arguments.time) if name in CASES else _crowd(name, arguments.time, arguments.seed)
        if found.wrong:
            print(found)
            return 1
    return 0


def _case(name: str, seconds: float) -> Found:
    found, left, preemptions, before = Found(), seconds, 0, 0
    while left > 0 and not found.wrong:
        found = everywhere(Moves(CASES[name]), preemptions=preemptions, seconds=left)
        print(f"{name}, {preemptions} preemptions: {str(found).partition(chr(10))[0]}", flush=True)
        left -= found.seconds
        preemptions += 1
        if found.states == before:  # More preemptions reach nothing more: everything has been seen.
            break
        before = found.states
    return found


def _crowd(name: str, seconds: float, seed: int) -> Found:
    found, began = Found(), time.process_time()
    while (left := seconds - (time.process_time() - began)) > 0 and not found.wrong:
        found = at_random(Moves(CROWDS[name]), seed, seconds=min(left, 20))
        print(f"{name}, seed {seed}: {str(found).partition(chr(10))[0]}", flush=True)
        seed += 1
    return found


if __name__ == "__main__":
    sys.exit(main())
