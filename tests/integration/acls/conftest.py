"""A Kafka provisioned by the operators' own code, on which every user tries what it may and what it may not."""

from collections.abc import AsyncIterator

import pytest

from dev.brokers import Brokers
from tests.integration.acls.everybody import prepare
from tests.support.brokers import as_new


@pytest.fixture(scope="module")
async def provisioned(session_kafka: Brokers) -> AsyncIterator[Brokers]:
    """A Kafka with all topics, users and ACLs, and nothing in it; empty again for the tests that follow."""
    await prepare(as_new(session_kafka))
    yield session_kafka
    as_new(session_kafka)
