"""Rubbish on every topic that a process reads, written by whoever may write anywhere: each reader dead-letters it with
its reason, or answers it; nobody is stopped, and what was half right spoils nothing.
"""

import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from shared.clock import duration
from shared.contracts import topics
from tests.journeys.builders import add_member, new_structure
from tests.support.kafka import Partner, Reader, Seen
from tests.support.rubbish import ANYWHERE, Rubbish, spoilt
from tests.support.system import System, behind, until

NOBODY = 9_000_000
SINCE = "2026-01-01T00:00:00.000Z"
STATES: Mapping[str, tuple[str, dict[str, Any], set[str]]] = {
    "structure.state": (
        f"structure:{NOBODY}",
        {
            "id": NOBODY,
            "version": 1,
            "identifier": {"type": "AUTRE", "value": "X"},
            "sphere": "private",
            "status": "active",
            "created_at": SINCE,
            "creator": "u",
            "principal": "u",
        },
        set(),
    ),
    "manager.state": (
        "user:u",
        {"id": "u", "version": 1, "kind": "person", "pigp": True, "active": True},
        {"pigp", "active"},
    ),
}
"""A record that is right, its key, and its optional fields."""


def _read(delay: str) -> list[tuple[topics.Topic, str]]:
    """Return each topic with each process that reads it and keeps dead letters of it."""
    read = [(t, p) for t in topics.table(duration(delay)) for p in t.readers if p in topics.PROCESSES]
    # The gateway follows outcomes for whoever waits: it keeps nothing of them, and nothing of what it can't read.
    return [(t, p) for t, p in read if not (p == "gateway" and t.name.endswith(topics.OUTCOMES))]


READ = _read("2s")


@pytest.fixture(scope="module")
def admin(system: System) -> Partner:
    name, password = system.brokers.kafka_admin
    return Partner({**system.partner(), "sasl.username": name, "sasl.password": password})


@pytest.fixture(scope="module")
def dead(system: System) -> Iterator[Reader]:
    settings = {**system.partner(), "sasl.username": "ops", "sasl.password": system.brokers.password("kafka/ops")}
    reader = Reader(settings, *(topics.dead_letters(process) for process in topics.PROCESSES))
    yield reader
    reader.close()


def _rubbish(topic: topics.Topic) -> list[Rubbish]:
    found = [*ANYWHERE]
    if topic.config["cleanup.policy"] == "compact":
        found = [r for r in found if r.key is not None]  # The broker itself refuses these.
    if topic.name in STATES:
        key, good, optional = STATES[topic.name]
        found += [r for r in spoilt(good, key) if r.name not in {f"no {name}" for name in optional}]
    return found


def _code(topic: str, rubbish: Rubbish) -> str | None:
    """Return the code with which a topic's reader dead-letters a record; None when it answers instead."""
    name = topic.rpartition(".")[2]
    if name == topics.RETRIES:
        return "message_invalid"  # None of it says where it first came, as what an owner puts aside does.
    if topic.startswith("delay."):
        return "due_at_invalid"
    if rubbish.code != "message_invalid":
        return rubbish.code
    if topic == "insee.requests":
        return "unsupported_type"
    if name == topics.REQUESTS:
        return None  # It has no token: that is answered, and nothing is kept, or anybody could fill the topic.
    if name in {topics.DUE, topics.JOURNAL} and "key" in rubbish.name:
        return "message_invalid"
    return rubbish.code


@pytest.mark.parametrize(("topic", "process"), READ, ids=lambda v: v if isinstance(v, str) else v.name)
def test_a_reader_dead_letters_what_it_can_not_read(
    admin: Partner, dead: Reader, topic: topics.Topic, process: str
) -> None:
    mark = uuid.uuid4().hex
    sent = _rubbish(topic)
    for place, rubbish in enumerate(sent):
        headers = {**dict(rubbish.headers), "test": f"{mark}/{place}".encode(), "x": b"\xff\xfe"}
        admin.send(topic.name, rubbish.value, headers, rubbish.key)
    for place, rubbish in enumerate(sent):
        code = _code(topic.name, rubbish)
        if code is None:
            continue
        dead_letter = dead.until(_of(f"{mark}/{place}", topics.dead_letters(process)))
        assert dead_letter["headers"]["dlq_code"] == code, rubbish.name
        assert dead_letter["headers"]["dlq_topic"] == topic.name
        assert dead_letter["headers"]["dlq_reason"]
        assert (dead_letter["value"] or b"") == (rubbish.value or b"")


def _of(mark: str, topic: str) -> Any:
    def wanted(seen: Seen) -> bool:
        return bool(seen["topic"] == topic and seen["headers"].get("test") == mark)

    return wanted


def test_rubbish_about_a_structure_that_exists_spoils_nothing_of_it(system: System, admin: Partner) -> None:
    """Were a wrong version kept by the gateway or by an owner's copy, no later record would be."""
    structure = new_structure(system)
    key = f"structure:{structure['id']}"
    team = {"structure_id": structure["id"], "version": 1, "sphere": "private", "principal": "alice", "members": {}}
    with system.as_("alice") as api:
        record = {**structure, "creator": "alice", "principal": "alice"}
        for topic, good in (("structure.state", record), ("manager.state", team)):
            for rubbish in spoilt(good, key):
                if "version" in rubbish.name:
                    admin.send(topic, rubbish.value, dict(rubbish.headers), rubbish.key)
        add_member(system, structure["id"], "marc", "modification")
        with system.as_("marc") as member:
            outcome = member.patch(f"/structures/{structure['id']}", json={"label": "après"}).json()
            assert outcome["status"] == "accepted"
        until(lambda: api.get(f"/structures/{structure['id']}").json().get("label") == "après", what="the change")


def test_rubbish_among_the_answers_leaves_who_waits_alone(system: System, admin: Partner) -> None:
    structure = new_structure(system)
    for topic in ("structure.outcomes", "manager.outcomes", "insee.outcomes"):
        for rubbish in ANYWHERE:
            admin.send(topic, rubbish.value, dict(rubbish.headers), rubbish.key)
    with system.as_("alice") as api:
        outcome = api.post(f"/structures/{structure['id']}/activate").json()
        assert outcome["status"] == "accepted"
        assert api.get("/insee/00010001600013").status_code == 200
        until(lambda: api.get(f"/structures/{structure['id']}").json()["status"] == "active", what="active")


def test_nothing_waits_behind_it(system: System) -> None:
    """Every process has read all of its topics to their ends: none is stuck on a record."""
    until(lambda: not behind(system), what="every group at the end of its topics")
