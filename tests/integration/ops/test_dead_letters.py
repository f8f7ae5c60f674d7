"""`ops dlq`: what nobody could handle is listed, shown, replayed to one effect, or discarded."""

import itertools
import os
from typing import Any

import orjson
import pytest

from tests.integration.ops.conftest import Kafka, Ops
from tests.journeys.builders import new_structure
from tests.support.kafka import Partner
from tests.support.system import KAFKA_AUDIENCE, System, until

pytestmark = pytest.mark.timeout(400)
"""A whole system is started within the first test, and each command is a process: slow on a busy machine."""

PROCESS = "structure_svc"
MODIFY = "structure.modify.v1"
SECRET = "du contenu personnel"

_numbers = itertools.count(1)


def fresh_id(name: str) -> str:
    return f"{name}-{os.getpid()}-{next(_numbers)}"


def binary(request_id: str, event_type: str = MODIFY) -> dict[str, bytes]:
    return {
        "ce_specversion": b"1.0",
        "ce_id": request_id.encode(),
        "ce_source": b"/test",
        "ce_type": event_type.encode(),
        "content-type": b"application/json",
    }


def dead_letters(ops: Ops, request_id: str, *more: str) -> list[dict[str, Any]]:
    return ops.items("dlq", "list", PROCESS, "--id", request_id, *more)


@pytest.fixture
def refused(system: System, ops: Ops) -> dict[str, Any]:
    """A dead letter that structure_svc itself put aside: alice's request with a wrong body."""
    request_id = fresh_id("wrong")
    token = system.token("alice", KAFKA_AUDIENCE)
    data = {"structure": {"id": 1}, "labell": SECRET}
    Partner(system.partner()).submit("structure.requests", MODIFY, data, token, request_id=request_id)
    found = until(lambda: dead_letters(ops, request_id), 60, what="the dead letter")
    [dead_letter] = found
    return dict(dead_letter)


def test_a_dead_letter_is_listed_with_its_reason_and_who_sent_it_and_no_value(
    ops: Ops, refused: dict[str, Any]
) -> None:
    assert (refused["code"], refused["topic"], refused["type"]) == ("invalid_request", "structure.requests", MODIFY)
    assert (refused["actor"], refused["reason"]) == ("alice", "labell: field_unknown")
    listed = ops.run("dlq", "list", PROCESS, "--code", "invalid_request").stdout
    assert refused["place"] in listed
    assert SECRET not in listed
    counted = ops.items("dlq", "list", PROCESS, "--count", "--code", "invalid_request")
    assert [(line["code"], line["topic"]) for line in counted] == [("invalid_request", "structure.requests")]
    assert counted[0]["dead_letters"] >= 1


def test_a_dead_letter_is_shown_in_full_with_a_warning_and_without_its_token(ops: Ops, refused: dict[str, Any]) -> None:
    shown = ops.run("dlq", "show", PROCESS, refused["place"])
    assert SECRET in shown.stdout
    assert "personal data" in shown.stderr
    assert "ce_type: structure.modify.v1" in shown.stdout
    assert "authorization" not in shown.stdout.lower()


def test_a_replay_is_the_same_request_of_the_same_person_and_has_one_effect(
    system: System, ops: Ops, kafka: Kafka
) -> None:
    structure, request_id = new_structure(system), fresh_id("mended")
    # Put aside by a version that did not know this type; the version that runs now does.
    value = orjson.dumps({"structure": {"id": structure["id"]}, "label": "Rejouée"})
    kafka.put_aside(PROCESS, binary(request_id), value, "structure.requests", code="unsupported_type", actor="alice")
    [dead_letter] = until(lambda: dead_letters(ops, request_id), what="the dead letter")
    outcomes = kafka.reader("structure.outcomes")

    assert (
        "1 of 1 dead letters would be replayed"
        in ops.run("dlq", "replay", PROCESS, dead_letter["place"], "--dry-run").stdout
    )
    assert dead_letters(ops, request_id), "a dry run handles nothing"
    assert "1 of 1 dead letters replayed" in ops.run("dlq", "replay", PROCESS, dead_letter["place"]).stdout
    outcome = outcomes.until(lambda seen: seen.get("request_id") == request_id and seen["status"] == "applied")
    assert (outcome["actor"], outcome["code"]) == ("alice", "applied")
    assert dead_letters(ops, request_id) == []
    assert [item["done"] for item in dead_letters(ops, request_id, "--handled")] == ["replayed"]

    assert "No dead letter is left" in ops.run("dlq", "replay", PROCESS, dead_letter["place"]).stdout
    ops.run("dlq", "replay", PROCESS, dead_letter["place"], "--again")
    again = outcomes.until(lambda seen: seen.get("request_id") == request_id and bool(seen.get("repeated")))
    assert again["status"] == "applied"
    outcomes.close()
    with system.as_("alice") as api:
        record = until(lambda: _with_label(api.get(f"/structures/{structure['id']}").json(), "Rejouée"))
        made = api.get(f"/structures/{structure['id']}/requests", params={"size": 100}).json()["items"]
        assert [item["request_id"] for item in made if item["type"] == MODIFY] == [request_id]
        assert record["label"] == "Rejouée"


def _with_label(record: dict[str, Any], label: str) -> dict[str, Any] | None:
    return record if record.get("label") == label else None


