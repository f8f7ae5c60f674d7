"""A partner reads what became of its own requests, at every step and from every owner; of others' it reads nothing."""

import signal
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.integration.ops.conftest import Ops
from tests.journeys.builders import add_member, new_structure
from tests.support.kafka import Partner, Reader, of
from tests.support.system import KAFKA_AUDIENCE as THERE
from tests.support.system import System, until

STRUCTURE, MANAGER = "structure.requests", "manager.requests"
MODIFY = "structure.modify.v1"


class Other:
    """A second partner, and all that it receives."""

    client = "comptable"

    def __init__(self, settings: dict[str, Any]) -> None:
        self.client_ = Partner(settings)
        self.reader = Reader(settings, f"outcomes.{self.client}")


@pytest.fixture(scope="module")
def ops(system: System) -> Ops:
    return Ops(system)


@pytest.fixture(scope="module")
def other(system: System, ops: Ops) -> Iterator[Other]:
    """Another system, added while everything runs."""
    password = ops.run("partners", "add", "other", "--client", Other.client, who="admin").stdout.strip()
    added = Other({**system.partner(), "sasl.username": "other", "sasl.password": password})
    yield added
    added.reader.close()
    ops.run("partners", "remove", "other", "--yes", who="admin")


def steps(reader: Reader, request_id: str) -> list[str]:
    """Return the published steps; one may be published twice, with the same version."""
    received = [(seen["version"], str(seen["status"])) for seen in reader.seen if seen.get("request_id") == request_id]
    return [status for _, status in dict.fromkeys(received)]


def test_each_receives_its_own_over_all_owners_and_at_every_step(
    system: System, partner: Partner, outcomes: Reader, other: Other
) -> None:
    structure = new_structure(system)
    about = {"structure": {"id": structure["id"]}}
    with system.as_("sam") as api:
        until(lambda: "version" in api.get("/me").json(), what="sam known")
    mine, theirs = (system.token("alice", THERE, through=client) for client in ("facturier", Other.client))
    submitted = {
        "applied": partner.submit(STRUCTURE, MODIFY, {**about, "phone": "0102030405"}, mine),
        "manager": partner.submit(
            MANAGER,
            "membership.set.v1",
            {"structure_id": structure["id"], "user": "sam", "profile": "consultation"},
            mine,
        ),
        "rejected": partner.submit(STRUCTURE, MODIFY, {"structure": {"id": 2**40}, "phone": "0102030405"}, mine),
        "waiting": partner.submit(
            STRUCTURE, "structure.create.v1", {"identifier": {"type": "SIRET", "value": "00020002600012"}}, mine
        ),
        "invalid": partner.submit(STRUCTURE, MODIFY, {"structure": 1}, mine),
    }
    outcomes.until(of(submitted["applied"], "applied"))
    outcomes.until(of(submitted["manager"], "applied"))
    outcomes.until(of(submitted["rejected"], "rejected"))
    outcomes.until(lambda s: s.get("request_id") == submitted["waiting"] and s["status"] in {"applied", "rejected"})
    outcomes.until(of(submitted["invalid"], "rejected"))

    taken_back = partner.submit(STRUCTURE, MODIFY, {**about, "label": "repris"}, mine)
    outcomes.until(of(taken_back, "accepted"))
    with system.as_("alice") as api:  # Alice herself, on the portal.
        assert api.post(f"/requests/{taken_back}/cancel").status_code == 202
    outcomes.until(of(taken_back, "cancelled"))

    again = other.client_.submit(STRUCTURE, MODIFY, {**about, "label": "autre"}, theirs)
    other.reader.until(of(again, "applied"))

    assert steps(outcomes, submitted["applied"]) == ["accepted", "applied"]
    assert steps(outcomes, submitted["waiting"])[0] == "waiting"
    assert steps(outcomes, taken_back) == ["accepted", "cancelled"]
    assert steps(other.reader, again) == ["accepted", "applied"]
    ours = {*submitted.values(), taken_back}
    assert {seen["request_id"] for seen in other.reader.seen} == {again}
    assert ours <= {seen["request_id"] for seen in outcomes.seen}
    assert again not in {seen["request_id"] for seen in outcomes.seen}
    assert {seen["headers"]["ce_type"] for seen in outcomes.seen} == {"structure.outcome.v1", "manager.outcome.v1"}


def test_what_is_submitted_over_http_is_answered_there(system: System, outcomes: Reader, partner: Partner) -> None:
    """With the partner's own token, for its technical account."""
    structure = new_structure(system)
    add_member(system, structure["id"], "facturier", "modification")
    with system.as_("facturier") as api:
        outcome = api.patch(f"/structures/{structure['id']}", json={"label": "par HTTP"}).json()
    assert outcome["status"] == "accepted"
    about = {"structure": {"id": structure["id"]}}
    token = system.token("facturier", THERE)
    after = partner.submit(STRUCTURE, MODIFY, {**about, "label": "par Kafka"}, token, key=str(structure["id"]).encode())
    outcomes.until(of(after, "applied"))
    assert outcome["request_id"] not in {seen["request_id"] for seen in outcomes.seen}


def test_a_change_that_is_due_after_its_partner_was_removed_is_applied_and_holds_up_nobody(
    system: System, partner: Partner, outcomes: Reader, ops: Ops
) -> None:
    structure = new_structure(system)
    about = {"structure": {"id": structure["id"]}}
    ops.run("partners", "add", "brief", "--client", "portal", who="admin")
    rid = partner.submit(STRUCTURE, MODIFY, {**about, "label": "après"}, system.token("alice", THERE, through="portal"))
    with system.as_("alice") as api:
        until(lambda: api.get(f"/structures/{structure['id']}").json()["pending"], what="accepted")
    owner = system.supervisor["structure_svc"]
    owner.send(signal.SIGSTOP)
    try:
        ops.run("partners", "remove", "brief", "--yes", who="admin")
    finally:
        owner.send(signal.SIGCONT)
    mine = partner.submit(STRUCTURE, MODIFY, {**about, "phone": "0102030405"}, system.token("alice", THERE))
    outcomes.until(of(mine, "applied"), 60)
    with system.as_("alice") as api:
        until(lambda: api.get(f"/requests/{rid}").json()["status"] == "applied", what="applied")
        until(lambda: api.get(f"/structures/{structure['id']}").json().get("label") == "après", what="shown")
    metrics = httpx2.get(f"http://127.0.0.1:{system.settings.structure_svc_port}/metrics", timeout=30).text
    assert 'structures_outcomes_unsent_total{why="topic_gone"}' in metrics
