"""Everything that changed is in a history: what, before, after, who, when accepted, when effective (R20)."""

from typing import Any

import httpx2

from tests.journeys.builders import add_member, new_structure
from tests.support.system import System, until


def _changes(api: httpx2.Client, path: str, count: int) -> Any:
    """Return what changed on the structure itself, the newest first; its team has a history there too."""
    found = [c for c in api.get(f"{path}/history").json()["items"] if c["owner"] == "structure"]
    return found if len(found) == count else None


def test_who_changed_what_and_when(system: System) -> None:
    structure = new_structure(system)
    path = f"/structures/{structure['id']}"
    add_member(system, structure["id"], "marc", "modification")
    with system.as_("alice") as alice, system.as_("marc") as marc:
        first = alice.patch(path, json={"label": "un", "phone": "0102030405"}).json()
        second = marc.patch(path, json={"label": "deux"}).json()
        refused = marc.patch(path, json={"name": None}).json()
        until(lambda: alice.get(path).json().get("label") == "deux", what="the last change")
        newest, older, created = until(lambda: _changes(alice, path, 3), what="the history")
        assert (newest["actor"], newest["before"], newest["after"]) == ("marc", {"label": "un"}, {"label": "deux"})
        assert (older["actor"], older["before"]) == ("alice", {"label": None, "phone": None})
        assert older["after"] == {"label": "un", "phone": "0102030405"}
        assert (created["type"], created["actor"], created["after"]["name"]) == (
            "structure.create.v1",
            "alice",
            structure["name"],
        )
        for outcome, entry in ((first, older), (second, newest)):
            assert entry["request_id"] == outcome["request_id"]
            assert entry["accepted_at"] == outcome["accepted_at"]
            assert entry["effective_at"] == outcome["effective_at"] <= entry["at"]
        for moment, label in (
            (created["effective_at"], None),
            (first["effective_at"], "un"),
            (second["effective_at"], "deux"),
        ):
            former = alice.get(path, params={"at": moment}).json()
            assert (former.get("label"), former["created_at"]) == (label, structure["created_at"])
        requests = alice.get(f"{path}/requests").json()["items"]
        assert {r["request_id"]: r["status"] for r in requests}[refused["request_id"]] == "rejected"
        with system.as_("sam") as sam:
            assert sam.get(f"{path}/history").status_code == 404
