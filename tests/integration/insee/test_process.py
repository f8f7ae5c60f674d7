"""The process itself: on real Kafka and MongoDB, called and answered by messages, killed at bad moments."""

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from dev.brokers import Brokers
from dev.brokers.ports import free_ports
from dev.insee.app import PUBLIC
from dev.insee.faults import Fault
from dev.insee.units import made_up_siret
from services.insee_adapter.entrypoint import OUTCOMES, PROCESS, REQUESTS
from shared.contracts.messages import cloudevents
from shared.contracts.messages.insee import InseeAnswer, InseeLookUp, Result, asked_by
from shared.contracts.topics import dead_letters
from shared.kafka.clients import build_consumer, build_producer
from tests.integration.insee.conftest import Insee, emptied
from tests.support.acls import operator, provision, user
from tests.support.brokers import as_new
from tests.support.until import until

ROOT = Path(__file__).resolve().parents[3]
GATEWAY = "gateway"
CLAMART = "21920023500014"


@pytest.fixture(scope="module")
def brokers(both_brokers: Brokers) -> Brokers:
    """Brokers with the topics and ACLs of the table: the process may do what it may in production, and no more."""
    provision(as_new(both_brokers), [PROCESS, GATEWAY], partitions=4)
    return both_brokers


class Adapter:
    """The process under test as other processes meet it."""

    producer: Any

    def __init__(self, brokers: Brokers, insee: Insee) -> None:
        self.gateway = user(brokers, GATEWAY)
        self.operator = operator(brokers)
        self.answers: list[tuple[str, InseeAnswer]] = []
        self.keys: list[str] = []
        self.dead: list[tuple[str, bytes | None]] = []
        self.environment = {
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            "KAFKA_BOOTSTRAP": brokers.kafka_bootstrap,
            "KAFKA_USER": PROCESS,
            "KAFKA_PASSWORD": brokers.password(f"kafka/{PROCESS}"),
            "MONGO_URI": brokers.service_mongo_uri(PROCESS),
            "MONGO_DATABASE": PROCESS,
            "INSEE_BASE_URL": insee.address + PUBLIC,
            "INSEE_API_KEY": insee.simulator.api_key,
        }

    async def look_up(self, siret: str, correlation_id: str, **more: Any) -> None:
        look_up = InseeLookUp(siret=siret, actor="alice", **more)
        await self.send(
            cloudevents.build(
                REQUESTS,
                look_up.key,
                look_up.model_dump_json(exclude_none=True).encode(),
                event_id=correlation_id,
                event_type=InseeLookUp.type,
                source="/test",
                at=0,
                correlation_id=correlation_id,
            )
        )

    async def send(self, message: cloudevents.Message) -> None:
        await self.producer.send_and_wait(message.topic, message.value, key=message.key, headers=list(message.headers))

    async def listen(self, consumer: Any) -> None:
        async for record in consumer:
            if record.topic != OUTCOMES:
                self.dead.append((dict(record.headers)["dlq_code"].decode(), record.value))
                continue
            event = cloudevents.read(record)
            assert asked_by(record.key.decode())[0] == event.data["siret"]
            self.keys.append(record.key.decode())
            self.answers.append((event.correlation_id, InseeAnswer.model_validate(event.data)))

    def answered(self) -> Counter[str]:
        return Counter(correlation_id for correlation_id, _ in self.answers)

    @asynccontextmanager
    async def replica(self, **settings: str) -> AsyncIterator["Replica"]:
        (port,) = free_ports(1)
        replica = Replica(port)
        await replica.start(self.environment | settings)
        try:
            yield replica
        finally:
            await replica.stop()


