"""Members: what a new one may then do, a changed one, and one who is no more (R1, R2, R18, R19)."""

from typing import Any

import httpx2

from dev.insee.units import made_up_siret
from tests.journeys.builders import add_member, new_structure
from tests.support.system import System, until


def _may(api: httpx2.Client, path: str) -> str:
    """Return what becomes of a request of theirs: its code, the effects left aside."""
    return str(api.patch(path, json={"label": "x"}).json()["code"])


def test_what_a_member_may_do_follows_their_profile_at_once(system: System) -> None:
    structure = new_structure(system)
    path, marc = f"/structures/{structure['id']}", f"/structures/{structure['id']}/members/marc"
    with system.as_("alice") as alice, system.as_("marc") as member:
        assert member.get(path).status_code == 404
        assert _may(member, path) == "structure_not_found"
        add_member(system, structure["id"], "marc", "consultation")
        until(lambda: member.get(path).status_code == 200, what="readable to a member")
        assert (_may(member, path), member.get(path).json()["possible_requests"]) == ("forbidden", [])
        assert member.put(marc, json={"profile": "modification"}).json()["code"] == "principal_only"
        changed = alice.put(marc, json={"profile": "modification"}).json()
        assert (changed["type"], changed["status"]) == ("membership.set.v1", "applied")
        until(lambda: _may(member, path) == "accepted", what="their permission to modify")
        assert alice.delete(marc).json()["status"] == "applied"
        until(lambda: _may(member, path) == "structure_not_found", what="their permission withdrawn")
        until(lambda: member.get(path).status_code == 404, what="hidden again")
        assert alice.delete(marc).json()["code"] == "not_member"
        assert alice.put(marc, json={"profile": "consultation"}).json()["type"] == "membership.set.v1"


def test_what_a_team_refuses(system: System) -> None:
    structure = new_structure(system)
    members = f"/structures/{structure['id']}/members"
    profile = {"profile": "consultation"}
    with system.as_("alice") as alice, system.as_("sam") as sam:
        assert alice.put(f"{members}/nobody", json=profile).json()["code"] == "user_not_found"
        assert alice.put(f"{members}/alice", json=profile).json()["code"] == "already_member"
        assert alice.delete(f"{members}/alice").json()["code"] == "principal_must_transfer"
        assert sam.put(f"{members}/sam", json=profile).json()["code"] == "structure_not_found"
        assert alice.put("/structures/8999999/members/sam", json=profile).json()["code"] == "structure_not_found"


def test_to_modify_a_public_structure_outside_the_state_a_person_needs_a_pigp_account(system: System) -> None:
    with system.as_("alice") as alice, system.as_("admin") as admin, system.as_("chloe") as chloe:
        until(lambda: "version" in alice.get("/me").json())
        until(lambda: "version" in chloe.get("/me").json())
        admin.put("/users/alice/pigp", json={"pigp": True})
        body = {"identifier": {"type": "SIRET", "value": made_up_siret(10_003)}}
        structure = alice.post("/structures", json=body).json()["reference"]["structure"]["id"]
        until(lambda: alice.get(f"/structures/{structure}/members").status_code == 200, what="its team")
        chloes = f"/structures/{structure}/members/chloe"

        def put(profile: str) -> Any:
            return alice.put(chloes, json={"profile": profile}).json()["code"]

        assert put("modification") == "pigp_required"
        assert put("consultation") == "applied"
        until(lambda: chloe.get(f"/structures/{structure}").json()["role"] == "consultation", what="member")
        assert put("modification") == "pigp_required"
        admin.put("/users/chloe/pigp", json={"pigp": True})
        assert put("modification") == "applied"
        assert admin.put("/users/chloe/pigp", json={"pigp": False}).json()["status"] == "applied"


def test_only_an_administrator_says_who_has_an_account(system: System) -> None:
    with system.as_("sam") as sam, system.as_("admin") as admin:
        until(lambda: "version" in sam.get("/me").json(), what="sam known")
        assert sam.put("/users/sam/pigp", json={"pigp": True}).json()["code"] == "administrator_only"
        assert admin.put("/users/sam/active", json={"active": False}).json()["status"] == "applied"
        until(lambda: sam.get("/me").status_code == 403, what="turned away")
        assert admin.put("/users/sam/active", json={"active": True}).json()["status"] == "applied"
        until(lambda: sam.get("/me").status_code == 200, what="let in again")
