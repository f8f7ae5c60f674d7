"""Records of other processes are read strictly: what is none is refused with its reason, and never half taken."""

from typing import Any

import orjson
import pytest

from shared.contracts.messages import records
from shared.errors import Poison
from tests.support.rubbish import ANYWHERE, Rubbish, spoilt

USER = {"id": "alice", "version": 3, "kind": "person", "pigp": True, "active": True}
TEAM = {
    "structure_id": 42,
    "version": 2,
    "sphere": "state",
    "principal": "alice",
    "members": {"marc": {"profile": "modification", "state": "valid", "since": "2026-01-01T00:00:00.000Z"}},
}
STRUCTURE = {
    "id": 42,
    "version": 9,
    "identifier": {"type": "SIRET", "value": "41816609600069"},
    "sphere": "private",
    "status": "active",
    "created_at": "2026-01-01T00:00:00.000Z",
    "creator": "alice",
    "principal": "alice",
    "modifiable_fields": ["label"],
}
ENTRY = {
    "owner": "structure",
    "request_id": "r",
    "actor": "alice",
    "type": "structure.modify.v1",
    "status": "applied",
    "code": "applied",
    "version": 4,
    "at": "2026-01-01T00:00:00.000Z",
}
ANSWER = {"siret": "41816609600069", "result": "ACTIVE", "as_of": "2026-01-01T00:00:00.000Z"}
OPTIONAL = {"pigp", "active", "members", "modifiable_fields"}


class Record:
    """A record as a consumer gives it."""

    topic, partition, offset, timestamp = "t", 0, 0, 0

    def __init__(self, value: Any, key: str | bytes | None = None, headers: Any = (("ce_type", b"x"),)) -> None:
        self.key = key.encode() if isinstance(key, str) else key
        self.value = value if isinstance(value, bytes | None) else orjson.dumps(value)
        self.headers = headers


@pytest.mark.parametrize(
    ("owner", "key", "data"),
    [("manager", "user:alice", USER), ("manager", "structure:42", TEAM), ("structure", "structure:42", STRUCTURE)],
)
def test_a_record_is_taken_as_it_came_with_what_a_newer_version_adds(owner: str, key: str, data: Any) -> None:
    newer = {**data, "later": {"x": 1}}
    state = records.state(owner, Record(newer, key))
    assert (state.key, state.kind, state.version) == (key, key.partition(":")[0], data["version"])
    assert state.data == newer


@pytest.mark.parametrize(
    ("owner", "key", "data"),
    [
        ("manager", "user:bob", USER),
        ("manager", "structure:43", TEAM),
        ("structure", "structure:", STRUCTURE),
        ("structure", "structure:042", STRUCTURE),
        ("manager", "structure:alice", USER),
    ],
)
def test_a_record_under_anothers_key_is_refused(owner: str, key: str, data: Any) -> None:
    with pytest.raises(Poison, match=r"another document's|wrong fields"):
        records.state(owner, Record(data, key))


def _spoilt(data: dict[str, Any], key: str) -> list[Rubbish]:
    return [r for r in spoilt(data, key) if r.name not in {f"no {name}" for name in OPTIONAL}]


@pytest.mark.parametrize("rubbish", [*ANYWHERE, *_spoilt(USER, "user:alice")], ids=lambda r: r.name)
def test_what_is_no_user_is_refused(rubbish: Rubbish) -> None:
    _refused(lambda record: records.state("manager", record), rubbish)


@pytest.mark.parametrize("rubbish", _spoilt(TEAM, "structure:42"), ids=lambda r: r.name)
def test_what_is_no_team_is_refused(rubbish: Rubbish) -> None:
    _refused(lambda record: records.state("manager", record), rubbish)


@pytest.mark.parametrize("rubbish", _spoilt(STRUCTURE, "structure:42"), ids=lambda r: r.name)
def test_what_is_no_structure_is_refused(rubbish: Rubbish) -> None:
    _refused(lambda record: records.state("structure", record), rubbish)


@pytest.mark.parametrize("rubbish", [r for r in _spoilt(ENTRY, "k") if r.name != "no version"], ids=lambda r: r.name)
def test_what_is_no_step_is_refused(rubbish: Rubbish) -> None:
    _refused(records.entry, rubbish)
    _refused(records.outcome, rubbish)


def test_an_outcome_needs_its_sentence() -> None:
    with pytest.raises(Poison, match="message"):
        records.outcome(Record(ENTRY))
    assert records.outcome(Record({**ENTRY, "message": "…"}))["message"] == "…"


@pytest.mark.parametrize("rubbish", [r for r in _spoilt(ANSWER, "x") if "version" not in r.name], ids=lambda r: r.name)
def test_what_is_no_answer_of_insee_is_refused(rubbish: Rubbish) -> None:
    assert records.answer("insee", Record(ANSWER, "x")) == ("x", ANSWER)
    _refused(lambda record: records.answer("insee", record), rubbish)


def _refused(read: Any, rubbish: Rubbish) -> None:
    with pytest.raises(Poison) as refused:
        read(Record(rubbish.value, rubbish.key, rubbish.headers))
    assert refused.value.code == rubbish.code
