"""A harness for the benchmarks of requests: another system that submits them and counts the answers, cheaply."""

import asyncio
import json
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson

from bench.http_load import Load, Measured
from bench.record import Measurement, Panel, cpu_seconds
from dev.run.clients import OUTCOMES, PARTNER
from dev.run.system import KAFKA_AUDIENCE, System
from ops import quotas
from ops.settings import QuotaSettings
from shared.kafka.clients import build_consumer, build_producer
from shared.kafka.partitioner import key_hash
from shared.runtime.settings import KafkaSettings

PATIENCE = 180
"""Seconds until what does not come is given up."""
_CHUNK = 500


@dataclass
class Bench:
    """Where the measurements run, and what they have found so far."""

    system: System
    report: Callable[[str], None]
    measurements: list[Measurement] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)
    panels: list[Panel] = field(default_factory=list)
    structures: list[int] = field(default_factory=list)
    """Ids of structures whose principal is alice."""

    def kafka(self, user: str = PARTNER) -> KafkaSettings:
        """Return how a user reaches Kafka."""
        brokers = self.system.brokers
        name, password = brokers.kafka_admin if user == "admin" else (user, brokers.password(f"kafka/{user}"))
        return KafkaSettings.model_validate({"bootstrap": brokers.kafka_bootstrap, "user": name, "password": password})

    def lift_quota(self) -> None:
        """Take the other system's quota away: it is the owner that is measured."""
        quotas.change(self.kafka("admin"), {PARTNER: dict.fromkeys(QuotaSettings().of("partner"))})

    def cpu(self) -> dict[str, float]:
        """Return the processor seconds each process has used."""
        pids = {name: running.pid for name, running in self.system.supervisor.processes.items()}
        pids |= {"kafka": self.system.brokers.kafka.nodes[0].pid, "mongodb": self.system.brokers.mongo.nodes[0].pid}
        return {name: cpu_seconds(pid) for name, pid in pids.items() if pid is not None}

    def http(self, load: Load) -> Measured:
        """Put a load on the API and return what came back; in another process, which this one waits for."""
        load.headers = {"Authorization": f"Bearer {self.system.token('alice')}", **load.headers}
        done = subprocess.run(
            [sys.executable, "-m", "bench.http_load"],
            input=json.dumps(asdict(load)),
            capture_output=True,
            text=True,
            check=True,
        )
        return Measured(**json.loads(done.stdout))

    @asynccontextmanager
    async def outcomes(self, user: str = PARTNER, topic: str = OUTCOMES) -> AsyncIterator[Any]:
        """Give a consumer of the outcomes to come: of what the other system submitted, or of all for the gateway."""
        consumer = build_consumer(self.kafka(user), topic, group=None, auto_offset_reset="latest")
        await consumer.start()
        try:
            for partition in consumer.assignment():
                await consumer.position(partition)
            yield consumer
        finally:
            await consumer.stop()

    async def submit(self, type_: str, bodies: Sequence[tuple[str, Any]]) -> tuple[float, list[dict[str, Any]]]:
        """Publish requests straight to Kafka as fast as they go; return the seconds to the last decision, and those.

        A body comes with the key of its record. Raises TimeoutError when decisions do not come.
        """
        run = uuid.uuid4().hex[:8]
        mark = b'"request_id":"%s-' % run.encode()
        token = self.system.token("alice", KAFKA_AUDIENCE)
        decided: list[bytes] = []
        async with self.outcomes() as consumer, build_producer(self.kafka()) as producer:
            started = time.monotonic()
            sending = asyncio.create_task(_send(producer, run, type_, bodies, token))
            while len(decided) < len(bodies):
                for records in (await consumer.getmany(timeout_ms=500)).values():
                    decided += [r.value for r in records if mark in r.value and b'"repeated":false' in r.value]
                if time.monotonic() - started > PATIENCE:
                    raise TimeoutError(f"{len(decided)} of {len(bodies)} requests were decided within {PATIENCE} s")
            seconds = time.monotonic() - started
            await sending
        return seconds, [orjson.loads(value) for value in decided]

    async def create(self, count: int) -> float:
        """Create that many structures; return the seconds it took."""
        first = len(self.structures)
        bodies = [
            (
                f"AUTRE:B{n}",
                {"identifier": {"type": "AUTRE", "value": f"B{n}"}, "name": f"Banc {n}", "address": {"city": "Lyon"}},
            )
            for n in range(first, first + count)
        ]
        seconds, outcomes = await self.submit("structure.create.v1", bodies)
        self.structures += [o["reference"]["structure"]["id"] for o in outcomes]
        return seconds

    def modifications(self, count: int) -> list[tuple[str, Any]]:
        """Return that many modifications, spread over the structures."""
        ids = self.structures
        return [
            (f"structure:{ids[n % len(ids)]}", {"structure": {"id": ids[n % len(ids)]}, "label": f"libellé {n}"})
            for n in range(count)
        ]


async def _send(producer: Any, run: str, type_: str, bodies: Sequence[tuple[str, Any]], token: str) -> None:
    """Send requests in whole batches, each to the partition of its key."""
    partitions = len(await producer.partitions_for("structure.requests"))
    authorization = ("authorization", f"Bearer {token}".encode())
    for start in range(0, len(bodies), _CHUNK):
        batches: dict[int, Any] = {}
        for number, (key, body) in enumerate(bodies[start : start + _CHUNK], start):
            headers = [
                ("ce_specversion", b"1.0"),
                ("ce_id", f"{run}-{number}".encode()),
                ("ce_source", b"/bench"),
                ("ce_type", type_.encode()),
                authorization,
            ]
            record = {"key": key.encode(), "value": orjson.dumps(body), "headers": headers, "timestamp": None}
            partition = key_hash(key.encode()) % partitions
            batch = batches.setdefault(partition, producer.create_batch())
            if batch.append(**record) is None:
                await producer.send_batch(batch, "structure.requests", partition=partition)
                batches[partition] = producer.create_batch()
                batches[partition].append(**record)
        for partition, batch in batches.items():
            await producer.send_batch(batch, "structure.requests", partition=partition)
    await producer.flush()
