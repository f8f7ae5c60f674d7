"""« Activer », « désactiver », « annuler »: each looks at the structure as it will be (R5 to R7, R23)."""

from typing import Any

import httpx2

from tests.journeys.builders import add_member, new_structure
from tests.support.system import System, until


def _submit(api: httpx2.Client, path: str) -> dict[str, Any]:
    answer: dict[str, Any] = api.post(path).json()
    return answer


def _listed(api: httpx2.Client, possible: str, id_: int) -> bool:
    found = api.get("/me/structures", params={"possible": possible, "size": 100, "sort": "-id"}).json()["items"]
    return any(structure["id"] == id_ for structure in found)


def test_each_request_looks_at_the_structure_as_it_will_be(system: System) -> None:
    structure = new_structure(system)
    path = f"/structures/{structure['id']}"
    with system.as_("alice") as api:
        assert _submit(api, f"{path}/deactivate")["code"] == "already_inactive"
        first = _submit(api, f"{path}/activate")
        assert first["status"] == "accepted"
        assert _submit(api, f"{path}/activate")["code"] == "already_pending"
        until(lambda: _listed(api, "deactivate", structure["id"]), what="« désactiver » offered")
        assert not _listed(api, "activate", structure["id"])
        opposite = _submit(api, f"{path}/deactivate")
        assert opposite["status"] == "accepted"
        assert opposite["effective_at"] >= first["effective_at"]
        assert _submit(api, f"{path}/deactivate")["code"] == "already_pending"
        label = api.patch(path, json={"label": "inactive et modifiable"}).json()
        assert label["status"] == "accepted"
        ended = until(lambda: _ended(api, path), what="all three effective")
        assert (ended["status"], ended["label"]) == ("inactive", "inactive et modifiable")
        assert ended["first_activated_at"] >= first["effective_at"]
        changed = until(lambda: _changes(api, path, 3), what="the history")
        assert changed == [label["request_id"], opposite["request_id"], first["request_id"]]
        assert _listed(api, "activate", structure["id"])


def _changes(api: httpx2.Client, path: str, count: int) -> list[str] | None:
    """Return the ids of what was changed since the creation, the newest first, once there are so many."""
    history = api.get(f"{path}/history").json()["items"]
    ids = [c["request_id"] for c in history if c["owner"] == "structure" and c["type"] != "structure.create.v1"]
    return ids if len(ids) == count else None


def _ended(api: httpx2.Client, path: str) -> Any:
    record = api.get(path).json()
    return record if not record["pending"] and record.get("label") else None


def test_what_changes_nothing_ends_at_once(system: System) -> None:
    structure = new_structure(system)
    with system.as_("alice") as api:
        outcome = api.patch(f"/structures/{structure['id']}", json={"name": structure["name"], "label": None}).json()
        assert (outcome["status"], outcome["code"]) == ("applied", "nothing_to_change")
        assert "effective_at" not in outcome


def test_a_request_is_cancelled_by_whoever_could_have_made_it_until_it_takes_effect(system: System) -> None:
    structure = new_structure(system)
    path = f"/structures/{structure['id']}"
    add_member(system, structure["id"], "marc", "modification")
    add_member(system, structure["id"], "chloe", "consultation")
    with system.as_("alice") as alice, system.as_("marc") as marc, system.as_("chloe") as chloe:
        request_id = _submit(alice, f"{path}/activate")["request_id"]
        kept = alice.patch(path, json={"phone": "0102030405"}).json()["request_id"]
        cancel: dict[str, Any] = {"url": f"/requests/{request_id}/cancel", "params": {"actor": "alice"}}
        assert marc.post(**cancel).json()["code"] == "cancellation_done"
        assert chloe.post(**cancel).json()["code"] == "forbidden"
        with system.as_("sam") as sam:
            assert sam.post(**cancel).status_code == 404
        assert alice.post(f"/requests/{request_id}/cancel").json()["code"] == "already_cancelled"
        until(lambda: alice.get(f"/requests/{kept}").json()["status"] == "applied", what="the other one applied")
        assert alice.post(f"/requests/{kept}/cancel").json()["code"] == "too_late"
        record = until(lambda: (r := alice.get(path).json()).get("phone") and r, what="phone readable")
        assert record["status"] == "inactive"
        steps = alice.get(f"/requests/{request_id}").json()["steps"]
        assert [step["status"] for step in steps if step["status"] != "received"] == ["accepted", "cancelled"]
