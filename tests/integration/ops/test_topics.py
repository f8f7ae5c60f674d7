"""`ops topics` and `ops users`: how Kafka is, reading again, more partitions, new passwords."""

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from dev.run import environments
from shared.contracts.topics import PROCESSES, table
from tests.integration.ops.conftest import Ops
from tests.journeys.builders import new_structure
from tests.support.system import System, until

pytestmark = pytest.mark.timeout(400)
"""A whole system is started within the first test, and each command is a process: slow on a busy machine."""


def test_every_topic_of_the_table_is_there_and_in_step(ops: Ops) -> None:
    items = {item["topic"]: item for item in ops.items("topics", "status", but={"EFFECTIVE_DELAY": "2s"})}
    assert {topic.name for topic in table(2_000)} <= set(items)
    assert {item["state"] for item in items.values()} == {"ok"}
    missing = {item["topic"]: item for item in ops.items("topics", "status", but={"EFFECTIVE_DELAY": "7m"})}
    assert "missing" in missing["delay.7m.v1"]["state"]


def test_the_lag_of_a_stopped_process_is_shown_and_goes_once_it_is_back(system: System, ops: Ops) -> None:
    structure = new_structure(system)
    process = system.supervisor["structure_svc"]

    def lag() -> dict[str, int]:
        return {item["topic"]: item["lag"] for item in ops.items("topics", "lag", "structure_svc")}

    until(lambda: lag()["structure.requests"] == 0, 60, what="everything read")
    process.stop()
    process.join()
    try:
        with system.as_("alice", wait=None) as api:
            for number in range(3):
                assert api.patch(f"/structures/{structure['id']}", json={"label": f"{number}"}).status_code == 202
        assert lag()["structure.requests"] == 3
        assert {item["members"] for item in ops.items("topics", "lag", "structure_svc")} == {0}
    finally:
        process.start()
        system.supervisor.wait_ready(["structure_svc"])
    until(lambda: lag()["structure.requests"] == 0, 60, what="everything read")


def test_a_process_reads_again_from_an_instant_and_nothing_happens_twice(system: System, ops: Ops) -> None:
    structure = new_structure(system)
    path = f"/structures/{structure['id']}"
    process = system.supervisor["structure_svc"]
    with system.as_("alice") as api:
        request = api.patch(path, json={"label": "une fois"}).json()
        until(lambda: api.get(f"/requests/{request['request_id']}").json()["status"] == "applied", what="applied")
        before = api.get(path).json()
        since = request["received_at"]
        running = ops.run("topics", "rewind", "structure_svc", "--to", since, "--yes", who="structure_svc", status=1)
        assert "stop them all" in running.stderr
        process.stop()
        process.join()
        try:
            dry = ops.run("topics", "rewind", "structure_svc", "--to", since, "--dry-run", who="structure_svc").stdout
            assert "structure_svc.structure.requests: partition" in dry
            assert "would be read again" in dry
            done = ops.run("topics", "rewind", "structure_svc", "--to", since, "--yes", who="structure_svc").stdout
            assert "will be read again" in done
            assert {item["topic"]: item["lag"] for item in ops.items("topics", "lag", "structure_svc")}[
                "structure.requests"
            ] >= 1
        finally:
            process.start()
            system.supervisor.wait_ready(["structure_svc"])
        until(
            lambda: all(item["lag"] == 0 for item in ops.items("topics", "lag", "structure_svc")), 60, what="read again"
        )
        assert api.get(path).json() == before
        made = [r for r in api.get(f"{path}/requests").json()["items"] if r["type"] == "structure.modify.v1"]
        assert [r["request_id"] for r in made] == [request["request_id"]]


