"""The measurements of requests: straight on Kafka and over HTTP, saturated and at a steady rate, and reads."""

import asyncio
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import httpx2
import orjson
from confluent_kafka.admin import NewTopic

from bench.delay_harness import admin, environment
from bench.http_load import Load, Measured
from bench.record import Measurement, Panel, percentile
from bench.request_harness import PATIENCE, Bench
from dev.brokers.ports import free_ports
from dev.issuer.accounts import PASSWORD
from dev.run.settings import RunSettings
from shared.clock import SystemClock, parse_instant
from shared.kafka.clients import build_consumer

_RAW = "bench.raw"
_PORTS = [name.upper() for name in RunSettings.model_fields if name.endswith("_port")]
_now = SystemClock().now


async def kafka(bench: Bench, structures: int, warm_up: int, count: int) -> None:
    """Accepted requests per second published straight to Kafka, saturated, and what each process spends on one.

    First the brokers and the processes are warmed up: a Java that has just started is slow.
    """
    bench.report(f"creating {structures:,} structures")
    creating = await bench.create(structures)
    bench.report(f"warming up with {warm_up:,} requests")
    await bench.submit("structure.modify.v1", bench.modifications(warm_up))
    await asyncio.sleep(3)
    bench.report(f"{count:,} requests")
    before = bench.cpu()
    seconds, outcomes = await bench.submit("structure.modify.v1", bench.modifications(count))
    spent = {name: after - before[name] for name, after in bench.cpu().items()}
    accepted = sum(o["status"] == "accepted" for o in outcomes)
    cpu = {name: round(value / accepted * 1e6) for name, value in spent.items()}
    bench.figures["kafka"] = {
        "requests": count,
        "accepted": accepted,
        "created_per_second": round(structures / creating),
        "seconds": round(seconds, 2),
        "cpu_us_per_accepted": cpu,
    }
    bench.measurements += [
        Measurement(
            "accepted per second, published straight to Kafka", round(accepted / seconds), "/s", 3_000, at_least=True
        ),
        Measurement("processor time of the owner for an accepted request", cpu["structure_svc"], "µs", 250),
    ]


async def raw(bench: Bench) -> None:
    """Records per second of a loop that only reads the same requests and writes them to another topic."""
    source = "structure.requests"
    settings = bench.kafka("admin")
    client = admin(settings)
    client.create_topics([NewTopic(_RAW, 3)])[_RAW].result()
    async with build_consumer(settings, source, _RAW, group=None) as consumer:

        async def there(topic: str) -> int:
            partitions = [p for p in consumer.assignment() if p.topic == topic]
            return sum((await consumer.end_offsets(partitions)).values())

        count = await there(source)
        command = [sys.executable, "-m", "bench.raw_loop", source, _RAW, "bench.raw"]
        started = time.monotonic()
        loop = await asyncio.create_subprocess_exec(*command, env=environment(settings))
        try:
            first = started
            while (done := await there(_RAW)) < count:
                first = first if done else time.monotonic()
                if time.monotonic() - started > PATIENCE:
                    raise TimeoutError(f"the loop has forwarded {done} of {count} records")
                await asyncio.sleep(0.05)
            seconds = time.monotonic() - first
        finally:
            loop.terminate()
            await loop.wait()
    rate = round(count / seconds)
    bench.figures["raw_loop"] = {"records": count, "per_second": rate}
    bench.measurements.append(Measurement("a loop without rules, permissions, storage: records per second", rate, "/s"))


async def decision(bench: Bench, rate: int, seconds: int) -> None:
    """A decision over HTTP, in to out, at a steady rate."""
    load = Load(
        port=bench.system.settings.api_port,
        headers={"Prefer": "wait=10"},
        requests=_patches(bench),
        seconds=seconds + 3,
        rate=rate,
        wanted='"accepted"',
    )
    measured = await asyncio.to_thread(bench.http, load)
    took = measured.took_ms[rate * 3 :]  # The first seconds are not counted.
    name = f"decision over HTTP at {rate}/s"
    bench.figures["decision"] = _summary(measured)
    bench.measurements += [
        Measurement(f"{name}: not accepted", sum(measured.bad.values()), "", 0),
        Measurement(f"{name}: p50", percentile(took, 0.5), "ms", 20),
        Measurement(f"{name}: p99", percentile(took, 0.99), "ms", 60),
    ]
    bench.panels.append(_spread("decision over HTTP", took, 60))


async def http(bench: Bench, seconds: int, connections: int) -> None:
    """Accepted requests per second over HTTP, saturated: each caller waits for the decision, then submits the next."""
    load = Load(
        port=bench.system.settings.api_port,
        headers={"Prefer": "wait=10"},
        requests=_patches(bench),
        seconds=seconds,
        connections=connections,
        wanted='"accepted"',
    )
    before = bench.cpu()
    measured = await asyncio.to_thread(bench.http, load)
    spent = {name: after - before[name] for name, after in bench.cpu().items()}
    rate = round(measured.good / measured.seconds)
    cpu = {name: round(value / measured.good * 1e6) for name, value in spent.items()}
    bench.figures["http"] = {**_summary(measured), "cpu_us_per_accepted": cpu}
    bench.measurements += [
        Measurement("accepted per second over HTTP", rate, "/s", 800, at_least=True),
        Measurement("accepted per second over HTTP: not accepted", sum(measured.bad.values()), "", 0),
    ]


