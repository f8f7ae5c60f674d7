"""« Créer une structure »: what INSEE says decides, who becomes principal, and what may be given by hand (R8, R9, R11,
R16, R19, R22).
"""

from collections.abc import Iterator
from datetime import date
from typing import Any

import httpx2
import pytest

from dev.insee.units import made_up_siret
from tests.support.system import System, until

COMPANY, COMMUNE, TAKEN = made_up_siret(13_001), made_up_siret(10_002), made_up_siret(13_002)
MINISTRY, REGIMENT = made_up_siret(12_001), made_up_siret(17_001)
PERSON_HIDDEN, ADDRESS_HIDDEN = made_up_siret(14_001), made_up_siret(14_004)


def siret(value: str, **fields: Any) -> dict[str, Any]:
    return {"identifier": {"type": "SIRET", "value": value}, **fields}


@pytest.fixture(scope="module")
def alice(system: System) -> Iterator[httpx2.Client]:
    """Alice, who has a PIGP account."""
    with system.as_("alice") as api, system.as_("admin") as admin:
        until(lambda: "version" in api.get("/me").json(), what="alice known")
        assert admin.put("/users/alice/pigp", json={"pigp": True}).status_code == 202
        until(lambda: api.get("/me").json()["pigp"], what="alice's PIGP account")
        yield api


@pytest.fixture(scope="module")
def marc(system: System) -> Iterator[httpx2.Client]:
    """Marc, who has none."""
    with system.as_("marc") as api:
        until(lambda: "version" in api.get("/me").json(), what="marc known")
        yield api


def create(api: httpx2.Client, body: dict[str, Any]) -> dict[str, Any]:
    """Create a structure; return its record once it can be read."""
    answer = api.post("/structures", json=body)
    assert (answer.status_code, answer.json().get("code")) == (202, "created"), answer.text
    path = answer.json()["links"]["structure"].removeprefix("/api/v1")
    found: dict[str, Any] = until(lambda: _read(api, path), what=f"{path} readable")
    return found


def _read(api: httpx2.Client, path: str) -> Any:
    answer = api.get(path)
    return answer.json() if answer.status_code == 200 else None


