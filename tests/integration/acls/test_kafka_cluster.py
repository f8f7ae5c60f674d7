"""Kafka itself: whoever is not its administrator changes nothing of how it is, and sees nothing of it."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from aiokafka import errors
from aiokafka.protocol.admin import (
    AlterConfigsRequest,
    AlterPartitionReassignmentsRequest,
    CreateAclsRequest,
    CreatePartitionsRequest,
    CreateTopicsRequest,
    DeleteAclsRequest,
    DeleteRecordsRequest,
    DeleteTopicsRequest,
    DescribeAclsRequest,
    DescribeClientQuotasRequest,
    DescribeConfigsRequest,
)
from aiokafka.protocol.api import Request, RequestStruct
from aiokafka.protocol.transaction import InitProducerIdRequest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import (
    AclOperation,
    AclPermissionType,
    AdminClient,
    ConfigResource,
    OffsetSpec,
    ResourcePatternType,
    ResourceType,
)

from dev.brokers import Brokers
from shared.contracts.topics import OPS
from tests.integration.acls.caller import REFUSALS, calling, codes
from tests.integration.acls.everybody import OURS, STRANGER, USERS
from tests.integration.acls.requests import (
    limit_of_user,
    offsets_deleted,
    password_removed,
    password_set,
    set_of_topics,
    users_described,
)
from tests.support.acls import operator, user
from tests.support.brokers import EVERY_ACL

TOPIC, BROKER, NODE = ResourceType.TOPIC.value, ResourceType.BROKER.value, "1"
WAIT = 10_000


@pytest.fixture(scope="module")
async def admin(provisioned: Brokers) -> AdminClient:
    """The administrator of a Kafka whose topics each hold a record."""
    async with calling(operator(provisioned)) as administrator:
        assert await administrator.write(OURS) == set(OURS)
        assert await administrator.commit(f"{OPS}.now", OURS) == set(OURS)
    return AdminClient(provisioned.kafka.admin_settings())


def state(client: AdminClient) -> Any:
    """What there is to harm: topics and their settings, where each begins, ACLs, users, groups."""
    topics = client.list_topics(timeout=30).topics
    settings = client.describe_configs([ConfigResource(ConfigResource.Type.TOPIC, name) for name in OURS])
    starts = client.list_offsets({TopicPartition(name, 0): OffsetSpec.earliest() for name in OURS})
    return (
        {name: len(topic.partitions) for name, topic in topics.items()},
        {r.name: {e.name: e.value for e in values.result(30).values()} for r, values in settings.items()},
        {place.topic: start.result(30).offset for place, start in starts.items()},
        set(client.describe_acls(EVERY_ACL).result(30)),
        set(client.describe_user_scram_credentials().result(30)),
        {group.group_id for group in client.list_consumer_groups().result(30).valid},
    )


def attempts(name: str) -> Iterator[tuple[str, Request[Any] | RequestStruct]]:
    """What only the administrator may do, from the harmless to the end of everything; `name` is who tries."""
    any_, allow = AclOperation.ANY.value, AclPermissionType.ALLOW.value
    topics = list(OURS)
    mine = (TOPIC, "structure.", ResourcePatternType.PREFIXED.value, f"User:{name}", "*", AclOperation.ALL.value, allow)
    all_ = (ResourceType.ANY.value, None, ResourcePatternType.ANY.value, None, None, any_, AclPermissionType.ANY.value)
    yield "see the ACLs", DescribeAclsRequest(*all_)
    yield "see the users", users_described(["gateway"])
    yield "see the limits", DescribeClientQuotasRequest([("user", 2, None)], False)
    yield "see the settings of topics", DescribeConfigsRequest([(TOPIC, topic, None) for topic in topics])
    yield "see the settings of a broker", DescribeConfigsRequest([(BROKER, NODE, None)])
    new = ("structure.more", "delay.5m.v1", f"{name}.more")
    yield "make topics", CreateTopicsRequest([(topic, 1, 1, [], []) for topic in new], WAIT, False)
    yield "add partitions", CreatePartitionsRequest([(topic, (2, None)) for topic in topics], WAIT, False)
    yield (
        "move partitions",
        AlterPartitionReassignmentsRequest(WAIT, [(topic, [(0, [int(NODE)], {})], {}) for topic in topics], {}),
    )
    yield "set the settings of topics", set_of_topics(topics, "max.message.bytes", "1000")
    yield "replace the settings of topics", AlterConfigsRequest([(TOPIC, topic, []) for topic in topics])
    yield "replace the settings of a broker", AlterConfigsRequest([(BROKER, NODE, [("log.cleaner.threads", "1")])])
    yield "limit a user", limit_of_user("twin", 1.0)
    yield "make a user", password_set("twin")
    yield "set its own password", password_set(name)
    yield "set the password of another", password_set("gateway")
    yield "remove a password", password_removed("gateway")
    yield "give itself an ACL", CreateAclsRequest(*mine)
    yield "delete an ACL", DeleteAclsRequest(*mine)
    yield "delete every ACL", DeleteAclsRequest(*all_)
    yield "delete offsets", offsets_deleted(f"{OPS}.now", topics)
    yield "delete records", DeleteRecordsRequest([(topic, [(0, -1)]) for topic in topics], WAIT, {})
    yield "delete topics", DeleteTopicsRequest(topics, WAIT)


@pytest.mark.parametrize("name", USERS)
async def test_nobody_but_the_administrator_changes_or_sees_how_kafka_is(
    provisioned: Brokers, admin: AdminClient, name: str
) -> None:
    before = state(admin)
    async with calling(user(provisioned, name)) as caller:
        answers = {what: codes(await caller.send(request)) for what, request in attempts(name)}
    assert {what for what, found in answers.items() if not found or found - REFUSALS} == set()
    assert state(admin) == before


@pytest.mark.parametrize("name", USERS)
async def test_nobody_has_transactions_and_whoever_writes_may_write_each_record_once(
    provisioned: Brokers, name: str
) -> None:
    async with calling(user(provisioned, name)) as caller:
        transaction = await caller.send(InitProducerIdRequest(f"{name}.1", WAIT))
        once = await caller.send(InitProducerIdRequest(None, WAIT))
    assert transaction["error_code"] == errors.TransactionalIdAuthorizationFailed.errno
    assert once["error_code"] == (errors.ClusterAuthorizationFailedError.errno if name == STRANGER else 0)


@pytest.mark.parametrize("command", [("users", "list"), ("topics", "provision")])
def test_an_operator_who_is_not_the_administrator_learns_so(provisioned: Brokers, command: tuple[str, ...]) -> None:
    settings = user(provisioned, OPS)
    environment = {
        "KAFKA_BOOTSTRAP": settings.bootstrap,
        "KAFKA_USER": settings.user,
        "KAFKA_PASSWORD": settings.password.get_secret_value(),
    }
    run = [sys.executable, "-m", "ops", *command]
    done = subprocess.run(run, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "ops: Kafka lets the user ops not do this: run it as Kafka's administrator.\n"


async def test_the_administrator_may_do_all_of_it(provisioned: Brokers, admin: AdminClient) -> None:
    """What is refused above is refused for want of an ACL and for nothing else.

    No topic, user or ACL is left afterwards, but the limit of somebody who is not there and a setting as it was.
    """
    async with calling(operator(provisioned)) as administrator:
        for what, request in attempts("somebody"):
            assert codes(await administrator.send(request)) == {0}, what
    async with asyncio.timeout(30):
        while not set(OURS).isdisjoint(admin.list_topics(timeout=30).topics):  # noqa: ASYNC110 - Kafka notifies nobody.
            await asyncio.sleep(0.05)
