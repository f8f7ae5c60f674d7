"""Which collection a record goes to; one that nobody can read harms itself alone."""

from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from gateway.projections.consumer import _journal, _read, _states, feeding
from shared.contracts import topics
from shared.errors import Poison
from tests.unit.gateway.builders import SINCE, structure_record, team_record, user_record

ENTRY = {
    "owner": "structure",
    "request_id": "r",
    "actor": "alice",
    "type": "structure.modify.v1",
    "status": "applied",
    "code": "applied",
    "version": 4,
    "at": SINCE,
}
STRUCTURE = structure_record(pending=[])


def published(topic: str, key: str, value: Any) -> Any:
    return SimpleNamespace(
        topic=topic,
        partition=0,
        offset=7,
        timestamp=0,
        key=key.encode(),
        value=value if isinstance(value, bytes) else orjson.dumps(value),
        headers=[("ce_id", b"1"), ("ce_type", b"test")],
    )


def state(key: str, value: Any, owner: str = "structure") -> Any:
    return published(f"{owner}.state", key, value)


@pytest.mark.parametrize(
    ("owner", "key", "value", "collection", "id_"),
    [
        ("structure", "structure:42", STRUCTURE, "structures", 42),
        ("manager", "structure:42", team_record(), "structures", 42),
        ("manager", "user:alice", user_record(), "users", "alice"),
    ],
)
def test_each_kind_of_record_has_its_collection(owner: str, key: str, value: Any, collection: str, id_: Any) -> None:
    found, write = _states(owner)(state(key, value, owner))
    assert (found, write.id, write.version) == (collection, id_, value["version"])


@pytest.mark.parametrize("owner", ["structure", "manager"])
def test_an_entry_of_any_journal_is_a_request(owner: str) -> None:
    collection, write = _journal(published(f"{owner}.journal", "k", {**ENTRY, "owner": owner}))
    assert (collection, write.id) == ("requests", f"alice|r|{owner}")


@pytest.mark.parametrize(("owner", "key"), [("structure", "team:42"), ("manager", "team:42"), ("structure", "42")])
def test_a_kind_that_nobody_knows_is_none(owner: str, key: str) -> None:
    with pytest.raises(Poison, match="no record of this kind is known") as poison:
        _states(owner)(state(key, {"version": 1}, owner))
    assert poison.value.code == "message_invalid"


def test_one_that_can_not_be_read_is_a_dead_letter_and_its_neighbours_are_kept() -> None:
    batch = [
        state("structure:42", STRUCTURE),
        state("structure:42", b"{"),
        state("structure:42", {**STRUCTURE, "version": "3"}),
        state("structure:43", STRUCTURE),
        state("structure:42", {**STRUCTURE, "version": 9}),
    ]
    found, dead = _read(batch, _states("structure"))
    assert [(write.version, record) for write, record in found["structures"]] == [(3, batch[0]), (9, batch[4])]
    assert [(d.topic, dict(d.headers)["dlq_code"]) for d in dead] == [
        ("gateway.dlq", b"message_unreadable"),
        ("gateway.dlq", b"message_invalid"),
        ("gateway.dlq", b"message_invalid"),
    ]
    assert [d.value for d in dead] == [record.value for record in batch[1:4]], "as they came"


def test_what_breaks_us_is_a_dead_letter_that_says_how_and_tells_no_value() -> None:
    def project(record: Any) -> Any:
        if record.key == b"bad":
            raise ZeroDivisionError("alice@example.fr")
        return "users", record

    found, (dead,) = _read([state("bad", {}), state("good", {})], project)
    assert [record.key for _, record in found["users"]] == [b"good"]
    assert dict(dead.headers)["dlq_reason"] == b"ZeroDivisionError"


def test_the_read_model_is_fed_by_every_topic_of_states_and_of_journals() -> None:
    fed: Any = feeding(None, None)  # type: ignore[arg-type]  # Nothing is written.
    kinds = (topics.STATE, topics.JOURNAL)
    assert set(fed) == {topics.name(owner, kind) for owner in topics.OWNERS for kind in kinds}