async def reads(bench: Bench, rate: int, seconds: int) -> None:
    """Reads of a structure through the gateway: how long at a steady rate, and how many at most."""
    gets = [("GET", f"/api/v1/structures/{id_}", "") for id_ in bench.structures[:1_000]]
    port = bench.system.settings.api_port
    steady = Load(port=port, headers={}, requests=gets, seconds=seconds + 2, rate=rate)
    measured = await asyncio.to_thread(bench.http, steady)
    took = measured.took_ms[rate * 2 :]
    saturated = Load(port=port, headers={}, requests=gets, seconds=seconds, connections=16)
    most = await asyncio.to_thread(bench.http, saturated)
    bench.figures["reads"] = {"steady": _summary(measured), "saturated": _summary(most)}
    bench.measurements += [
        Measurement(f"read of a structure at {rate}/s: p99", percentile(took, 0.99), "ms", 10),
        Measurement("reads per second, one gateway", round(most.good / most.seconds), "/s", 2_000, at_least=True),
        Measurement("reads that failed", sum(measured.bad.values()) + sum(most.bad.values()), "", 0),
    ]
    bench.panels.append(_spread("read of a structure", took, 10))


async def readable(bench: Bench, rate: int, seconds: int) -> None:
    """From applied, as the owner stamps it, until the gateway shows that version; the system needs a short delay."""
    await bench.create(200)
    took: list[float] = []
    wanted = rate * seconds
    load = Load(port=bench.system.settings.api_port, headers={}, requests=_patches(bench), seconds=seconds, rate=rate)
    headers = {"Authorization": f"Bearer {bench.system.token('alice')}"}
    every = bench.outcomes("gateway", "structure.outcomes")
    async with every as consumer, httpx2.AsyncClient(base_url=bench.system.api, headers=headers) as client:

        async def look(structure: int, version: int, applied_at: int) -> None:
            shown = await client.get(f"/structures/{structure}", params={"min_version": str(version)})
            if shown.status_code == httpx2.codes.OK:
                took.append(_now() - applied_at)

        sending = asyncio.create_task(asyncio.to_thread(bench.http, load))
        looking: list[asyncio.Task[None]] = []
        deadline = time.monotonic() + seconds + PATIENCE
        while len(looking) < wanted and time.monotonic() < deadline:
            for records in (await consumer.getmany(timeout_ms=100)).values():
                for outcome in [orjson.loads(r.value) for r in records if b'"status":"applied"' in r.value]:
                    about = (
                        outcome["reference"]["structure"]["id"],
                        outcome["version"],
                        int(str(parse_instant(outcome["at"]))),
                    )
                    looking.append(asyncio.create_task(look(*about)))
        await sending
        await asyncio.gather(*looking)
    bench.figures["readable"] = {"applied": len(looking), "read": len(took), "p50_ms": percentile(took, 0.5)}
    bench.measurements += [
        Measurement("from applied to readable in the gateway: p99", percentile(took, 0.99), "ms", 100),
        Measurement("applied and not readable within 0.5 s", len(looking) - len(took), "", 0),
    ]
    bench.panels.append(_spread("from applied to readable", took, 100))


def start_up(folder: Path, report: Callable[[str], None]) -> Measurement:
    """How long `make run` takes, everything installed, until it has accepted a first request: its demo's."""
    ports = dict(zip(_PORTS, map(str, free_ports(len(_PORTS))), strict=True))
    settings = RunSettings.model_validate({name.lower(): int(port) for name, port in ports.items()})
    started = time.monotonic()
    with (folder / "make-run.log").open("wb") as log:
        run = subprocess.Popen(
            [sys.executable, "-m", "dev.run"],
            env={**os.environ, **ports, "RUN_DATA": str(folder / "run")},
            stdout=log,
            stderr=log,
        )
    try:
        while not _accepts(settings):
            if time.monotonic() - started > PATIENCE or run.poll() is not None:
                raise TimeoutError(f"make run accepts nothing: {(folder / 'make-run.log').read_text()[-1000:]}")
            time.sleep(0.1)
        seconds = time.monotonic() - started
    finally:
        run.terminate()
        run.wait(60)
    report("stopped")
    return Measurement("make run, everything installed, to the first accepted request", round(seconds, 1), "s", 30)


def _accepts(settings: RunSettings) -> bool:
    """Tell whether the README's first request is accepted."""
    form = {"grant_type": "password", "username": "alice", "password": PASSWORD}
    try:
        token = httpx2.post(f"{settings.issuer}/token", data=form).raise_for_status().json()["access_token"]
        headers = {"Authorization": f"Bearer {token}", "Prefer": "wait=5"}
        body = {"email": "accueil@example.fr"}
        answer = httpx2.patch(f"{settings.api}/api/v1/structures/1", json=body, headers=headers, timeout=10)
        return bool(answer.json().get("status") == "accepted")
    except (httpx2.HTTPError, ValueError):
        return False


def _patches(bench: Bench) -> list[tuple[str, str, str]]:
    run = uuid.uuid4().hex[:8]  # What another measurement has submitted already would change nothing.
    body = '{"label": "' + run + ' {n}"}'
    return [("PATCH", f"/api/v1/structures/{id_}", body) for id_ in bench.structures]


def _spread(title: str, took: list[float], limit: float) -> Panel:
    points = [(share / 2, percentile(took, share / 200)) for share in range(201)]
    return Panel(title, "% of requests", "ms at most", {"measured": points}, limit)


def _summary(measured: Measured) -> dict[str, object]:
    took = measured.took_ms
    return {
        "good": measured.good,
        "bad": measured.bad,
        "seconds": round(measured.seconds, 1),
        "p50_ms": percentile(took, 0.5),
        "p99_ms": percentile(took, 0.99),
        "max_ms": max(took, default=0.0),
    }