def test_a_process_that_is_named_wrong_or_no_instant_is_refused(ops: Ops) -> None:
    assert "choose one of" in ops.run("topics", "lag", "structure", status=1).stderr
    assert "say from when" in ops.run("topics", "rewind", "structure_svc", status=1).stderr
    assert "is no instant" in ops.run("topics", "rewind", "structure_svc", "--to", "hier", status=1).stderr
    printed = ops.run("topics", "recreate", "structure.journal", "--yes", who="admin", status=1).stderr
    assert "is no topic of states" in printed


def test_partitions_are_added_while_requests_come_and_each_is_decided_once(system: System, ops: Ops) -> None:
    structures = [new_structure(system) for _ in range(4)]
    sent: list[tuple[int, str]] = []

    def submit(label: str) -> None:
        with system.as_("alice", wait=None) as api:
            for structure in structures:
                answer = api.patch(f"/structures/{structure['id']}", json={"label": label})
                sent.append((structure["id"], answer.json()["request_id"]))

    submit("avant")
    grown = ops.run("topics", "provision", who="admin", but={"TOPIC_PARTITIONS": "5"}).stdout
    assert "grow topic structure.requests to 5 partitions" in grown
    submit("pendant")
    # Processes find new partitions by themselves within five minutes; a restart is sooner, and lets nothing be missed.
    for name in ("structure_svc", "gateway"):
        process = system.supervisor[name]
        process.stop()
        process.join()
        process.start()
        system.supervisor.wait_ready([name])
    submit("après")
    with system.as_("alice") as api:
        for _, request_id in sent:
            until(lambda r=request_id: api.get(f"/requests/{r}").json().get("status") == "applied", 90, what="applied")  # type: ignore[misc]
        for structure in structures:
            until(lambda s=structure: api.get(f"/structures/{s['id']}").json()["label"] == "après", what="the last")  # type: ignore[misc]
            made = api.get(f"/structures/{structure['id']}/requests", params={"size": 100}).json()["items"]
            mine = [request_id for id_, request_id in sent if id_ == structure["id"]]
            assert sorted(r["request_id"] for r in made if r["type"] == "structure.modify.v1") == sorted(mine)
    items = {item["topic"]: item["partitions"] for item in ops.items("topics", "status")}
    assert (items["structure.requests"], items["structure_svc.dlq"]) == (5, 3)


def test_a_new_password_counts_from_then_on_and_the_old_one_no_more(system: System, ops: Ops) -> None:
    user = "insee_adapter"
    running = system.supervisor[user]
    old = environments.kafka_password(system.settings, user)
    dry = ops.run("users", "rotate-password", user, "--dry-run", who="admin").stdout
    assert "would be given a new password" in dry
    assert environments.kafka_password(system.settings, user) == old
    done = ops.run("users", "rotate-password", user, "--yes", who="admin")
    new = environments.kafka_password(system.settings, user)
    assert new != old
    assert new not in done.stdout + done.stderr
    for password, may in ((new, True), (old, False)):
        login = AdminClient({**system.partner(), "sasl.username": user, "sasl.password": password, "log_level": 0})
        if may:
            login.list_topics(timeout=20)
        else:
            with pytest.raises(KafkaException):
                login.list_topics(timeout=5)
    assert running.is_ready(), "connections that stand go on"
    running.stop()
    running.join()
    running.start()
    system.supervisor.wait_ready([user])


def test_the_users_are_listed_and_a_stranger_gets_no_password(ops: Ops) -> None:
    items = {item["user"]: item for item in ops.items("users", "list", who="admin")}
    assert {*PROCESSES, "ops", "partner", "admin"} == set(items)
    assert {item["in_kafka"] for item in items.values()} == {"yes"}
    printed = ops.run("users", "rotate-password", "mallory", "--yes", who="admin", status=1).stderr
    assert "is no user that is created here" in printed
    printed = ops.run(
        "users", "rotate-password", "ops", "--yes", who="admin", but={"KAFKA_PASSWORDS": None}, status=1
    ).stderr
    assert "KAFKA_PASSWORDS must name the folder" in printed
