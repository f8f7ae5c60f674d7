"""Who may read what of a structure (rules R1, R23), by access level."""

from typing import Any

import pytest
from pydantic import SecretStr

from gateway.app import PROCESS
from gateway.read_model.schema import ReadModel
from gateway.settings import Settings
from shared.mongo.client import connect
from shared.runtime.settings import MongoSettings
from tests.integration.gateway.stack import ADMIN, Stack, fresh_id, fresh_user, readable

ACCESS_LEVELS = ("not a member", "ended", "consultation", "modification", "principal", "administrator")


class Scenario:
    """A structure with somebody at each access level."""

    def __init__(self) -> None:
        self.id = fresh_id()
        self.path = f"/structures/{self.id}"
        self.users = {access_level: fresh_user(access_level.replace(" ", "-")) for access_level in ACCESS_LEVELS}

    def claims(self, access_level: str) -> dict[str, Any]:
        return {"scope": ADMIN} if access_level == "administrator" else {}


async def scenario(stack: Stack, sphere: str) -> Scenario:
    there = Scenario()
    await stack.owners.structure(there.id, there.users["principal"], sphere=sphere)
    profiles = {there.users[p]: p for p in ("ended", "consultation", "modification")}
    await stack.owners.team(there.id, there.users["principal"], profiles)
    async with stack.as_(there.users["consultation"]) as member:
        await readable(member, f"{there.path}/members")
        await readable(member, there.path)
    return there


async def test_anonymous_reads_nothing(stack: Stack) -> None:
    there = await scenario(stack, "state")
    async with stack.anonymous() as nobody:
        for path in (there.path, f"{there.path}/history", "/structures", "/me", "/requests", "/insee/41816609600069"):
            answer = await nobody.get(path)
            assert (answer.status_code, answer.json()["code"]) == (401, "token_missing")
            assert answer.headers["www-authenticate"].startswith("Bearer")
        assert (await nobody.get("/codes")).status_code == 200


@pytest.mark.parametrize("access_level", ["not a member", "ended"])
async def test_a_stranger_sees_the_directory_data_of_a_public_structure(stack: Stack, access_level: str) -> None:
    there = await scenario(stack, "public_non_state")
    async with stack.as_(there.users[access_level]) as client:
        shown = (await client.get(there.path)).json()
    assert set(shown) == {
        *("id", "version", "identifier", "name", "label", "sphere", "status", "parameters", "address"),
        *("role", "modifiable_fields", "possible_requests"),
    }
    assert shown["address"] == {"postcode": "69003", "city": "Lyon", "country": "FR"}
    assert (shown["role"], shown["modifiable_fields"], shown["possible_requests"]) == ("none", [], [])


@pytest.mark.parametrize("access_level", ["not a member", "ended"])
async def test_a_stranger_does_not_find_a_private_structure(stack: Stack, access_level: str) -> None:
    there = await scenario(stack, "private")
    async with stack.as_(there.users[access_level]) as client:
        for path in (there.path, f"/structures/by-identifier/AUTRE/X{there.id}"):
            answer = await client.get(path)
            assert (answer.status_code, answer.json()["code"]) == (404, "structure_not_found")
        found = (await client.get("/structures", params={"q": f"X{there.id}"})).json()
        assert found["items"] == []
        assert found["total"] == 0


@pytest.mark.parametrize(
    ("access_level", "role", "fields", "requests"),
    [
        ("consultation", "consultation", [], []),
        ("principal", "principal", ["email", "label"], ["activate", "modify"]),
        ("administrator", "none", [], ["correct-sphere"]),
    ],
)
async def test_a_member_sees_all_and_what_they_may_do(
    stack: Stack, access_level: str, role: str, fields: list[str], requests: list[str]
) -> None:
    there = await scenario(stack, "private")
    async with stack.as_(there.users[access_level], **there.claims(access_level)) as client:
        shown = (await client.get(there.path)).json()
        assert shown["email"] == "contact@example.fr"
        assert shown["address"]["line1"] == "1 rue Haute"
        assert shown["principal"] == there.users["principal"]
        assert (shown["role"], shown["modifiable_fields"], shown["possible_requests"]) == (role, fields, requests)
        by_identifier = await client.get(f"/structures/by-identifier/AUTRE/x{there.id} ")
        assert by_identifier.json() == shown


@pytest.mark.parametrize("part", ["requests", "history", "members"])
@pytest.mark.parametrize("access_level", ["not a member", "consultation", "administrator"])
async def test_the_inner_life_of_a_public_structure_is_its_members_alone(
    stack: Stack, access_level: str, part: str
) -> None:
    there = await scenario(stack, "state")
    async with stack.as_(there.users[access_level], **there.claims(access_level)) as client:
        answer = await client.get(f"{there.path}/{part}")
    if access_level == "not a member":  # That it exists they know: the answer says why, and what to do.
        assert (answer.status_code, answer.json()["code"]) == (403, "members_only")
    else:
        assert answer.status_code == 200


