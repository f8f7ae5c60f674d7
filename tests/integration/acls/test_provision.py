"""`python -m ops topics provision` on a real Kafka: what it makes, corrects, prints, and leaves alone."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)

from dev.brokers import Brokers
from ops import quotas
from ops.acls import Partner, acls
from ops.provision import plan
from ops.settings import AdminSettings, QuotaSettings
from shared.clock import MINUTE
from shared.contracts.topics import PROCESSES, table
from tests.support.acls import operator, user
from tests.support.brokers import EVERY_ACL, as_new

TABLE = table(30 * MINUTE)
STATE = "structure.state"
COMMAND = ("topics", "provision")
Run = Callable[..., str]


@pytest.fixture(scope="module", autouse=True)
def kafka(session_kafka: Brokers) -> Iterator[Brokers]:
    """An empty Kafka, empty again for the tests that follow."""
    yield as_new(session_kafka)
    as_new(session_kafka)


@pytest.fixture(scope="module")
def admin(kafka: Brokers) -> AdminClient:
    return AdminClient(kafka.kafka.admin_settings())


@pytest.fixture(scope="module")
def passwords(kafka: Brokers, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("passwords")
    for name in (*PROCESSES, "ops"):
        (folder / name).write_text(kafka.password(f"kafka/{name}") + "\n", encoding="ascii")
    return folder


@pytest.fixture
def run(kafka: Brokers, passwords: Path) -> Run:
    """Run the command as the administrator does, or with another environment; give what it says."""

    def run_(*options: str, status: int = 0, **environment: str) -> str:
        name, password = kafka.kafka_admin
        variables = {
            **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
            "KAFKA_BOOTSTRAP": kafka.kafka_bootstrap,
            "KAFKA_USER": name,
            "KAFKA_PASSWORD": password,
            "KAFKA_PASSWORDS": str(passwords),
            "TOPIC_PARTITIONS": "2",
            **environment,
        }
        command = [sys.executable, "-m", "ops", *(options if options[:1] == ("partners",) else [*COMMAND, *options])]
        done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=100, check=False)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run_


def topics(client: AdminClient) -> dict[str, int]:
    """The topics and their partitions."""
    there = client.list_topics(timeout=30).topics
    return {name: len(topic.partitions) for name, topic in there.items() if not name.startswith("__")}


def acls_of(client: AdminClient) -> set[AclBinding]:
    return set(client.describe_acls(EVERY_ACL).result(30))


def users(client: AdminClient) -> set[str]:
    return set(client.describe_user_scram_credentials().result(30)) - {"admin"}


def config(client: AdminClient, topic: str) -> dict[str, str]:
    (found,) = client.describe_configs([ConfigResource(ConfigResource.Type.TOPIC, topic)]).values()
    return {name: entry.value for name, entry in found.result(30).items()}


def change(client: AdminClient, topic: str, **values: str) -> None:
    """Change the settings of a topic, `_` standing for a point."""
    entries = [
        ConfigEntry(name.replace("_", "."), value, incremental_operation=AlterConfigOpType.SET)
        for name, value in values.items()
    ]
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=entries)
    client.incremental_alter_configs([resource])[resource].result(30)


def test_a_dry_run_prints_everything_and_changes_nothing(run: Run, admin: AdminClient) -> None:
    printed = run("--dry-run").splitlines()
    assert "would create topic structure.requests (2 partitions)" in printed
    assert "would set the password of user gateway" in printed
    assert printed[-1] == f"{len(printed) - 1} changes to make."
    assert (topics(admin), acls_of(admin), users(admin)) == ({}, set(), set())


def test_it_makes_every_topic_acl_user_and_quota_of_the_table(run: Run, kafka: Brokers, admin: AdminClient) -> None:
    printed = run().splitlines()
    assert printed[-1] == f"{len(printed) - 1} changes made."
    assert topics(admin) == {t.name: 2 if t.partitions == 12 else min(t.partitions, 2) for t in TABLE}
    assert acls_of(admin) == set(acls(TABLE, []))
    assert users(admin) == {*PROCESSES, "ops"}
    for topic in TABLE:
        assert config(admin, topic.name).items() >= topic.config.items()
    ours = QuotaSettings().of("ours")
    assert quotas.current(operator(kafka)) == dict.fromkeys((*PROCESSES, "ops"), ours)


def test_a_second_time_there_is_nothing_to_do(run: Run) -> None:
    assert run() == "0 changes made.\n"


def test_settings_that_drifted_are_corrected_and_others_left_alone(run: Run, admin: AdminClient) -> None:
    change(admin, "structure.requests", message_timestamp_type="CreateTime", max_message_bytes="2000000")
    change(admin, STATE, cleanup_policy="delete")
    assert set(run().splitlines()) == {
        "set message.timestamp.type of topic structure.requests",
        f"set cleanup.policy of topic {STATE}",
        "2 changes made.",
    }
    after = config(admin, "structure.requests")
    assert (after["message.timestamp.type"], after["max.message.bytes"]) == ("LogAppendTime", "2000000")
    assert config(admin, STATE)["cleanup.policy"] == "compact"


def test_a_quota_that_is_to_be_another_is_set_and_a_limit_of_somebody_else_stays(run: Run, kafka: Brokers) -> None:
    quotas.change(operator(kafka), {"gateway": {"request_percentage": 5}, "meteo": {"producer_byte_rate": 7}})
    assert run(QUOTA_OURS_CONSUMER_BYTE_RATE="1e9").splitlines()[-1] == "6 changes made."
    limits = quotas.current(operator(kafka))
    assert limits["gateway"] == {**QuotaSettings().of("ours"), "consumer_byte_rate": 1e9}
    assert limits["meteo"] == {"producer_byte_rate": 7}
    quotas.change(operator(kafka), {"meteo": {"producer_byte_rate": None}})
    assert "limit user ops to consumer_byte_rate 268435456" in run().splitlines()


def test_brokers_that_are_down_or_copies_that_are_wanted_do_not_change_topics_that_are_there(
    kafka: Brokers, admin: AdminClient
) -> None:
    """`min.insync.replicas=2` on a topic of one copy would refuse every write; 1 on one of three, lose some."""
    wanted = plan(admin, AdminSettings(kafka=operator(kafka), topic_partitions=2, replication_factor=3))
    assert [resource.name for resource in wanted.configs] == []


def test_partitions_grow_and_never_shrink(run: Run, admin: AdminClient) -> None:
    assert f"grow topic {STATE} to 3 partitions" in run(TOPIC_PARTITIONS="3").splitlines()
    assert topics(admin)[STATE] == 3
    assert run(TOPIC_PARTITIONS="2") == "0 changes made.\n"
    assert topics(admin)[STATE] == 3


def test_nothing_is_removed_and_acls_that_are_not_in_the_table_are_printed(run: Run, admin: AdminClient) -> None:
    forgotten = AclBinding(
        ResourceType.TOPIC,
        "structure.",
        ResourcePatternType.PREFIXED,
        "User:former-system",
        "*",
        AclOperation.READ,
        AclPermissionType.ALLOW,
    )
    elsewhere = AclBinding(
        ResourceType.TOPIC,
        "weather",
        ResourcePatternType.LITERAL,
        "User:meteo",
        "*",
        AclOperation.READ,
        AclPermissionType.ALLOW,
    )
    for job in admin.create_acls([forgotten, elsewhere]).values():
        job.result(30)
    admin.create_topics([NewTopic("weather", 1)])["weather"].result(30)
    assert run().splitlines() == [
        "left alone: User:former-system may READ TOPIC structure.*, which the table does not say",
        "0 changes made.",
    ]
    assert acls_of(admin) >= {forgotten, elsewhere}
    assert "weather" in topics(admin)
    for job in admin.delete_acls([EVERY_ACL]).values():
        job.result(30)
    admin.delete_topics(["weather"])["weather"].result(30)


def test_acls_that_were_deleted_come_back(run: Run, admin: AdminClient) -> None:
    printed = run().splitlines()
    assert "allow User:gateway to WRITE TOPIC structure.requests" in printed
    assert acls_of(admin) == set(acls(TABLE, []))


def test_what_a_partner_that_is_there_misses_comes_back_too(run: Run, kafka: Brokers, admin: AdminClient) -> None:
    """As when the table has grown by an owner since it was added."""
    run("partners", "add", "partner", "--client", "facturier")
    every = set(acls(TABLE, [Partner("partner", "facturier")]))
    assert acls_of(admin) == every
    of_managers = [
        AclBindingFilter(
            ResourceType.TOPIC,
            "manager.requests",
            ResourcePatternType.LITERAL,
            "User:partner",
            "*",
            AclOperation.ANY,
            AclPermissionType.ANY,
        )
    ]
    for job in admin.delete_acls(of_managers).values():
        assert len(job.result(30)) == 2
    quotas.change(operator(kafka), {"partner": {"producer_byte_rate": None}})
    change(admin, "outcomes.facturier", retention_ms="1000")
    assert set(run().splitlines()) == {
        "set retention.ms of topic outcomes.facturier",
        "allow User:partner to WRITE TOPIC manager.requests",
        "allow User:partner to DESCRIBE TOPIC manager.requests",
        "limit user partner to producer_byte_rate 1048576",
        "4 changes made.",
    }
    assert acls_of(admin) == every


def test_a_changed_delay_gets_its_topic_and_the_former_one_stays_with_its_acls(run: Run, admin: AdminClient) -> None:
    before = acls_of(admin)
    printed = run(EFFECTIVE_DELAY="45m").splitlines()
    assert "create topic delay.45m.v1 (2 partitions)" in printed
    assert {"delay.30m.v1", "delay.45m.v1"} <= set(topics(admin))
    assert acls_of(admin) > before


def test_the_password_of_a_user_who_is_there_is_not_touched(
    run: Run, kafka: Brokers, passwords: Path, tmp_path: Path
) -> None:
    others = tmp_path / "passwords"
    others.mkdir()
    for file in passwords.iterdir():
        (others / file.name).write_text("another", encoding="ascii")
    assert "password" not in run(KAFKA_PASSWORDS=str(others))
    login = {**AdminSettings(kafka=user(kafka, "ops")).client(), "log_level": 0}
    assert "structure_svc.dlq" in AdminClient(login).list_topics(timeout=30).topics


def test_an_empty_password_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "gateway").touch()
    assert "gateway holds no password" in run(KAFKA_PASSWORDS=str(tmp_path), status=1)


def test_nobody_but_the_administrator_can_provision(run: Run, kafka: Brokers, admin: AdminClient) -> None:
    before: Any = (topics(admin), acls_of(admin), users(admin))
    printed = run(KAFKA_USER="gateway", KAFKA_PASSWORD=kafka.password("kafka/gateway"), status=1)
    assert printed.startswith("ops: ")
    assert "the user gateway" in printed
    assert (topics(admin), acls_of(admin), users(admin)) == before
