"""« Modifier une structure », from HTTP through Kafka, MongoDB and the delay to a record that can be read."""

from tests.journeys.builders import add_member, new_structure
from tests.support.system import System, until


def test_a_modification_is_accepted_at_once_effective_after_the_delay_and_not_before(system: System) -> None:
    structure = new_structure(system)
    path = f"/structures/{structure['id']}"
    with system.as_("alice") as api:
        answer = api.patch(path, json={"email": "accueil@example.fr"})
        assert answer.status_code == 202, answer.text
        outcome = answer.json()
        assert (outcome["status"], outcome["code"]) == ("accepted", "accepted")
        assert outcome["message"].startswith("Votre demande est prise en compte")
        assert outcome["effective_at"] > outcome["accepted_at"]
        pending = api.get(path, params={"min_version": outcome["version"]}).json()
        assert "email" not in pending
        assert [p["request_id"] for p in pending["pending"]] == [outcome["request_id"]]
        changed = until(lambda: _with_email(api.get(path).json()), what="the change readable")
        assert changed["email"] == "accueil@example.fr"
        request = until(lambda: _applied(api.get(answer.headers["Location"].removeprefix("/api/v1")).json()))
        assert [s["status"] for s in request["steps"] if s["status"] != "received"] == ["accepted", "applied"]
        assert request["at"] >= outcome["effective_at"]
        assert (request["before"], request["after"]) == ({"email": None}, {"email": "accueil@example.fr"})


def _with_email(record: dict[str, object]) -> dict[str, object] | None:
    return record if "email" in record else None


def _applied(request: dict[str, object]) -> dict[str, object] | None:
    return request if request["status"] == "applied" else None


def test_each_access_level(system: System) -> None:
    structure = new_structure(system)
    path = f"/structures/{structure['id']}"
    add_member(system, structure["id"], "marc", "modification")
    add_member(system, structure["id"], "chloe", "consultation")
    with system.as_("sam") as stranger:
        assert stranger.get(path).status_code == 404
        refused = stranger.patch(path, json={"label": "x"})
        assert (refused.status_code, refused.json()["code"]) == (404, "structure_not_found")
    with system.as_("chloe") as reader:
        assert reader.get(path).json()["possible_requests"] == []
        refused = reader.patch(path, json={"label": "x"})
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
        assert refused.headers["content-type"] == "application/problem+json"
    with system.as_("marc") as member:
        assert "modify" in member.get(path).json()["possible_requests"]
        assert member.patch(path, json={"label": "x"}).status_code == 202


def test_a_refusal_names_the_fields_in_french(system: System) -> None:
    structure = new_structure(system)
    with system.as_("alice") as api:
        refused = api.patch(f"/structures/{structure['id']}", json={"parameters": {"moa": True}, "labell": "x"})
        assert refused.status_code == 422
        assert {e["field"]: e["code"] for e in refused.json()["errors"]} == {"labell": "field_unknown"}
        refused = api.patch(f"/structures/{structure['id']}", json={"parameters": {"moa": True}})
        assert refused.json()["errors"][0]["message"].startswith("Les paramètres ne concernent que")


def test_the_same_request_twice_has_one_effect_and_the_same_answer(system: System) -> None:
    structure = new_structure(system)
    path, key = f"/structures/{structure['id']}", {"Idempotency-Key": f"twice-{structure['id']}"}
    with system.as_("alice") as api:
        first = api.patch(path, json={"label": "un"}, headers=key).json()
        again = api.patch(path, json={"label": "un"}, headers=key).json()
        assert again["repeated"] is True
        assert (first["version"], first["effective_at"]) == (again["version"], again["effective_at"])
        reused = api.patch(path, json={"label": "deux"}, headers=key)
        assert (reused.status_code, reused.json()["code"]) == (409, "request_id_reused")


def test_a_cancelled_request_never_applies(system: System) -> None:
    structure = new_structure(system)
    path = f"/structures/{structure['id']}"
    with system.as_("alice") as api:
        outcome = api.patch(path, json={"label": "jamais"}).json()
        last = api.patch(path, json={"phone": "0102030405"}).json()
        cancelled = api.post(f"/requests/{outcome['request_id']}/cancel")
        assert (cancelled.status_code, cancelled.json()["code"]) == (202, "cancellation_done")
        until(lambda: api.get(f"/requests/{last['request_id']}").json()["status"] == "applied")
        assert "label" not in api.get(path).json()
        assert api.get(f"/requests/{outcome['request_id']}").json()["status"] == "cancelled"


def test_a_creation_from_insee_takes_name_address_and_sphere_and_activates(system: System) -> None:
    with system.as_("admin") as admin, system.as_("alice") as api:
        until(lambda: "version" in api.get("/me").json())
        admin.put("/users/alice/pigp", json={"pigp": True})
        assert api.get("/insee/00010001600013").json()["name"] == "COMMUNE DE VALBRUME-LES-BOIS"
        created = api.post(
            "/structures", json={"identifier": {"type": "SIRET", "value": "00010001600013"}, "activate": True}
        )
        assert created.status_code == 202, created.text
        path = f"/structures/{created.json()['reference']['structure']['id']}"
        record = until(lambda: _active(api.get(path).json()), what="active")
        assert (record["name"], record["sphere"]) == ("COMMUNE DE VALBRUME-LES-BOIS", "public_non_state")
        assert created.json()["follow_up"]
        closed = api.post("/structures", json={"identifier": {"type": "SIRET", "value": "00015001100013"}})
        assert closed.json()["code"] == "siret_closed"
        found = api.get("/structures", params={"q": "valbrûme bois"}).json()
        assert [s["id"] for s in found["items"]] == [record["id"]]


def _active(record: dict[str, object]) -> dict[str, object] | None:
    return record if record.get("status") == "active" else None
