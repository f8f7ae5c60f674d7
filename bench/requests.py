"""`make bench-requests`: requests on the real system: how many, how fast, and what they cost.

Everything is real: Kafka, MongoDB, tokens, ACLs, the read model. Brokers, services and the load share this machine.
"""

import argparse
import logging
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import uvloop

from bench import request_scenarios as scenarios
from bench.record import Measurement, Panel, idle, plot, table, write
from bench.request_harness import Bench
from dev.brokers import BrokerError
from dev.run.system import System

Measure = Callable[[Bench], Awaitable[None]]

FULL: dict[str, Measure] = {
    "kafka": partial(scenarios.kafka, structures=5_000, warm_up=15_000, count=30_000),
    "http": partial(scenarios.http, seconds=15, connections=64),
    "decision": partial(scenarios.decision, rate=100, seconds=15),
    "reads": partial(scenarios.reads, rate=500, seconds=10),
    "raw": scenarios.raw,
}
QUICK: dict[str, Measure] = {
    "kafka": partial(scenarios.kafka, structures=1_000, warm_up=2_000, count=5_000),
    "http": partial(scenarios.http, seconds=5, connections=64),
    "decision": partial(scenarios.decision, rate=100, seconds=5),
    "reads": partial(scenarios.reads, rate=500, seconds=5),
    "raw": scenarios.raw,
}
READABLE: dict[str, Measure] = {"readable": partial(scenarios.readable, rate=100, seconds=10)}
START = "start"


async def run(bench: Bench, measures: dict[str, Measure]) -> None:
    """Take the measurements in turn."""
    for number, (name, measure) in enumerate(measures.items(), 1):
        bench.report(f"[{number}/{len(measures)}] {name}")
        await measure(bench)


def main() -> int:
    """Start systems of its own, measure, print, and write the record; the exit code is 1 when a target was missed."""
    names = [*FULL, *READABLE, START]
    parser = argparse.ArgumentParser(prog="python -m bench.requests", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=names, metavar="NAME", help=f"some of {', '.join(names)}")
    parser.add_argument("--quick", action="store_true", help="fewer requests, for one minute instead of four")
    arguments = parser.parse_args()
    chosen = arguments.only or names
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # A topic comes here while it is read.
    started = time.monotonic()

    def report(text: str) -> None:
        print(f"{time.monotonic() - started:5.0f} s  {text}", flush=True)

    quiet = idle()
    if quiet < 0.8:
        report(f"Others use {1 - quiet:.0%} of this machine: what is measured will be theirs too.")
    measured: list[Measurement] = []
    figures: dict[str, Any] = {}
    panels: list[Panel] = []
    for delay, measures in (("10m", QUICK if arguments.quick else FULL), ("2s", READABLE)):
        wanted = {name: measure for name, measure in measures.items() if name in chosen}
        if not wanted:
            continue
        report("Starting the system")
        with tempfile.TemporaryDirectory() as folder, System(Path(folder), delay=delay) as system:
            bench = Bench(system, report)
            bench.lift_quota()
            uvloop.run(run(bench, wanted))
        measured += bench.measurements
        figures |= bench.figures
        panels += bench.panels
    if START in chosen:
        report("make run")
        with tempfile.TemporaryDirectory() as folder:
            measured.append(scenarios.start_up(Path(folder), report))
    print("", table(measured), "", sep="\n")
    if not arguments.only and not arguments.quick:
        results = {"idle_before": quiet, "rows": [one.stored() for one in measured], "figures": figures}
        print(f"Written to {write('requests', results)} and {plot('requests', panels)}")
    else:
        print("Not written: the record is made of a full run only.", figures, sep="\n")
    return int(any(one.met is False for one in measured))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokerError as error:
        sys.exit(str(error))
