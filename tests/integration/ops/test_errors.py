"""What an operator gets wrong is reported in a sentence that says what to do, with status 1 and no traceback."""

import uuid
from collections.abc import Mapping

import pytest

from dev.brokers.ports import free_ports
from tests.integration.ops.conftest import Kafka, Ops

pytestmark = pytest.mark.timeout(400)
"""A whole system is started within the first test, and each command is a process: slow on a busy machine."""


@pytest.mark.parametrize(
    ("command", "but", "says"),
    [
        (("dlq", "list", "structure_svc"), {"KAFKA_PASSWORD": "wrong"}, "refuses the password of the user ops"),
        (("topics", "provision"), {"KAFKA_PASSWORD": "wrong"}, "refuses the password of the user ops"),
        (("dlq", "list", "structure_svc"), {"KAFKA_USER": None}, "KAFKA_USER: Field required"),
        (("topics", "provision"), {}, "lets the user ops not do this"),
        (("users", "list"), {}, "lets the user ops not do this"),
        (("dlq", "list", "structure"), {}, "choose one of structure_svc, manager_svc"),
        (("dlq", "show", "structure_svc", "12"), {}, "write PARTITION:OFFSET"),
        (("dlq", "show", "structure_svc", "0:999999"), {}, "no dead letter at 0:999999"),
        (("dlq", "replay", "structure_svc"), {}, "say which dead letters"),
        (("dlq", "discard", "structure_svc", "--all", "--code", "x"), {}, "--all means every dead letter"),
        (("requests", "overdue"), {"STRUCTURE_SVC_MONGO_URI": None}, "STRUCTURE_SVC_MONGO_URI is not set"),
        (("requests", "waiting", "--owner", "x"), {}, "choose one of structure, manager"),
        (("requests", "trigger", "structure"), {}, "say which documents"),
        (("requests", "trigger", "structure", "structure:999999"), {}, "nothing of structure:999999 is overdue"),
    ],
)
def test_it_is_said_what_to_do(ops: Ops, command: tuple[str, ...], but: Mapping[str, str | None], says: str) -> None:
    printed = ops.run(*command, but=but, status=1).stderr
    assert says in printed
    assert printed.startswith("ops: ")
    assert len(printed.splitlines()) == 1


@pytest.mark.parametrize("command", [("dlq", "list", "gateway"), ("topics", "provision", "--dry-run")])
def test_a_broker_that_does_not_answer_is_named(ops: Ops, command: tuple[str, ...]) -> None:
    [port] = free_ports(1)
    printed = ops.run(*command, but={"KAFKA_BOOTSTRAP": f"127.0.0.1:{port}"}, status=1).stderr
    assert f"Kafka does not answer at 127.0.0.1:{port}" in printed


def test_a_topic_that_a_user_may_not_read_is_named(ops: Ops) -> None:
    printed = ops.run("dlq", "list", "gateway", who="structure_svc", status=1).stderr
    assert "lets the user structure_svc not do this" in printed
    assert "gateway.dlq" in printed


def test_a_wrong_password_of_mongodb_is_reported_as_such(ops: Ops) -> None:
    uri = ops.environment("ops")["STRUCTURE_SVC_MONGO_URI"].replace("ops:", "ops:x")
    printed = ops.run("requests", "overdue", but={"STRUCTURE_SVC_MONGO_URI": uri}, status=1).stderr
    assert "MongoDB refuses the password" in printed


def test_an_issuer_that_refuses_the_operator_is_reported_as_such(ops: Ops, kafka: Kafka) -> None:
    # No token is requested when there is nothing to replay.
    headers = {"ce_id": uuid.uuid4().hex.encode(), "ce_type": b"structure.modify.v1"}
    kafka.put_aside("structure_svc", headers, b"{}", "structure.requests", code="internal_error", actor="alice")
    printed = ops.run(
        "dlq", "replay", "structure_svc", "--all", "--yes", but={"OPS_CLIENT_SECRET": None}, status=1
    ).stderr
    assert "OPS_CLIENT_SECRET" in printed


@pytest.mark.parametrize("group", ["topics", "dlq", "requests"])
def test_every_command_explains_itself(ops: Ops, group: str) -> None:
    assert group in ops.run("--help").stdout
    assert "Commands" in ops.run(group, "--help").stdout