async def test_a_former_identifier_still_leads_to_the_structure(stack: Stack) -> None:
    id_, principal = fresh_id(), fresh_user("principal")
    former = [{"type": "SIRET", "value": f"{id_:014}"}]
    await stack.owners.structure(id_, principal, former_identifiers=former)
    async with stack.as_(principal) as client:
        found = await readable(client, f"/structures/by-identifier/SIRET/{id_:014}")
    assert found["id"] == id_


async def test_an_identifier_may_hold_a_slash(stack: Stack) -> None:
    id_, principal = fresh_id(), fresh_user("principal")
    await stack.owners.structure(id_, principal, identifier={"type": "HORS_UE", "value": f"USA/C O{id_}"})
    async with stack.as_(principal) as client:
        assert (await readable(client, f"/structures/by-identifier/HORS_UE/USA/C O{id_}"))["id"] == id_


@pytest.mark.parametrize(
    ("kind", "stored", "requested"),
    [
        ("UE_HORS_FRANCE", "GR{:09}", "EL{:09}"),
        ("RIDET", "0{:09}", "{:09}"),
        ("AUTRE", "A-{}", "a\u2011{}\u200b"),
    ],
)
async def test_an_identifier_is_found_by_either_writing_also_one_stored_before(
    stack: Stack, kind: str, stored: str, requested: str
) -> None:
    id_, principal = fresh_id(), fresh_user("principal")
    await stack.owners.structure(id_, principal, identifier={"type": kind, "value": stored.format(id_)})
    async with stack.as_(principal) as client:
        for written in (requested, stored):
            assert (await readable(client, f"/structures/by-identifier/{kind}/{written.format(id_)}"))["id"] == id_


async def test_a_read_model_built_before_finds_an_old_form_by_either_writing_too(stack: Stack) -> None:
    """It has the key of that time alone, until it is built anew."""
    id_, principal = fresh_id(), fresh_user("principal")
    old, new = f"GR{id_:09}", f"EL{id_:09}"
    await stack.owners.structure(id_, principal, identifier={"type": "UE_HORS_FRANCE", "value": old})
    uri = stack.brokers.service_mongo_uri(PROCESS)
    database = connect(MongoSettings(uri=SecretStr(uri), database=PROCESS))
    async with stack.as_(principal) as client:
        await readable(client, f"/structures/{id_}")
        keys = {"$set": {"keys": [f"UE_HORS_FRANCE:{old}"]}}
        model = ReadModel(database, Settings.model_fields["read_model"].default)
        await model.collection("structures").update_one({"_id": id_}, keys)
        for written in (old, new):
            found = await readable(client, f"/structures/by-identifier/UE_HORS_FRANCE/{written}", min_version=1)
            assert found["id"] == id_
        absent = await client.get(f"/structures/by-identifier/UE_HORS_FRANCE/EL{id_ + 1:09}")
        assert absent.json()["code"] == "structure_not_found"
    database.client.close()


async def test_until_its_team_is_published_a_structure_is_its_first_principals(stack: Stack) -> None:
    id_, principal, second = fresh_id(), fresh_user("principal"), fresh_user("second")
    await stack.owners.structure(id_, principal, sphere="private")
    async with stack.as_(principal) as first, stack.as_(second) as other:
        assert (await readable(first, f"/structures/{id_}"))["role"] == "principal"
        assert [s["id"] for s in (await first.get("/me/structures")).json()["items"]] == [id_]
        assert (await other.get(f"/structures/{id_}")).status_code == 404
        await stack.owners.team(id_, second)
        assert (await readable(other, f"/structures/{id_}"))["principal"] == second
        assert (await first.get(f"/structures/{id_}")).status_code == 404


@pytest.mark.parametrize(
    "path", ["/structures/0", "/structures/x", "/structures/1?min_version=-1", "/structures?size=0"]
)
async def test_a_wrong_parameter_is_named(stack: Stack, path: str) -> None:
    async with stack.as_(fresh_user("u")) as client:
        answer = await client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0]["field"] in {"path.structure_id", "query.min_version", "query.size"}


async def test_an_unknown_structure_path_or_method_is_a_problem_too(stack: Stack) -> None:
    async with stack.as_(fresh_user("u")) as client:
        assert (await client.get("/structures/999999999")).json()["code"] == "structure_not_found"
        assert (await client.get("/nothing")).json()["code"] == "not_found"
        refused = await client.delete("/structures/1")
        assert (refused.status_code, refused.json()["code"]) == (405, "method_not_allowed")
        assert "GET" in refused.headers["allow"]
