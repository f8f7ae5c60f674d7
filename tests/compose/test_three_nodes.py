"""Three nodes of Kafka, reached by TLS: each record is on all of them, and one may die."""

from collections.abc import Iterator

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource

from tests.compose.flow import Flow
from tests.compose.stack import Stack, running
from tests.journeys.builders import new_structure
from tests.support.kafka import Reader
from tests.support.system import until

pytestmark = pytest.mark.timeout(1200)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    settings = {"KAFKA_TLS": "on", "TOPIC_PARTITIONS": "6"}
    folder = tmp_path_factory.mktemp("three")
    with running(Stack("three", folder, ["deploy/compose.kafka3.yml"], **settings)) as three:
        yield three


@pytest.fixture(scope="module")
def admin(stack: Stack) -> AdminClient:
    login = {"sasl.username": "admin", "sasl.password": stack.secret("kafka_admin")}
    return AdminClient({**stack.partner(), **login})


def test_every_record_is_on_three_nodes_and_acknowledged_by_two(admin: AdminClient) -> None:
    topics = admin.list_topics(timeout=20).topics
    assert {"structure.requests", "delay.5s.v1", "gateway.dlq", "outcomes.facturier"} <= set(topics)
    for topic in topics.values():
        assert {len(partition.replicas) for partition in topic.partitions.values()} == {3}, topic.topic
    resources = [ConfigResource(ConfigResource.Type.TOPIC, name) for name in topics]
    for future in admin.describe_configs(resources).values():
        assert future.result(20)["min.insync.replicas"].value == "2"


def test_whoever_comes_without_tls_is_not_heard(stack: Stack) -> None:
    settings = {**stack.partner(), "security.protocol": "SASL_PLAINTEXT", "log_level": 0}
    del settings["ssl.ca.location"]
    with pytest.raises(KafkaException):
        AdminClient(settings).list_topics(timeout=5)


def test_whoever_does_not_trust_the_authority_gives_no_password(stack: Stack) -> None:
    settings = {**stack.partner(), "log_level": 0}
    del settings["ssl.ca.location"]
    with pytest.raises(KafkaException):
        AdminClient(settings).list_topics(timeout=5)


def test_requests_go_on_when_a_node_dies_and_none_is_lost(stack: Stack) -> None:
    structures = [new_structure(stack)["id"] for _ in range(6)]
    gateway = {"sasl.username": "gateway", "sasl.password": stack.secret("kafka_gateway")}
    outcomes = Reader({**stack.partner(), **gateway}, "structure.outcomes")
    with Flow(stack, structures, per_second=5) as flow:
        until(lambda: flow.count > 10, what="requests flowing")
        # The node that everybody names first, with a third of all partitions.
        stack.compose("kill", "--signal", "SIGKILL", "kafka")
        killed = flow.count
        until(lambda: flow.count > killed + 60, 120, what="requests still flowing")
        stack.up()
    flow.wait_until_all_are_applied()
    assert outcomes.until(lambda seen: seen.get("status") == "applied")
    outcomes.close()
