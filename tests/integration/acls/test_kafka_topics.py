"""Topics of Kafka: every user tries to write and to read every one, and can what it shall and no more."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pytest
from aiokafka.errors import SaslAuthenticationFailed
from aiokafka.protocol.metadata import MetadataRequest
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)
from pydantic import SecretStr

from dev.brokers import Brokers
from dev.brokers.kafka import ADMIN
from shared.contracts.topics import PARTNERS, Topic, partner_outcomes
from shared.runtime.settings import KafkaSettings
from tests.integration.acls import everybody
from tests.integration.acls.caller import calling
from tests.integration.acls.everybody import OURS, TABLE, TOPICS, USERS
from tests.integration.acls.expected import READS, SEES, WRITES
from tests.support.acls import operator, user
from tests.support.brokers import EVERY_ACL


@dataclass(frozen=True)
class Tried:
    """What a user could do, and whose records it was given."""

    writes: set[str]
    reads: Mapping[str, list[str]]
    sees: set[str]


async def try_everything(kafka: KafkaSettings) -> Tried:
    async with calling(kafka) as caller:
        return Tried(await caller.write(TOPICS), await caller.read(TOPICS), await caller.sees())


@pytest.fixture(scope="module")
async def tried(provisioned: Brokers) -> Mapping[str, Tried]:
    """What each user could do where every topic holds a record already."""
    async with calling(operator(provisioned)) as administrator:
        await administrator.write(OURS)
    return {name: await try_everything(user(provisioned, name)) for name in USERS}


def test_the_table_says_what_is_written_here() -> None:
    def topics_of(name: str, chosen: Callable[[Topic], tuple[str, ...]]) -> set[str]:
        role = PARTNERS if name in everybody.PARTNERS else name
        others = {partner_outcomes(c) for user, c in everybody.PARTNERS.items() if user != name and role == PARTNERS}
        return {topic.name for topic in TABLE if role in chosen(topic)} - others

    assert {name: topics_of(name, lambda topic: topic.writers) for name in USERS} == WRITES
    assert {name: topics_of(name, lambda topic: topic.readers) for name in USERS} == READS


@pytest.mark.parametrize("name", USERS)
def test_a_user_writes_what_it_shall_and_nothing_else(tried: Mapping[str, Tried], name: str) -> None:
    assert tried[name].writes == WRITES[name]


@pytest.mark.parametrize("name", USERS)
def test_a_user_reads_what_it_shall_and_nothing_else(tried: Mapping[str, Tried], name: str) -> None:
    assert set(tried[name].reads) == READS[name]
    for topic, writers in tried[name].reads.items():
        assert ADMIN in writers, topic


@pytest.mark.parametrize("name", USERS)
def test_a_user_sees_no_topic_that_does_not_concern_it(tried: Mapping[str, Tried], name: str) -> None:
    assert tried[name].sees == SEES[name]


@pytest.mark.parametrize("name", USERS)
async def test_a_topic_that_is_not_there_is_not_made_by_whoever_requests_it(provisioned: Brokers, name: str) -> None:
    missing = ["structure.more", "ops.more", "delay.5m.v1", "outcomes.more", "more"]
    async with calling(user(provisioned, name)) as caller:
        await caller.send(MetadataRequest(missing, allow_auto_topic_creation=True))
    async with calling(operator(provisioned)) as administrator:
        assert (await administrator.sees()).isdisjoint(missing)


@pytest.mark.usefixtures("tried")
async def test_what_was_refused_has_left_no_record(provisioned: Brokers) -> None:
    async with calling(operator(provisioned)) as administrator:
        found = await administrator.read(OURS)
    assert {topic: sorted(writers) for topic, writers in found.items()} == {
        topic: sorted([ADMIN, *(name for name in USERS if topic in WRITES[name])]) for topic in OURS
    }


@pytest.mark.parametrize(("name", "password"), [("gateway", "guessed"), ("nobody", "guessed"), ("nobody", "")])
async def test_nobody_comes_in_without_a_password(provisioned: Brokers, name: str, password: str) -> None:
    guessing = user(provisioned, name).model_copy(update={"password": SecretStr(password)})
    with pytest.raises(SaslAuthenticationFailed):
        async with calling(guessing):
            pass


async def test_one_acl_too_many_and_one_too_few_are_seen(provisioned: Brokers) -> None:
    """The tests above can fail: this is the Kafka they would have to find wrong."""
    admin = AdminClient(provisioned.kafka.admin_settings())
    too_many = acl("partner", AclOperation.WRITE, "structure.state")
    needed = acl("gateway", AclOperation.READ, "manager.journal")
    exchange(admin, needed, too_many)
    try:
        partner, gateway = [await try_everything(user(provisioned, name)) for name in ("partner", "gateway")]
    finally:
        exchange(admin, too_many, needed)
    assert partner.writes == WRITES["partner"] | {"structure.state"}
    assert set(gateway.reads) == READS["gateway"] - {"manager.journal"}


def acl(name: str, operation: AclOperation, topic: str) -> AclBinding:
    pattern, allow = ResourcePatternType.LITERAL, AclPermissionType.ALLOW
    return AclBinding(ResourceType.TOPIC, topic, pattern, f"User:{name}", "*", operation, allow)


def exchange(client: AdminClient, old: AclBinding, new: AclBinding) -> None:
    """Create an ACL, delete another, and wait until the broker knows."""
    client.create_acls([new])[new].result(30)
    pattern, allow = ResourcePatternType.LITERAL, AclPermissionType.ALLOW
    taken = AclBindingFilter(old.restype, old.name, pattern, old.principal, "*", old.operation, allow)
    assert client.delete_acls([taken])[taken].result(30) == [old]
    end = time.monotonic() + 30
    while old in client.describe_acls(EVERY_ACL).result(30):
        assert time.monotonic() < end
        time.sleep(0.05)
