"""`make bench-requests`: throughput of the engine fed through Kafka, CPU it costs, latency of a decision over HTTP.

Everything is real: Kafka, MongoDB, tokens, rights. Brokers, services and the load share this machine.
"""

import argparse
import asyncio
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

import httpx2
import orjson

from bench.record import percentile, write
from dev.run.system import KAFKA_AUDIENCE, System
from shared.broker import build_consumer, build_producer
from shared.settings import KafkaSettings

_STRUCTURES = 5_000


def _headers(request_id: str, type_: str, token: str) -> list[tuple[str, bytes]]:
    return [
        ("ce_specversion", b"1.0"),
        ("ce_id", request_id.encode()),
        ("ce_source", b"/bench"),
        ("ce_type", type_.encode()),
        ("authorization", f"Bearer {token}".encode()),
    ]


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def _cpu(system: System) -> dict[str, float]:
    """Return the processor seconds each process has used. Unlike speed, they do not depend on what else runs here."""
    pids = {name: running.pid for name, running in system.supervisor.processes.items()}
    pids |= {"kafka": system.brokers.kafka.nodes[0].pid, "mongodb": system.brokers.mongo.nodes[0].pid}
    return {name: _cpu_seconds(pid) for name, pid in pids.items() if pid is not None}


class Load:
    """Another system that asks and counts the answers."""

    def __init__(self, system: System) -> None:
        self.system = system
        password = system.brokers.password("kafka/partner")
        self._kafka = KafkaSettings.model_validate(
            {"bootstrap": system.brokers.kafka_bootstrap, "user": "partner", "password": password}
        )
        self._token = system.token("alice", KAFKA_AUDIENCE)

    async def send(self, type_: str, bodies: list[tuple[str, Any]]) -> tuple[float, list[dict[str, Any]]]:
        """Send requests as fast as they go; return the seconds to the last decision, and the first outcomes."""
        producer = build_producer(self._kafka, linger_ms=5)
        consumer = build_consumer(self._kafka, "structure.outcomes", group=None, auto_offset_reset="latest")
        await producer.start()
        await consumer.start()
        for partition in consumer.assignment():
            await consumer.position(partition)
        run = uuid.uuid4().hex[:8]
        wanted = {f"{run}-{n}" for n in range(len(bodies))}
        decided: dict[str, dict[str, Any]] = {}
        started = time.monotonic()

        async def produce() -> None:
            for n, (key, body) in enumerate(bodies):
                headers = _headers(f"{run}-{n}", type_, self._token)
                await producer.send("structure.requests", orjson.dumps(body), key=key.encode(), headers=headers)
            await producer.flush()

        producing = asyncio.create_task(produce())
        try:
            while len(decided) < len(wanted):
                for records in (await consumer.getmany(timeout_ms=500)).values():
                    for record in records:
                        value = orjson.loads(record.value)
                        if value["request_id"] in wanted:
                            decided.setdefault(value["request_id"], value)
                if time.monotonic() - started > 180:
                    raise RuntimeError(f"only {len(decided)} of {len(wanted)} were decided")
            seconds = time.monotonic() - started
        finally:
            await producing
            await producer.stop()
            await consumer.stop()
        return seconds, list(decided.values())


async def throughput(load: Load, count: int) -> dict[str, Any]:
    """Measure requests per second published straight to Kafka, saturated, and CPU per accepted request."""
    creations = [
        (
            f"AUTRE:B{n}",
            {"identifier": {"type": "AUTRE", "value": f"B{n}"}, "name": f"Banc {n}", "address": {"city": "Lyon"}},
        )
        for n in range(_STRUCTURES)
    ]
    creating, created = await load.send("structure.create.v1", creations)
    ids = [c["reference"]["structure"]["id"] for c in created]
    await asyncio.sleep(3)
    bodies = [
        (f"structure:{ids[n % len(ids)]}", {"structure": {"id": ids[n % len(ids)]}, "label": f"libellé {n}"})
        for n in range(count)
    ]
    before = _cpu(load.system)
    seconds, outcomes = await load.send("structure.modify.v1", bodies)
    cpu = {name: after - before[name] for name, after in _cpu(load.system).items()}
    accepted = sum(o["status"] == "accepted" for o in outcomes)
    return {
        "requests": count,
        "accepted": accepted,
        "structures": len(ids),
        "created_per_second": round(len(ids) / creating),
        "seconds": round(seconds, 2),
        "accepted_per_second": round(accepted / seconds),
        "cpu_us_per_accepted": {name: round(spent / max(accepted, 1) * 1e6) for name, spent in cpu.items()},
    }


async def latency(system: System, rate: int, seconds: int) -> dict[str, Any]:
    """Measure a decision over HTTP, in to out, at a steady rate."""
    token = system.token("alice")
    headers = {"Authorization": f"Bearer {token}", "Prefer": "wait=10"}
    async with httpx2.AsyncClient(base_url=system.api, headers=headers, timeout=30) as client:
        answer = await client.get("/me/structures", params={"size": 100})
        ids = [s["id"] for s in answer.json()["items"]]
        took: list[float] = []
        refused = 0

        async def ask(n: int) -> None:
            nonlocal refused
            began = time.perf_counter()
            answer = await client.patch(f"/structures/{ids[n % len(ids)]}", json={"phone": f"01{n:08d}"})
            took.append((time.perf_counter() - began) * 1000)
            refused += answer.status_code != 202

        async def steady(count: int) -> None:
            began = time.perf_counter()
            tasks = []
            for n in range(count):
                await asyncio.sleep(max(0, began + n / rate - time.perf_counter()))
                tasks.append(asyncio.create_task(ask(n)))
            await asyncio.gather(*tasks)

        await steady(rate)
        took.clear()
        await steady(rate * seconds)
    return {
        "rate_per_second": rate,
        "requests": len(took),
        "refused": refused,
        "p50_ms": round(percentile(took, 0.5), 1),
        "p99_ms": round(percentile(took, 0.99), 1),
        "max_ms": round(max(took), 1),
    }


async def run(system: System, arguments: argparse.Namespace) -> dict[str, Any]:
    """Run every measurement."""
    results: dict[str, Any] = {}
    load = Load(system)
    results["kafka"] = await throughput(load, arguments.requests)
    print("Published straight to Kafka:", results["kafka"], flush=True)
    results["http_decision"] = await latency(system, arguments.rate, arguments.seconds)
    print("Decision over HTTP:", results["http_decision"], flush=True)
    return results


def main() -> None:
    """Start a system of its own, measure, and write the record."""
    parser = argparse.ArgumentParser(prog="python -m bench.requests", description=__doc__)
    parser.add_argument("--requests", type=int, default=20_000, help="published straight to Kafka (20000)")
    parser.add_argument("--rate", type=int, default=100, help="decisions per second over HTTP (100)")
    parser.add_argument("--seconds", type=int, default=10, help="for how long (10)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print("Starting the system", flush=True)
        with System(Path(folder), delay="10m") as system:
            results = asyncio.run(run(system, arguments))
    print("Written to", write("requests", results).name)


if __name__ == "__main__":
    main()
