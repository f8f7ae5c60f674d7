"""`make bench-delay`: how late the delay is, at a steady rate, in a burst, after a kill; what it costs; nothing early.

Everything is real: Kafka, the processes, their clocks. Broker, processes and load share this machine.
"""

import argparse
import logging
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import uvloop
from pydantic import SecretStr

from bench.delay_scenarios import Bench, burst, forward_rate, kill, memory, rates
from bench.record import Measurement, idle, plot, table, write
from dev.brokers import BrokerError, LocalBrokers, Ports
from shared.kafka.clients import build_consumer, build_producer
from shared.runtime.settings import KafkaSettings

Measure = Callable[[Bench], Awaitable[None]]

FULL: dict[str, Measure] = {
    "lateness": partial(rates, limits={500: 20, 2_000: 40}, seconds=10),
    "burst": partial(burst, count=50_000),
    "memory": partial(memory, few=10_000, many=1_000_000),
    "rate": partial(forward_rate, count=100_000, rounds=3),
    "kill": partial(kill, rate=200, seconds=15),
}
QUICK: dict[str, Measure] = {
    "lateness": partial(rates, limits={500: 20, 2_000: 40}, seconds=3),
    "burst": partial(burst, count=20_000),
    "memory": partial(memory, few=10_000, many=100_000),
    "rate": partial(forward_rate, count=50_000, rounds=1),
    "kill": partial(kill, rate=200, seconds=10),
}


async def run(kafka: KafkaSettings, folder: Path, measures: dict[str, Measure]) -> Bench:
    """Take the measurements in turn."""
    started = time.monotonic()

    def report(text: str) -> None:
        print(f"{time.monotonic() - started:5.0f} s  {text}", flush=True)

    async with build_producer(kafka) as producer, build_consumer(kafka, group=None) as consumer:
        bench = Bench(kafka, folder, producer, consumer, report)
        for number, (name, measure) in enumerate(measures.items(), 1):
            report(f"[{number}/{len(measures)}] {name}")
            await measure(bench)
    bench.measurements.insert(0, Measurement(f"forwarded before their time, of {bench.measured:,}", bench.early, "", 0))
    return bench


def main() -> int:
    """Start a Kafka of its own, measure, print, and write the record; the exit code is 1 when a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.delay", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=FULL, metavar="NAME", help=f"some of {', '.join(FULL)}")
    parser.add_argument("--quick", action="store_true", help="fewer records, for one minute instead of four")
    arguments = parser.parse_args()
    measures = QUICK if arguments.quick else FULL
    chosen = {name: measures[name] for name in arguments.only or measures}
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # Topics come and go here.
    quiet = idle()
    if quiet < 0.8:
        print(f"Others use {1 - quiet:.0%} of this machine: lateness will be theirs too.", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        brokers = LocalBrokers.open(Path(folder), Ports.free(), lambda text: print(text, flush=True))
        print("Starting Kafka", flush=True)
        brokers.kafka.start()
        try:
            user, password = brokers.kafka_admin
            kafka = KafkaSettings(bootstrap=brokers.kafka_bootstrap, user=user, password=SecretStr(password))
            bench = uvloop.run(run(kafka, Path(folder), chosen))
        finally:
            brokers.kafka.stop()
    print("", table(bench.measurements), "", sep="\n")
    if chosen == FULL:
        results = {"idle_before": quiet, "rows": [one.stored() for one in bench.measurements], "figures": bench.figures}
        print(f"Written to {write('delay', results)} and {plot('delay', bench.panels)}")
    else:
        print("Not written: the record is made of a full run only.")
    return int(any(one.met is False for one in bench.measurements))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokerError as error:
        sys.exit(str(error))