def refusal(api: httpx2.Client, body: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """Return the code with which a creation is refused, and those of its fields."""
    answer = api.post("/structures", json=body)
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem = answer.json()
    return problem["code"], {e["field"]: e["code"] for e in problem.get("errors", ())}


def test_a_company_takes_its_name_and_address_from_insee_and_is_its_creators(
    system: System, alice: httpx2.Client
) -> None:
    record = create(alice, siret(COMPANY, label="Atelier", email="contact@example.fr"))
    assert (record["name"], record["label"], record["sphere"]) == ("ATELIERS VERLAINE", "Atelier", "private")
    assert record["address"] == {"line1": "17 RUE DU FOUR", "postcode": "69002", "city": "LYON", "country": "FR"}
    assert (record["status"], record["role"], record["principal"]) == ("inactive", "principal", "alice")
    assert set(record["modifiable_fields"]) == {"label", "email", "phone", "billing_mandate"}
    with system.as_("sam") as stranger:
        assert stranger.get(f"/structures/by-identifier/SIRET/{COMPANY}").status_code == 404
        # Nor does anybody register it a second time.
        code = ("identifier_taken", {"identifier": "identifier_taken"})
        assert refusal(stranger, siret(COMPANY)) == refusal(alice, siret(COMPANY)) == code


@pytest.mark.parametrize(
    ("body", "code", "errors"),
    [
        (siret(made_up_siret(15_001)), "siret_closed", {"identifier": "siret_closed"}),
        (siret(made_up_siret(19_999)), "siret_not_found", {"identifier": "siret_not_found"}),
        (siret(made_up_siret(15_004)), "siret_closed", {"identifier": "siret_closed"}),
        (siret(made_up_siret(16_001)), "siret_moved", {"identifier": "siret_moved"}),
        (siret(made_up_siret(16_002)), "siret_moved_closed", {"identifier": "siret_moved_closed"}),
        (siret(made_up_siret(16_003)), "siret_moved_unknown", {"identifier": "siret_moved_unknown"}),
        (siret(TAKEN, name="Autre", address={"city": "Lyon"}), "invalid_request",
         {"name": "given_by_insee", "address": "given_by_insee"}),
        (siret(TAKEN, parameters={"moa": True}), "invalid_request", {"parameters": "parameters_public_only"}),
        (siret(TAKEN, principal="marc"), "principal_not_yours", {"principal": "principal_not_yours"}),
        (siret(PERSON_HIDDEN), "invalid_request", {"name": "name_required", "address": "address_required"}),
        (siret(MINISTRY), "state_needs_administrator", {}),
        (siret(REGIMENT, name="x", address={"city": "x"}), "state_needs_administrator", {}),
        ({"identifier": {"type": "HORS_UE", "value": "US1"}}, "invalid_request",
         {"name": "name_required", "address": "address_required"}),
        ({"identifier": {"type": "PARTICULIER", "value": "P"}, "address": {"city": "Lyon"}}, "invalid_request",
         {"person": "person_names_required"}),
        ({"identifier": {"type": "AUTRE", "value": "418 166 096 00069"}, "name": "X", "address": {"city": "X"}},
         "invalid_request", {"identifier": "identifier_needs_siret"}),
    ],
    ids=["closed", "unknown", "to reopen", "moved", "moved to a closed one", "moved nowhere", "name given",
         "parameters", "another principal", "hidden", "of the State", "kept back", "abroad without a name",
         "nobody's name", "a SIRET as another number"],
)  # fmt: skip
def test_what_can_not_be_created_is_refused_with_its_reason(
    alice: httpx2.Client, body: dict[str, Any], code: str, errors: dict[str, str]
) -> None:
    assert refusal(alice, body) == (code, errors)


def test_a_doublon_names_the_establishment_to_use(alice: httpx2.Client) -> None:
    answer = alice.post("/structures", json=siret(made_up_siret(16_001)))
    assert made_up_siret(13_001) in answer.json()["title"]


def test_an_announced_closing_is_returned_and_does_not_refuse(alice: httpx2.Client) -> None:
    closing = made_up_siret(15_003)
    found = alice.get(f"/insee/{closing}").json()
    assert (found["result"], "code" in found) == ("ACTIVE", False)
    assert f"{date.fromisoformat(found['closes_on']):%d/%m/%Y}" in found["message"]
    assert create(alice, siret(closing))["status"] == "inactive"


def test_an_address_in_a_country_that_is_not_known_is_given_by_hand_and_may_be_changed_later(
    alice: httpx2.Client,
) -> None:
    abroad = made_up_siret(20_004)
    assert "PAYS NOUVEAU" in alice.get(f"/insee/{abroad}").json()["message"]
    assert refusal(alice, siret(abroad)) == ("invalid_request", {"address": "address_required"})
    record = create(alice, siret(abroad, address={"city": "Port-Neuf", "country": "FJ"}))
    assert (record["name"], record["address"]["country"]) == ("COMPTOIR D'UN PAYS NOUVEAU", "FJ")
    assert "address" in record["modifiable_fields"]


def test_what_insee_hides_is_given_by_hand_and_may_be_changed_later(alice: httpx2.Client) -> None:
    address = {"line1": "6 rue Basse", "postcode": "28990", "city": "Beauregard", "country": "FR"}
    record = create(alice, siret(ADDRESS_HIDDEN, address=address))
    assert (record["name"], record["address"]) == ("SOCIETE DISCRETE", address)
    assert "address" in record["modifiable_fields"]
    assert "name" not in record["modifiable_fields"]
    refused = alice.patch(f"/structures/{record['id']}", json={"name": "Autre"})
    assert refused.json()["errors"][0]["code"] == "field_not_modifiable"
    outcome = alice.patch(f"/structures/{record['id']}", json={"address": {**address, "line1": "7 rue Basse"}})
    assert outcome.json()["status"] == "accepted"


def test_a_commune_needs_a_pigp_account(alice: httpx2.Client, marc: httpx2.Client) -> None:
    assert refusal(marc, siret(COMMUNE))[0] == "pigp_required"
    record = create(alice, siret(COMMUNE, parameters={"service_code_required": True}))
    assert (record["sphere"], record["legal_category"]) == ("public_non_state", "7210")
    assert record["parameters"]["service_code_required"] is True


def test_an_administrator_creates_a_structure_of_the_state_and_names_its_principal(
    system: System, marc: httpx2.Client
) -> None:
    with system.as_("admin") as admin:
        assert refusal(admin, siret(MINISTRY)) == ("principal_required", {"principal": "field_required"})
        assert refusal(admin, siret(MINISTRY, principal="nobody")) == (
            "user_not_found",
            {"principal": "user_not_found"},
        )
        record = create(admin, siret(MINISTRY, principal="marc"))
        assert (record["sphere"], record["principal"], record["creator"]) == ("state", "marc", "admin")
        assert (record["role"], record["possible_requests"]) == ("none", ["correct-sphere"])
        assert admin.patch(f"/structures/{record['id']}", json={"label": "x"}).json()["code"] == "forbidden"
    theirs = marc.get(f"/structures/{record['id']}").json()
    assert (theirs["role"], theirs["possible_requests"]) == ("principal", ["activate", "modify", "update-from-insee"])


def test_a_technical_account_names_the_person(system: System, alice: httpx2.Client) -> None:
    body = {"identifier": {"type": "AUTRE", "value": "PAR-SYSTEME"}, "name": "X", "address": {"city": "Lyon"}}
    with system.as_("facturier") as facturier:
        assert refusal(facturier, body) == ("principal_required", {"principal": "field_required"})
        assert refusal(facturier, {**body, "principal": "facturier"})[0] == "principal_not_person"
        answer = facturier.post("/structures", json={**body, "principal": "alice"})
        assert answer.json()["code"] == "created", answer.text
    record = until(lambda: _read(alice, "/structures/by-identifier/AUTRE/PAR-SYSTEME"))
    assert (record["creator"], record["principal"]) == ("facturier", "alice")


@pytest.mark.parametrize(
    ("body", "stored"),
    [
        ({"identifier": {"type": "UE_HORS_FRANCE", "value": "be 0403.019.261"}, "name": "Bruxelles"}, "BE0403019261"),
        ({"identifier": {"type": "HORS_UE", "value": "us example corp"}, "name": "Example"}, "USEXAMPLE CORP"),
        ({"identifier": {"type": "UE_HORS_FRANCE", "value": "GR 094019245"}, "name": "Athènes"}, "EL094019245"),
        ({"identifier": {"type": "RIDET", "value": "123 456.789"}, "name": "Nouméa"}, "0123456789"),
        ({"identifier": {"type": "TAHITI", "value": "a12345/678"}, "name": "Papeete"}, "A12345678"),
        (
            {
                "identifier": {"type": "PARTICULIER", "value": "zoe-1"},
                "person": {"first_name": "Zoé", "last_name": "X"},
            },
            "ZOE-1",
        ),
    ],
    ids=lambda v: v if isinstance(v, str) else None,
)
def test_from_elsewhere_everything_is_given_by_hand_and_private(
    alice: httpx2.Client, body: dict[str, Any], stored: str
) -> None:
    record = create(alice, {**body, "address": {"city": "Ailleurs", "country": "BE"}})
    assert (record["identifier"]["value"], record["sphere"]) == (stored, "private")
    named = "person" if "person" in body else "name"
    assert {named, "address"} <= set(record["modifiable_fields"])
    assert "parameters" not in record


def test_an_activation_requested_with_the_creation_is_a_second_request(alice: httpx2.Client) -> None:
    """It has an id of its own, takes effect after the delay, and may be cancelled like any (R11)."""
    answer = alice.post("/structures", json=siret(made_up_siret(13_003), activate=True)).json()
    assert (answer["status"], answer["code"]) == ("applied", "created")
    path = answer["links"]["structure"].removeprefix("/api/v1")
    record = until(lambda: _read(alice, path))
    (pending,) = record["pending"]
    assert (record["status"], pending["request_id"]) == ("inactive", answer["follow_up"])
    second = until(lambda: _read(alice, f"/requests/{answer['follow_up']}"))
    assert (second["type"], second["status"]) == ("structure.activate.v1", "accepted")
    assert second["effective_at"] == pending["effective_at"] > answer["at"]
    active = until(lambda: (r := alice.get(path).json())["status"] == "active" and r, what="active")
    assert active["first_activated_at"] >= second["effective_at"]


def test_the_simulators_many_communes_can_be_found_by_their_names(alice: httpx2.Client) -> None:
    found = until(lambda: alice.get("/structures", params={"q": "saint aubin etangs"}).json()["items"])
    assert [s["identifier"]["value"] for s in found] == [COMMUNE]


def test_an_activation_that_the_creator_may_not_request_is_refused_alone(system: System, alice: httpx2.Client) -> None:
    identifier = {"type": "AUTRE", "value": "POUR-AUTRUI"}
    body = {"identifier": identifier, "name": "X", "address": {"city": "Lyon"}, "principal": "alice", "activate": True}
    with system.as_("facturier") as facturier:
        created = facturier.post("/structures", json=body, headers={"Prefer": "wait=10"}).json()
        assert created["code"] == "created", created
        second = until(lambda: _read(facturier, f"/requests/{created['follow_up']}"))
        # Created for somebody else it is private, and to who is no member of it as one that does not exist.
        assert (second["status"], second["code"]) == ("rejected", "structure_not_found")
    record = until(lambda: _read(alice, "/structures/by-identifier/AUTRE/POUR-AUTRUI"))
    assert (record["principal"], record["status"]) == ("alice", "inactive")