def test_what_was_refused_for_good_is_replayed_under_an_id_of_its_own(system: System, ops: Ops, kafka: Kafka) -> None:
    structure, request_id = new_structure(system), fresh_id("broke")
    with system.as_("alice") as api:  # The refusal that is recorded under the request's id.
        key = {"Idempotency-Key": request_id}
        assert api.post(f"/structures/{structure['id']}/deactivate", headers=key).status_code >= 400
    value = orjson.dumps({"structure": {"id": structure["id"]}, "label": "Réparée"})
    kafka.put_aside(PROCESS, binary(request_id), value, "structure.requests", code="internal_error", actor="alice")
    outcomes = kafka.reader("structure.outcomes")
    until(lambda: dead_letters(ops, request_id), what="the dead letter")
    ops.run("dlq", "replay", PROCESS, "--id", request_id)
    outcome = outcomes.until(lambda seen: seen.get("request_id") == f"{request_id}.replay")
    assert (outcome["status"], outcome["correlation_id"]) == ("accepted", request_id)
    outcomes.close()


def test_what_a_replay_can_not_mend_is_left_with_the_reason(ops: Ops, kafka: Kafka) -> None:
    request_id = fresh_id("unauthenticated")
    value = b'{"structure": {"id": 1}}'
    kafka.put_aside(PROCESS, binary(request_id), value, "structure.requests", code="message_invalid", actor=None)
    until(lambda: dead_letters(ops, request_id), what="the dead letter")
    left = ops.run("dlq", "replay", PROCESS, "--id", request_id, status=1)
    assert "it has no authenticated sender" in left.stderr
    assert "0 of 1 dead letters replayed" in left.stdout
    assert dead_letters(ops, request_id), "it is still there to be discarded"
    assert "1 of 1 dead letters discarded" in ops.run("dlq", "discard", PROCESS, "--id", request_id).stdout
    assert dead_letters(ops, request_id) == []


def test_many_are_handled_at_once_only_when_that_is_confirmed(ops: Ops, kafka: Kafka) -> None:
    code = "test_of_many"
    for _ in range(3):
        kafka.put_aside(PROCESS, binary(fresh_id("many")), b"{}", "structure.requests", code=code, actor="alice")
    until(lambda: len(ops.items("dlq", "list", PROCESS, "--code", code)) == 3, what="three dead letters")
    ops.run("dlq", "discard", PROCESS, "--code", code, status=1)  # Nobody is there to say yes.
    assert len(ops.items("dlq", "list", PROCESS, "--code", code)) == 3
    assert "3 of 3 dead letters discarded" in ops.run("dlq", "discard", PROCESS, "--code", code, "--yes").stdout
    assert ops.items("dlq", "list", PROCESS, "--code", code) == []


def test_of_more_dead_letters_than_the_limit_the_oldest_are_taken_and_it_is_said_that_there_are_more(
    ops: Ops, kafka: Kafka
) -> None:
    code = "test_of_more"
    sent = [fresh_id("more") for _ in range(5)]
    for request_id in sent:
        kafka.put_aside(PROCESS, binary(request_id), b"{}", "structure.requests", code=code, actor="alice")

    def left() -> list[str]:
        return [item["id"] for item in ops.items("dlq", "list", PROCESS, "--code", code)]

    until(lambda: len(left()) == 5, what="five dead letters")
    listed = ops.run("dlq", "list", PROCESS, "--code", code, "--limit", "2", "--json")
    assert [orjson.loads(line)["id"] for line in listed.stdout.splitlines()] == sent[:2]
    assert "There are 3 more" in listed.stderr
    assert ops.items("dlq", "list", PROCESS, "--code", code, "--count", "--limit", "2")[0]["dead_letters"] == 5

    done = ops.run("dlq", "discard", PROCESS, "--code", code, "--limit", "3", "--yes")
    assert "3 of 3 dead letters discarded" in done.stdout
    assert "There are 2 more: run it again" in done.stderr
    assert left() == sent[3:]
    assert "more" not in ops.run("dlq", "discard", PROCESS, "--code", code, "--limit", "3", "--yes").stderr


@pytest.mark.parametrize(
    ("topic", "event_type", "data"),
    [
        ("insee.requests", "insee.look-up.v1", {"siret": "00010001600013"}),
        ("structure.due", "structure.due.v1", {"document": "structure:1", "due_at": "2026-01-01T00:00:00.000Z"}),
    ],
)
def test_what_our_processes_say_to_each_other_is_replayed_where_an_operator_may_write(
    ops: Ops, kafka: Kafka, topic: str, event_type: str, data: dict[str, str]
) -> None:
    process = "insee_adapter" if topic.startswith("insee") else PROCESS
    request_id = fresh_id("internal")
    kafka.put_aside(
        process, binary(request_id, event_type), orjson.dumps(data), topic, code="message_invalid", actor=None
    )
    until(lambda: ops.items("dlq", "list", process, "--id", request_id), what="the dead letter")
    reader = kafka.reader(topic)
    ops.run("dlq", "replay", process, "--id", request_id)
    seen = reader.until(lambda seen: seen["headers"].get("ce_id") == request_id)
    assert (seen["key"], orjson.loads(seen["value"])) == (b"key", data)
    assert not {"authorization", "ce_actor", "dlq_code"} & set(seen["headers"])
    reader.close()
