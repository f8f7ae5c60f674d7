"""A harness for the delay: topics, workers, senders and readers on a real Kafka. Benchmarks and tests use it."""

import asyncio
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from aiokafka import TopicPartition
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from dev.brokers.ports import HOST, free_ports
from shared.contracts.topics import dead_letters, delay_topic, table
from shared.kafka.clients import build_consumer
from shared.runtime.settings import KafkaSettings

ROOT = Path(__file__).resolve().parents[1]
WATCHDOG = ROOT / "dev" / "brokers" / "watchdog.py"
DLQ = dead_letters("delay_svc")
PARTITIONS = 12


def admin(kafka: KafkaSettings) -> AdminClient:
    """Return an administrator's client, for topics and groups."""
    return AdminClient(
        {
            "bootstrap.servers": kafka.bootstrap,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": kafka.user,
            "sasl.password": kafka.password.get_secret_value(),
            "log_level": 3,  # Errors; what it logs of its own end is none.
        }
    )


def make_topics(
    kafka: KafkaSettings, delays: Iterable[int], targets: Iterable[str], partitions: int = PARTITIONS
) -> None:
    """Make the topics of `delays` (ms), the `targets` and the dead letters, where they are missing."""
    configs = {topic.name: dict(topic.config) for topic in table(*delays)}
    stamped = configs[delay_topic(next(iter(delays)))]
    wanted = [delay_topic(delay) for delay in delays] + [*targets, DLQ]
    new = [NewTopic(name, partitions, config=configs.get(name, stamped)) for name in wanted]
    client = admin(kafka)  # Its answers die with it.
    for made in client.create_topics(new).values():
        try:
            made.result()
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise


def delete_topics(kafka: KafkaSettings, names: Iterable[str]) -> None:
    """Delete topics."""
    client = admin(kafka)
    for deleted in client.delete_topics(list(names)).values():
        deleted.result()


def forget_group(kafka: KafkaSettings, group: str = "delay_svc") -> None:
    """Delete a group without members, so that its next member starts at the beginning."""
    client = admin(kafka)
    for deleted in client.delete_consumer_groups([group]).values():
        try:
            deleted.result()
        except KafkaException as error:
            if error.args[0].code() != KafkaError.GROUP_ID_NOT_FOUND:
                raise


def trigger_headers(due_at: int, target: str) -> list[tuple[str, bytes]]:
    """Return the headers of a delay record, all that a real one has."""
    ident = uuid.uuid4().hex.encode()
    return [
        ("ce_specversion", b"1.0"),
        ("ce_id", ident),
        ("ce_type", b"toy.due.v1"),
        ("ce_source", b"/toy_svc"),
        ("ce_time", b"2026-11-23T10:00:00.000Z"),
        ("content-type", b"application/json"),
        ("correlationid", ident),
        ("traceparent", b"00-" + ident + b"-0123456789abcdef-01"),
        ("due_at", b"%d" % due_at),
        ("target", target.encode()),
    ]


def environment(kafka: KafkaSettings, **more: str) -> dict[str, str]:
    """Return the environment of a process that reaches this Kafka."""
    return {
        **os.environ,
        "KAFKA_BOOTSTRAP": kafka.bootstrap,
        "KAFKA_USER": kafka.user,
        "KAFKA_PASSWORD": kafka.password.get_secret_value(),
        **more,
    }


