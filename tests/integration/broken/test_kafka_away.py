"""A process is ready while one node of Kafka answers, whatever the others do, and says so when none does."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from dev.brokers import Brokers, Ports
from shared.kafka.clients import answers, build_producer
from shared.runtime.health import Health
from tests.support.acls import operator
from tests.support.brokers import open_brokers

pytestmark = pytest.mark.timeout(240)
"""Three nodes are started."""


@pytest_asyncio.fixture
async def three(tmp_path: Path) -> AsyncIterator[Brokers]:
    brokers = open_brokers(tmp_path / "brokers", Ports.free(3))
    brokers.kafka.start()
    yield brokers
    brokers.kafka.kill()
    brokers.close()


async def test_one_node_that_answers_is_enough(three: Brokers) -> None:
    health = Health()
    health.started = True
    nodes = three.kafka.nodes
    async with build_producer(operator(three)) as producer:
        health.check("kafka", lambda: answers(producer))
        assert await health.ready() == []
        nodes[0].pause()
        for _ in range(10):
            assert await health.ready() == []
        nodes[0].resume()
        nodes[1].kill()
        for _ in range(10):
            assert await health.ready() == []
        nodes[0].pause()
        nodes[2].pause()
        assert await health.ready() == ["kafka: TimeoutError"]
        nodes[0].resume()
        nodes[2].resume()
        assert await health.ready() == []
