"""`ops partners add|list|remove` on a real Kafka: what each makes, prints, refuses, and leaves alone."""

import json
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AclBinding, AdminClient

from dev.brokers import Brokers
from ops import quotas
from ops.acls import Partner, acls
from ops.settings import QuotaSettings
from shared.clock import MINUTE
from shared.contracts.topics import table
from tests.integration.partners.conftest import Run
from tests.support.acls import operator
from tests.support.brokers import EVERY_ACL
from tests.support.kafka import Partner as Client
from tests.support.kafka import Reader

TABLE = table(30 * MINUTE)


def state(client: AdminClient, brokers: Brokers) -> Any:
    """What there is: topics, ACLs, users, quotas."""
    return (
        {name for name in client.list_topics(timeout=30).topics if not name.startswith("__")},
        acls_of(client),
        set(client.describe_user_scram_credentials().result(30)),
        quotas.current(operator(brokers)),
    )


def acls_of(client: AdminClient) -> set[AclBinding]:
    return set(client.describe_acls(EVERY_ACL).result(30))


def login(brokers: Brokers, user: str, password: str) -> dict[str, Any]:
    return {**brokers.kafka.admin_settings(), "sasl.username": user, "sasl.password": password, "log_level": 0}


def listed(run: Run) -> dict[str, dict[str, Any]]:
    return {item["partner"]: item for item in map(json.loads, run("list", "--json").stdout.splitlines())}


def test_a_dry_run_prints_everything_and_changes_nothing(run: Run, admin: AdminClient, provisioned: Brokers) -> None:
    before = state(admin, provisioned)
    done = run("add", "partner", "--client", "facturier", "--dry-run")
    printed = done.stderr.splitlines()
    assert "would create topic outcomes.facturier (3 partitions)" in printed
    assert "would allow User:partner to READ TOPIC outcomes.facturier" in printed
    assert "would set the password of user partner" in printed
    assert printed[-1] == f"{len(printed) - 1} changes to make."
    assert done.stdout == ""
    assert state(admin, provisioned) == before


def test_a_partner_that_is_added_can_submit_and_read_at_once_with_the_password_that_is_shown_once(
    run: Run, admin: AdminClient, provisioned: Brokers
) -> None:
    done = run("add", "partner", "--client", "facturier")
    password = done.stdout.strip()
    assert len(password) >= 40
    assert password not in done.stderr
    assert "set the password of user partner" in done.stderr
    assert acls_of(admin) == set(acls(TABLE, [Partner("partner", "facturier")]))
    assert quotas.current(operator(provisioned))["partner"] == QuotaSettings().of("partner")
    settings = login(provisioned, "partner", password)
    Client(settings).send("structure.requests", b"{}")
    Reader(settings, "outcomes.facturier").close()
    again = run("add", "partner", "--client", "facturier")
    assert (again.stdout, again.stderr) == ("", "0 changes made.\n")
    assert set(AdminClient(settings).list_topics(timeout=30).topics) == {
        "structure.requests",
        "manager.requests",
        "outcomes.facturier",
    }


def test_a_password_may_come_from_a_file_and_is_shown_nowhere_then(
    run: Run, provisioned: Brokers, tmp_path: Path
) -> None:
    (tmp_path / "autre").write_text("from-a-file-of-somebody\n", encoding="ascii")
    done = run("add", "autre", KAFKA_PASSWORDS=str(tmp_path))
    assert "from-a-file" not in done.stdout + done.stderr
    Reader(login(provisioned, "autre", "from-a-file-of-somebody"), "outcomes.autre").close()


def test_another_password_takes_the_place_of_the_former(run: Run, provisioned: Brokers) -> None:
    former = "from-a-file-of-somebody"
    done = run("add", "autre", "--new-password")
    assert "1 changes made." in done.stderr
    Reader(login(provisioned, "autre", done.stdout.strip()), "outcomes.autre").close()
    with pytest.raises(KafkaException):
        AdminClient(login(provisioned, "autre", former)).list_topics(timeout=5)


def test_the_partners_are_listed(run: Run) -> None:
    partners = listed(run)
    assert set(partners) == {"partner", "autre"}
    assert partners["partner"] == {
        "partner": "partner",
        "client": "facturier",
        "topic": "outcomes.facturier",
        "password": "yes",
        **QuotaSettings().of("partner"),
    }


def test_a_quota_follows_its_setting(run: Run, provisioned: Brokers) -> None:
    done = run("add", "autre", QUOTA_PARTNER_PRODUCER_BYTE_RATE="2000000")
    assert done.stderr.splitlines() == ["limit user autre to producer_byte_rate 2000000", "1 changes made."]
    assert quotas.current(operator(provisioned))["autre"]["producer_byte_rate"] == 2_000_000
    assert "QUOTA_PARTNER_PRODUCER_BYTE_RATE" in run("add", "x", QUOTA_PARTNER_PRODUCER_BYTE_RATE="0", status=1).stderr


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (("add", "gateway"), "is one of our own"),
        (("add", "x", "--client", "ops"), "is one of our own"),
        (("add", "a.b"), "is no name for a partner"),
        (("add", "x", "--client", "https://x"), "can't be part of a topic's name"),
        (("add", "autre", "--client", "facturier"), "remove it first"),
        (("add", "x", "--client", "facturier"), "partner reads what the client facturier asked"),
        (("remove", "mallory", "--yes"), "there is no partner « mallory »: autre, partner"),
        (("remove", "gateway", "--yes"), "there is no partner « gateway »"),
    ],
)
def test_what_is_refused_says_why_and_changes_nothing(
    run: Run, admin: AdminClient, provisioned: Brokers, command: tuple[str, ...], why: str
) -> None:
    before = state(admin, provisioned)
    assert why in run(*command, status=1).stderr
    assert state(admin, provisioned) == before


def test_removing_takes_all_of_one_away_and_nothing_of_another(
    run: Run, admin: AdminClient, provisioned: Brokers
) -> None:
    settings = login(provisioned, "autre", run("add", "autre", "--new-password").stdout.strip())
    before = state(admin, provisioned)
    reader = Reader(settings, "outcomes.autre")
    groups = admin.list_consumer_groups().result(30).valid
    reader.close()
    assert [g for g in groups if g.group_id.startswith("autre.")]
    assert "would remove user autre" in run("remove", "autre", "--dry-run").stdout
    assert state(admin, provisioned) == before
    assert run("remove", "autre", "--yes").stdout == "autre is removed.\n"
    with pytest.raises(KafkaException):
        AdminClient(settings).list_topics(timeout=5)
    topics, granted, users, limits = state(admin, provisioned)
    assert topics == before[0] - {"outcomes.autre"}
    assert granted == set(acls(TABLE, [Partner("partner", "facturier")]))
    assert users == before[2] - {"autre"}
    assert limits == {user: limit for user, limit in before[3].items() if user != "autre"}
    assert not [g for g in admin.list_consumer_groups().result(30).valid if g.group_id.startswith("autre.")]
    assert "there is no partner" in run("remove", "autre", "--yes", status=1).stderr
    assert set(listed(run)) == {"partner"}


def test_nobody_but_the_administrator_has_a_say(run: Run, admin: AdminClient, provisioned: Brokers) -> None:
    before = state(admin, provisioned)
    ops = {"KAFKA_USER": "ops", "KAFKA_PASSWORD": provisioned.password("kafka/ops")}
    for command in (("list",), ("add", "x"), ("remove", "partner", "--yes")):
        assert "run it as Kafka's administrator" in run(*command, status=1, **ops).stderr
    assert state(admin, provisioned) == before