class Worker:
    """One delay_svc process. It dies with the process that started it."""

    def __init__(self, kafka: KafkaSettings, log: Path, **settings: str) -> None:
        self.port = free_ports(1)[0]
        self.log = log
        self._environment = environment(kafka, ENVIRONMENT="development", HTTP_PORT=str(self.port), **settings)
        self._watchdog: subprocess.Popen[bytes] | None = None
        self.pid = 0

    def start(self) -> "Worker":
        """Start it and wait until it is ready. Raises RuntimeError when it isn't within 30 s."""
        with self.log.open("ab") as log:
            self._watchdog = subprocess.Popen(
                [sys.executable, "-I", "-S", str(WATCHDOG), sys.executable, "-m", "services.delay_svc"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=ROOT,
                env=self._environment,
            )
        assert self._watchdog.stdout is not None  # noqa: S101 - it is a pipe.
        self.pid = int(self._watchdog.stdout.readline())
        deadline = time.monotonic() + 30
        while not self._answers("/ready"):
            if time.monotonic() > deadline or self._watchdog.poll() is not None:
                self.kill()
                raise RuntimeError(f"delay_svc did not start:\n{self.log.read_text(encoding='utf-8')[-2000:]}")
            time.sleep(0.05)
        return self

    def _answers(self, path: str) -> bool:
        try:
            self.get(path)
        except (urllib.error.URLError, OSError):
            return False
        return True

    def get(self, path: str) -> str:
        """Return what it answers to GET `path`. Raises URLError unless that is 200."""
        with urllib.request.urlopen(f"http://{HOST}:{self.port}{path}", timeout=5) as answer:
            return str(answer.read().decode())

    def metric(self, name: str) -> float:
        """Return the sum of a metric over its labels; 0 when it has none yet."""
        lines = self.get("/metrics").splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith((name + " ", name + "{")))

    def rss(self) -> int:
        """Return its resident memory, in bytes."""
        pages = Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def stop(self) -> int:
        """Ask it to end and return its exit code; 0 means that it ended as it should."""
        assert self._watchdog is not None  # noqa: S101 - it was started.
        if self._watchdog.poll() is None:
            self.signal(signal.SIGTERM)
        try:
            return self.ended()
        except subprocess.TimeoutExpired:
            self.kill()
            return self.ended()

    def kill(self) -> None:
        """End it at once (SIGKILL). Does nothing when it doesn't run."""
        if self._watchdog is not None and self._watchdog.poll() is None:
            self.signal(signal.SIGKILL)
            self.ended()

    def ended(self, within: float = 30) -> int:
        """Wait, at most `within` seconds, for its end and return its exit code; 128 + the signal that ended it."""
        assert self._watchdog is not None  # noqa: S101 - it was started.
        code = self._watchdog.wait(within)
        for pipe in (self._watchdog.stdin, self._watchdog.stdout):
            if pipe is not None:
                pipe.close()
        return code


class Reader:
    """Reads a topic from now on or from its start, without a group: all, or the keys that begin with `keys`."""

    def __init__(self, kafka: KafkaSettings, topic: str, keys: bytes = b"", *, from_start: bool = False) -> None:
        first = "earliest" if from_start else "latest"
        self._consumer = build_consumer(kafka, topic, group=None, auto_offset_reset=first, fetch_max_wait_ms=100)
        self._keys = keys
        self.records: list[Any] = []

    async def __aenter__(self) -> "Reader":
        await self._consumer.start()
        for partition in self._consumer.assignment():
            await self._consumer.position(partition)  # From here on, nothing is missed.
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()

    async def until(self, count: int, within: float) -> list[Any]:
        """Return all records once there are `count`. Raises TimeoutError after `within` seconds."""
        deadline = time.monotonic() + within
        while len(self.records) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(self.records)} of {count} records arrived within {within:.0f} s")
            await self.more(0.2)
        return self.records

    async def more(self, seconds: float) -> list[Any]:
        """Return all records after having waited at most `seconds` for another."""
        for some in (await self._consumer.getmany(timeout_ms=int(seconds * 1000))).values():
            self.records += [record for record in some if (record.key or b"").startswith(self._keys)]
        return self.records


def header(record: Any, name: str) -> bytes:
    """Return a header of a record."""
    return bytes(dict(record.headers)[name])


def lateness(records: Iterable[Any]) -> list[int]:
    """Return, in ms, how late each forwarded record was appended to its topic (of LogAppendTime)."""
    return [record.timestamp - int(header(record, "due_at")) for record in records]


async def fill(producer: Any, topic: str, target: str, due: Iterable[int], first: int = 0) -> list[asyncio.Future[Any]]:
    """Send a trigger for each instant of `due`, numbered from `first` in value and key; return when each is in.

    Whole batches, the partitions in turn: this takes a fifth of the time of a call for each record.
    """
    batches: dict[int, Any] = {}
    sent = []
    for number, due_at in enumerate(due, first):
        partition = number % PARTITIONS
        record = {"key": b"toy:%d" % number, "value": b"%d" % number, "headers": trigger_headers(due_at, target)}
        if partition not in batches or batches[partition].append(timestamp=None, **record) is None:
            if partition in batches:
                sent.append(await producer.send_batch(batches[partition], topic, partition=partition))
            batches[partition] = producer.create_batch()
            batches[partition].append(timestamp=None, **record)
    return sent + [await producer.send_batch(batch, topic, partition=number) for number, batch in batches.items()]


async def ends(consumer: Any, topic: str) -> dict[TopicPartition, int]:
    """Return, by partition, how many records were ever put into a topic."""
    partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    return dict(await consumer.end_offsets(partitions))


async def read_all(kafka: KafkaSettings, topic: str) -> list[Any]:
    """Return all that is in a topic now."""
    records: list[Any] = []
    async with build_consumer(kafka, group=None) as consumer:
        end = await ends(consumer, topic)
        consumer.assign(list(end))
        while len(records) < sum(end.values()):
            for some in (await consumer.getmany(timeout_ms=1_000)).values():
                records += some
    return records
