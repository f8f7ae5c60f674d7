"""A partner who sends more than its quota has to wait, and nobody else: Kafka says for how long in each answer."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from pydantic import SecretStr

from dev.brokers import Brokers
from shared.runtime.settings import KafkaSettings
from tests.integration.acls.caller import Caller, calling
from tests.integration.partners.conftest import Run
from tests.support.acls import user

TOPIC, OUTCOMES = "structure.requests", "outcomes.partner"
LIMIT = 20_000
"""Bytes per second. Kafka looks at the last eleven seconds, so ten times as much at once is too much."""
MUCH = 400_000


@pytest.fixture(scope="module")
def partner(run: Run, provisioned: Brokers) -> KafkaSettings:
    """A partner who may write and read little."""
    limits = {f"QUOTA_PARTNER_{what}_BYTE_RATE": str(LIMIT) for what in ("PRODUCER", "CONSUMER")}
    password = SecretStr(run("add", "partner", **limits).stdout.strip())
    return KafkaSettings(bootstrap=provisioned.kafka_bootstrap, user="partner", password=password)


@pytest_asyncio.fixture
async def requesting(partner: KafkaSettings) -> AsyncIterator[Caller]:
    async with calling(partner) as caller:
        yield caller


async def write(caller: Caller, topic: str, size: int) -> int:
    """Write that much; return for how long (ms) the broker makes the user wait."""
    batch = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 2 * size)
    batch.append(0, None, b"key", b"x" * size, [])
    answer: Any = await caller.send(ProduceRequest(None, -1, 10_000, [(topic, [(0, bytes(batch.build()))])]))
    assert answer["topics"][0]["partitions"][0]["error_code"] == 0
    return int(answer["throttle_time_ms"])


async def read(caller: Caller, topic: str) -> int:
    """Read all that there is; return for how long (ms) the broker makes the user wait."""
    answer: Any = await caller.send(FetchRequest(0, 0, 2 * MUCH, 0, [(topic, [(0, 0, 2 * MUCH)])]))
    # Who must wait is given nothing meanwhile.
    assert [topic["partitions"][0]["error_code"] for topic in answer["topics"]] in ([], [0])
    return int(answer["throttle_time_ms"])


async def test_a_partner_who_writes_too_much_waits_and_its_neighbour_does_not(
    requesting: Caller, provisioned: Brokers
) -> None:
    assert await write(requesting, TOPIC, 100) == 0
    assert await write(requesting, TOPIC, MUCH) > 0
    async with calling(user(provisioned, "gateway")) as gateway:
        assert await write(gateway, TOPIC, MUCH) == 0, "ours may write what one partner may not"


async def test_a_partner_who_reads_too_much_waits(requesting: Caller, provisioned: Brokers) -> None:
    async with calling(user(provisioned, "structure_svc")) as owner:
        assert await write(owner, OUTCOMES, MUCH) == 0
    assert await read(requesting, OUTCOMES) > 0
    async with calling(user(provisioned, "structure_svc")) as owner:
        assert await read(owner, TOPIC) == 0
