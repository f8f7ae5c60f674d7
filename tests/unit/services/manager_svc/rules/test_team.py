"""Members of a team: rules R2, R16, R18, R19."""

import pytest

from services.manager_svc.state import MOST_MEMBERS
from shared.contracts.messages.common import Request
from shared.contracts.messages.manager import FollowSphere, OpenTeam, RemoveMember, SetMember
from shared.domain.actor import Actor
from shared.engine.core.decide import Wait
from tests.unit.services.manager_svc.builders import ALICE, MARC, NOW, decided, team


def place(user: str, profile: str = "consultation") -> SetMember:
    return SetMember.model_validate({"structure_id": 42, "user": user, "profile": profile})


def remove(user: str) -> RemoveMember:
    return RemoveMember.model_validate({"structure_id": 42, "user": user})


def test_the_principal_adds_a_member_at_once() -> None:
    transition, after = decided(team(), place("chloe", "modification"), ALICE)
    assert (transition.status, transition.effective_at) == ("applied", NOW)
    member = after.member("chloe")
    assert (member.profile, member.state, member.since) == ("modification", "valid", NOW)


@pytest.mark.parametrize(
    "request_", [place("chloe"), place("marc", "consultation"), remove("marc")], ids=["add", "change", "remove"]
)
def test_memberships_are_the_principals_alone_r2(request_: Request) -> None:
    before = team(marc="modification")
    transition, after = decided(before, request_, MARC)
    assert (transition.status, transition.code, after) == ("rejected", "principal_only", before)


@pytest.mark.parametrize("request_", [place("chloe"), remove("marc")], ids=lambda r: r.type)
def test_a_closed_account_asks_nothing(request_: Request) -> None:
    found, _ = decided(team(marc="consultation"), request_, ALICE, **{"manager:user:alice": {"active": False}})
    assert isinstance(found, Wait)  # For a copy that may lag: then it is refused.
    assert (found.waits_for, found.code) == ("manager:user:alice", "waiting_copy")


def test_the_principal_is_no_member_besides() -> None:
    transition, _ = decided(team(marc="consultation"), place("alice"), ALICE)
    assert (transition.code, transition.fields) == ("already_member", {"user": "already_member"})


def test_a_former_member_is_added_again() -> None:
    _, after = decided(team(chloe="ended"), place("chloe"), ALICE)
    assert [(m.user, m.state, m.since) for m in after.members] == [("chloe", "valid", NOW)]


def test_a_user_nobody_knows_waits_for_their_copy() -> None:
    found, _ = decided(team(), place("nobody"), ALICE)
    assert isinstance(found, Wait)
    assert found.waits_for == "manager:user:nobody"


@pytest.mark.parametrize(
    ("sphere", "user", "profile", "may"),
    [
        ("public_non_state", "chloe", "modification", False),
        ("public_non_state", "paul", "modification", True),
        ("public_non_state", "robot", "modification", True),
        ("public_non_state", "chloe", "consultation", True),
        ("state", "chloe", "modification", True),
        ("private", "chloe", "modification", True),
    ],
)
def test_who_needs_a_pigp_account_to_modify_r19(sphere: str, user: str, profile: str, may: bool) -> None:
    found, _ = decided(team(sphere), place(user, profile), ALICE)
    assert isinstance(found, Wait) is not may
    other = "consultation" if profile == "modification" else "modification"
    found, _ = decided(team(sphere, **{user: other}), place(user, profile), ALICE)
    assert isinstance(found, Wait) is not may


def test_a_profile_changes_and_the_same_one_changes_nothing() -> None:
    transition, after = decided(
        team(marc="consultation"),
        place("marc", "modification"),
        ALICE,
        **{"manager:user:marc": {"kind": "person", "active": True}},
    )
    assert (transition.status, after.member("marc").profile, after.member("marc").since) == (
        "applied",
        "modification",
        5,
    )
    transition, _ = decided(team(marc="consultation"), place("marc", "consultation"), ALICE)
    assert (transition.status, transition.code) == ("applied", "nothing_to_change")


@pytest.mark.parametrize("user", ["nobody", "gone"])
def test_who_is_no_member_is_not_removed(user: str) -> None:
    transition, _ = decided(team(gone="ended"), remove(user), ALICE)
    assert (transition.code, transition.fields) == ("not_member", {"user": "not_member"})


def test_a_removed_member_stays_in_the_history() -> None:
    transition, after = decided(team(marc="modification"), remove("marc"), ALICE)
    assert (transition.status, after.member("marc")) == ("applied", None)
    assert [member["user"] for member in transition.before["members"]] == ["marc"]


def test_a_team_does_not_grow_by_those_who_have_left_it() -> None:
    _, after = decided(team(gone="ended", chloe="consultation"), remove("chloe"), ALICE)
    assert after.members == ()


def test_a_team_has_at_most_so_many_members() -> None:
    full = team(**{f"user{n}": "consultation" for n in range(MOST_MEMBERS)}, gone="ended")
    transition, _ = decided(full, place("chloe"), ALICE)
    assert (transition.code, transition.details) == ("too_many_members", {"max": MOST_MEMBERS})


def test_the_principal_can_not_be_removed_before_a_transfer_r18() -> None:
    transition, after = decided(team(), remove("alice"), ALICE)
    assert (transition.code, after.principal) == ("principal_must_transfer", "alice")


def test_a_team_opens_once_with_its_principal_and_follows_the_sphere_r16() -> None:
    system = Actor("structure_svc", kind="technical")
    opening = OpenTeam(structure_id=42, sphere="private", principal="alice")
    _, opened = decided(None, opening, system)
    assert (opened.principal, opened.sphere, opened.members) == ("alice", "private", ())
    transition, same = decided(opened, OpenTeam(structure_id=42, sphere="state", principal="marc"), system)
    assert (transition.code, same.principal) == ("nothing_to_change", "alice")
    _, moved = decided(opened, FollowSphere(structure_id=42, sphere="state"), system)
    assert (moved.sphere, moved.principal) == ("state", "alice")
