"""A team as its readers see it: by name, and those who have left are history."""

from gateway.projections import manager as projections
from gateway.visibility import manager
from shared.domain.actor import Actor
from tests.unit.gateway.builders import SINCE, team_record, user_record
from tests.unit.gateway.mongo import made

USERS = {
    "alice": user_record(first_name="Alice", last_name="Martin", email="alice@example.fr"),
    "marc": user_record(id="marc", kind="technical"),
}


def test_a_team_is_shown_by_name_and_never_by_address() -> None:
    assert manager.team(made(projections.team(team_record())), USERS, Actor("cleo")) == {
        "structure_id": 42,
        "version": 2,
        "principal": {"user": "alice", "kind": "person", "first_name": "Alice", "last_name": "Martin"},
        "members": [
            {"user": "marc", "profile": "modification", "state": "valid", "since": SINCE, "kind": "technical"},
            {"user": "cleo", "profile": "consultation", "state": "valid", "since": SINCE},
        ],
        "possible_requests": [],
    }


def test_who_is_not_known_yet_is_shown_by_their_id() -> None:
    shown = manager.team(made(projections.team(team_record(members={}))), {}, Actor("cleo"))
    assert (shown["principal"], shown["members"]) == ({"user": "alice"}, [])