class Replica:
    """One running process."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def start(self, environment: dict[str, str]) -> None:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "services.insee_adapter",
            cwd=ROOT,
            env=environment | {"HTTP_PORT": str(self._port)},
        )
        async with asyncio.timeout(30):
            while not await self.says("/ready"):
                assert self._process.returncode is None
                await asyncio.sleep(0.05)

    async def get(self, path: str) -> httpx2.Response:
        async with httpx2.AsyncClient() as http:
            return await http.get(f"http://127.0.0.1:{self._port}{path}")

    async def says(self, path: str) -> bool:
        try:
            return (await self.get(path)).status_code == 200
        except httpx2.TransportError:
            return False

    async def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        await self._process.wait()

    async def stop(self) -> int:
        if self._process.returncode is None:
            self._process.terminate()
        return await self._process.wait()


@pytest_asyncio.fixture
async def adapter(brokers: Brokers, insee: Insee) -> AsyncIterator[Adapter]:
    made = Adapter(brokers, insee)
    async with emptied(made.environment["MONGO_URI"]):
        pass
    made.producer = build_producer(made.gateway)
    consumer = build_consumer(made.operator, OUTCOMES, dead_letters(PROCESS), group=None, auto_offset_reset="latest")
    await made.producer.start()
    await consumer.start()
    await asyncio.gather(*(consumer.position(partition) for partition in consumer.assignment()))
    listening = asyncio.create_task(made.listen(consumer))
    try:
        yield made
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await consumer.stop()
        await made.producer.stop()


async def test_looked_up_by_a_message_answered_by_a_message(adapter: Adapter, insee: Insee) -> None:
    async with adapter.replica() as replica:
        await adapter.look_up(CLAMART, "first")
        await until(lambda: bool(adapter.answers))
        ((correlation_id, answer),) = adapter.answers
        assert (correlation_id, answer.result, answer.name) == ("first", Result.ACTIVE, "COMMUNE DE CLAMART")

        await adapter.look_up(CLAMART, "second")
        await until(lambda: len(adapter.answers) == 2)
        assert (adapter.answers[1][1], insee.calls) == (answer, 1), "the cache answers, with the date of its answer"

        await adapter.look_up(CLAMART, "third", fresh=True)
        await until(lambda: len(adapter.answers) == 3)
        assert (adapter.answers[2][0], insee.calls) == ("third", 2)

        assert await replica.says("/live")
        metrics = (await replica.get("/metrics")).text
        assert 'structures_insee_answers_total{result="ACTIVE",source="cache"} 1.0' in metrics
        assert 'structures_insee_calls_total{outcome="200"} 2.0' in metrics
        assert await replica.stop() == 0


async def test_the_successor_is_looked_up_by_a_message_and_answered_by_one_r10(adapter: Adapter) -> None:
    closed = made_up_siret(22_002)
    async with adapter.replica():
        await adapter.look_up(closed, "followed", successor=True)
        await until(lambda: bool(adapter.answers))
    ((_, answer),) = adapter.answers
    assert adapter.keys == [InseeLookUp(siret=closed, successor=True).key]
    assert answer.succession is not None
    assert answer.succession.chain == tuple(made_up_siret(22_002, nic) for nic in (1, 2, 3))


async def test_rubbish_is_kept_aside_with_its_reason_and_harms_nothing_else(adapter: Adapter) -> None:
    def message(value: bytes, *headers: tuple[str, bytes]) -> cloudevents.Message:
        return cloudevents.Message(REQUESTS, CLAMART.encode(), value, headers)

    look_up = ("ce_type", InseeLookUp.type.encode())
    async with adapter.replica():
        for rubbish in (
            message(b"", look_up),
            message(b"\xff\xfe", look_up),
            message(b"{}"),
            message(b'{"siret": "1"}', look_up),
            message(b"[1]", look_up, ("x", b"\xff")),
            message(b'{"siret": "21920023500014"}', ("ce_type", b"insee.look-up.v9")),
        ):
            await adapter.send(rubbish)
        await adapter.look_up(CLAMART, "after")
        await until(lambda: bool(adapter.answers) and len(adapter.dead) == 6)
    assert sorted(code for code, _ in adapter.dead) == [
        "message_empty",
        "message_invalid",
        "message_invalid",
        "message_type_missing",
        "message_unreadable",
        "unsupported_type",
    ]
    assert adapter.answered() == {"after": 1}


async def test_killed_and_replaced_nothing_is_lost_and_the_quota_holds(adapter: Adapter, insee: Insee) -> None:
    window = insee.simulator.window
    window.limit, window.length = 8, 1_000
    insee.simulator.faults.append(Fault(kind="slow", delay_ms=600))  # so that there is something to interrupt
    settings = {"INSEE_QUOTA": "8", "INSEE_QUOTA_WINDOW": "1s", "INSEE_READ_TIMEOUT": "2s", "INSEE_LEASE": "5s"}
    wanted = Counter({f"look-up {number}": 1 for number in range(30)})
    async with adapter.replica(**settings) as first, adapter.replica(**settings):
        for number in range(30):
            await adapter.look_up(made_up_siret(90_000 + number), f"look-up {number}")
        await until(lambda: len(adapter.answers) >= 5)
        await first.kill()
        async with adapter.replica(**settings):
            await until(lambda: set(adapter.answered()) == set(wanted), within=90)
    assert {answer.result for _, answer in adapter.answers} == {Result.ACTIVE}
    assert window.refused == 0
    assert window.most_within_one_length() <= window.limit


async def test_without_a_key_it_says_what_is_missing(brokers: Brokers, insee: Insee) -> None:
    environment = Adapter(brokers, insee).environment
    del environment["INSEE_API_KEY"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.insee_adapter", cwd=ROOT, env=environment, stderr=asyncio.subprocess.PIPE
    )
    _, errors = await process.communicate()
    assert process.returncode == 2
    assert b"INSEE's public plan needs INSEE_API_KEY" in errors
