"""« Mettre à jour depuis l'INSEE »: what differs, a new SIRET, an INSEE that does not answer (R8, R10, R22, R23)."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from dev.insee.units import made_up_siret
from tests.support.kafka import Partner, Reader, of
from tests.support.system import KAFKA_AUDIENCE, System, until

UPDATE = "structure.update-from-insee.v1"
OLD_PLACE = {"number": "1", "kind": "RUE", "street": "HAUTE", "postcode": "69003", "city": "LYON", "commune": "69383"}
NEW_PLACE = {"number": "2", "kind": "QUAI", "street": "BAS", "postcode": "06000", "city": "NICE", "commune": "06088"}


@pytest.fixture(scope="module")
def simulator(system: System) -> Iterator[httpx2.Client]:
    """What INSEE says from now on; it works again afterwards."""
    with httpx2.Client(base_url=f"http://127.0.0.1:{system.settings.insee_port}/_simulator") as client:
        yield client
        client.delete("/fault")


@pytest.fixture
def alice(system: System) -> Iterator[httpx2.Client]:
    with system.as_("alice") as client:
        yield client


def says(simulator: httpx2.Client, siret: str, **unit: Any) -> None:
    """Let INSEE say this of an establishment."""
    simulator.put(f"/units/{siret}", json=unit).raise_for_status()


def closes(simulator: httpx2.Client, siret: str, *successors: str) -> None:
    """Let INSEE say that an establishment is closed, and which ones carry on."""
    says(simulator, siret, state="F", closed_on="2026-03-31")
    links = [{"successor": successor, "day": "2026-03-31"} for successor in successors]
    simulator.put(f"/successions/{siret}", json=links).raise_for_status()


def created(api: httpx2.Client, simulator: httpx2.Client, number: int) -> tuple[str, str]:
    """Return the SIRET and the path of a new structure of an open company."""
    siret = made_up_siret(number)
    says(simulator, siret, name=f"COMPAGNIE {number}", category="5710", place=OLD_PLACE)
    answer = api.post("/structures", json={"identifier": {"type": "SIRET", "value": siret}})
    assert answer.json().get("code") == "created", answer.text
    path = str(answer.json()["links"]["structure"]).removeprefix("/api/v1")
    until(lambda: api.get(path).status_code == 200 and api.get(f"{path}/members").status_code == 200, what=path)
    return siret, path


def found_by(api: httpx2.Client, siret: str) -> list[int]:
    """Return the ids of the structures that a search for a SIRET finds."""
    return [each["id"] for each in api.get("/structures", params={"q": siret}).json()["items"]]


def test_what_is_unchanged_ends_at_once_and_what_differs_is_shown_and_taken_over(
    system: System, alice: httpx2.Client, simulator: httpx2.Client
) -> None:
    siret, path = created(alice, simulator, 32_001)
    offered = alice.get("/me/structures", params={"possible": "update-from-insee", "size": 100, "sort": "-id"}).json()
    assert siret in [each["identifier"]["value"] for each in offered["items"]]

    unchanged = alice.post(f"{path}/update-from-insee").json()
    assert (unchanged["status"], unchanged["code"]) == ("applied", "already_up_to_date")
    assert "effective_at" not in unchanged

    says(simulator, siret, name="COMPAGNIE RENOMMEE", category="7210", place=NEW_PLACE)
    request = alice.post(f"{path}/update-from-insee").json()
    assert (request["status"], request["code"]) == ("accepted", "accepted")
    shown = until(lambda: (r := alice.get(f"/requests/{request['request_id']}").json()).get("after") and r)
    assert shown["before"]["name"] == "COMPAGNIE 32001"
    assert (shown["after"]["name"], shown["after"]["address"]["city"]) == ("COMPAGNIE RENOMMEE", "NICE")
    assert alice.post(f"{path}/update-from-insee").json()["code"] == "already_pending"
    assert alice.get(path).json()["name"] == "COMPAGNIE 32001", "nothing takes effect early"

    record = until(lambda: (r := alice.get(path).json())["name"] == "COMPAGNIE RENOMMEE" and r, what="taken over")
    assert record["address"] == {"line1": "2 QUAI BAS", "postcode": "06000", "city": "NICE", "country": "FR"}
    assert (record["identifier"]["value"], record.get("former_identifiers", [])) == (siret, [])
    # INSEE's legal category is a commune's now: the sphere stays, and administrators alone see what it speaks for.
    assert (record["sphere"], record["legal_category"], "sphere_by_insee" in record) == ("private", "7210", False)
    with system.as_("admin") as admin:
        assert admin.get(path).json()["sphere_by_insee"] == "public_non_state"
        assert admin.post(f"{path}/correct-sphere", json={"sphere": "private"}).json()["code"] == "applied"
        until(lambda: "sphere_by_insee" not in admin.get(path).json(), what="that an administrator decided")


def test_a_closed_establishment_is_followed_and_both_sirets_lead_to_the_structure(
    system: System, alice: httpx2.Client, simulator: httpx2.Client, partner: Partner, outcomes: Reader
) -> None:
    siret, path = created(alice, simulator, 32_002)
    through, new = made_up_siret(32_002, 2), made_up_siret(32_002, 3)
    says(simulator, through, name="ENTRE-DEUX", category="5710", place=OLD_PLACE)
    says(simulator, new, name="COMPAGNIE DEMENAGEE", category="5710", place=NEW_PLACE)
    closes(simulator, siret, through)
    closes(simulator, through, new)

    token = system.token("alice", KAFKA_AUDIENCE)
    named = {"structure": {"identifier": {"type": "SIRET", "value": siret}}}
    request_id = partner.submit("structure.requests", UPDATE, named, token)
    accepted = outcomes.until(of(request_id, "accepted"))
    assert accepted["code"] == "accepted_with_new_siret"
    taken = alice.post("/structures", json={"identifier": {"type": "SIRET", "value": new}})
    assert taken.json()["code"] == "identifier_taken", "it is reserved from acceptance"
    applied = outcomes.until(of(request_id, "applied"))
    assert applied["reference"]["structure"]["identifier"]["value"] == new

    record = until(lambda: (r := alice.get(path).json())["identifier"]["value"] == new and r, what="its new SIRET")
    assert (record["name"], record["address"]["city"]) == ("COMPAGNIE DEMENAGEE", "NICE")
    (former,) = record["former_identifiers"]
    assert (former["type"], former["value"]) == ("SIRET", siret)
    assert record["created_at"] == former["since"] < former["until"] == accepted["effective_at"]
    for one in (siret, new):
        assert alice.get(f"/structures/by-identifier/SIRET/{one}").json()["id"] == record["id"]
        assert found_by(alice, one) == [record["id"]]
        change = {"structure": {"identifier": {"type": "SIRET", "value": one}}, "label": f"par {one}"}
        modified = partner.submit("structure.requests", "structure.modify.v1", change, token)
        assert outcomes.until(of(modified, "accepted"))["reference"]["structure"]["id"] == record["id"]
    taken = alice.post("/structures", json={"identifier": {"type": "SIRET", "value": siret}})
    assert taken.json()["code"] in {"identifier_taken", "siret_closed"}
    again = alice.post(f"{path}/update-from-insee").json()
    assert (again["status"], again["code"]) == ("applied", "already_up_to_date")
    then = alice.get(path, params={"at": former["since"]}).json()
    assert (then["identifier"]["value"], then["name"]) == (siret, "COMPAGNIE 32002")


def test_a_closed_establishment_without_a_clear_successor_is_refused_with_what_insee_says(
    alice: httpx2.Client, simulator: httpx2.Client
) -> None:
    siret, path = created(alice, simulator, 32_003)
    closes(simulator, siret)
    refused = alice.post(f"{path}/update-from-insee")
    assert (refused.status_code, refused.json()["code"]) == (409, "successor_none")
    assert "31\u00a0mars 2026" in refused.json()["title"]
    assert alice.get(path).json()["identifier"]["value"] == siret

    siret, path = created(alice, simulator, 32_004)
    two = [made_up_siret(32_004, nic) for nic in (2, 3)]
    closes(simulator, siret, *two)
    refused = alice.post(f"{path}/update-from-insee")
    assert (refused.json()["code"], refused.json()["details"]["successors"]) == ("successor_several", two)


def test_a_successor_that_is_another_structure_is_refused_and_named(
    alice: httpx2.Client, simulator: httpx2.Client
) -> None:
    siret, path = created(alice, simulator, 32_005)
    other = made_up_siret(32_005, 2)
    says(simulator, other, name="DEJA LA", category="5710", place=NEW_PLACE)
    assert alice.post("/structures", json={"identifier": {"type": "SIRET", "value": other}}).json()["code"] == "created"
    closes(simulator, siret, other)
    refused = alice.post(f"{path}/update-from-insee")
    assert (refused.json()["code"], refused.json()["details"]) == ("successor_taken", {"successors": [other]})


def test_an_insee_that_does_not_answer_is_waited_for_visibly_and_tried_again(
    alice: httpx2.Client, simulator: httpx2.Client
) -> None:
    siret, path = created(alice, simulator, 32_006)
    says(simulator, siret, name="COMPAGNIE PATIENTE")
    # Both tries of the first look-up fail; so few failures open no circuit breaker, which others would notice.
    simulator.put("/fault", json={"kind": "503", "times": 2, "siret": siret}).raise_for_status()
    answer = alice.post(f"{path}/update-from-insee", headers={"Prefer": "wait=0"})
    request = answer.headers["Location"].removeprefix("/api/v1")
    waits = until(lambda: (r := alice.get(request).json())["status"] == "waiting" and r, what="that it waits")
    assert waits["code"] == "waiting_insee"
    accepted = until(lambda: (r := alice.get(request).json())["status"] in {"accepted", "applied"} and r, what="INSEE")
    steps = [(step["status"], step["code"]) for step in accepted["steps"] if step["status"] != "received"]
    assert steps[:2] == [("waiting", "waiting_insee"), ("accepted", "accepted")]
    until(lambda: alice.get(path).json()["name"] == "COMPAGNIE PATIENTE", what="taken over")


def test_a_structure_without_a_siret_is_not_updated(alice: httpx2.Client, structure: dict[str, Any]) -> None:
    path = f"/structures/{structure['id']}"
    assert "update-from-insee" not in alice.get(path).json()["possible_requests"]
    refused = alice.post(f"{path}/update-from-insee")
    assert (refused.status_code, refused.json()["code"]) == (409, "siret_only")
