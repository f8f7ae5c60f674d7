"""A harness for benchmarks of requests: a partner that sends requests and counts outcomes, cheaply."""

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
from bench.record import Panel, Row, cpu_seconds
from dev.run.clients import OUTCOMES, PARTNER
from dev.run.system import KAFKA_AUDIENCE, System
from ops import quotas
from ops.settings import QuotaSettings
from shared.kafka.clients import build_consumer, build_producer
from shared.kafka.partitioner import key_hash
from shared.runtime.settings import KafkaSettings

PATIENCE = 180
"""Seconds to wait for records before giving up."""
_CHUNK = 500


@dataclass
class Bench:
    """The environment of the measurements, and their results so far."""

    system: System
    tell: Callable[[str], None]
    rows: list[Row] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)
    panels: list[Panel] = field(default_factory=list)
    structures: list[int] = field(default_factory=list)
    """Ids of structures whose principal is alice."""

    def kafka(self, user: str = PARTNER) -> KafkaSettings:
        """Return the Kafka settings of a user."""
        brokers = self.system.brokers
        name, password = brokers.kafka_admin if user == "admin" else (user, brokers.password(f"kafka/{user}"))
        return KafkaSettings.model_validate({"bootstrap": brokers.kafka_bootstrap, "user": name, "password": password})

    def lift_quota(self) -> None:
        """Remove the partner's quota, since the owner is to be measured."""
        quotas.change(self.kafka("admin"), {PARTNER: dict.fromkeys(QuotaSettings().of("partner"))})

    def cpu(self) -> dict[str, float]:
        """Return the processor seconds of each process."""
        pids = {name: running.pid for name, running in self.system.supervisor.processes.items()}
        pids |= {"kafka": self.system.brokers.kafka.nodes[0].pid, "mongodb": self.system.brokers.mongo.nodes[0].pid}
        return {name: cpu_seconds(pid) for name, pid in pids.items() if pid is not None}

    def http(self, load: Load) -> Measured:
        """Run a load on the API in another process and return its results."""
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
        """Yield a consumer of future outcomes: of the partner's requests or, as the gateway, of all."""
        consumer = build_consumer(self.kafka(user), topic, group=None, auto_offset_reset="latest")
        await consumer.start()
        try:
            for partition in consumer.assignment():
                await consumer.position(partition)
            yield consumer
        finally:
            await consumer.stop()

    async def ask(self, type_: str, bodies: Sequence[tuple[str, Any]]) -> tuple[float, list[dict[str, Any]]]:
        """Publish requests to Kafka as fast as possible; return the seconds to the last decision, and the decisions.

        Each body is given with the key of its record. Raises TimeoutError when decisions do not come.
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
        """Create that many structures; return the seconds that it took."""
        first = len(self.structures)
        bodies = [
            (
                f"AUTRE:B{n}",
                {"identifier": {"type": "AUTRE", "value": f"B{n}"}, "name": f"Banc {n}", "address": {"city": "Lyon"}},
            )
            for n in range(first, first + count)
        ]
        seconds, outcomes = await self.ask("structure.create.v1", bodies)
        self.structures += [o["reference"]["structure"]["id"] for o in outcomes]
        return seconds

    def modifications(self, count: int) -> list[tuple[str, Any]]:
        """Return that many modifications, distributed over the structures."""
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
