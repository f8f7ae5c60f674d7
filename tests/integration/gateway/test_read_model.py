"""The read model: rebuilt from the topics, never set back by what is older, and unharmed by rubbish."""

import secrets
from typing import Any

import httpx2
import pytest

from dev.brokers import Brokers
from tests.integration.gateway.conftest import replica
from tests.integration.gateway.stack import ADMIN, Issuer, Stack, fresh_id, fresh_user, readable, until
from tests.support.rubbish import ANYWHERE, Rubbish, spoilt

SINCE = "2026-01-01T00:00:00.000Z"


async def everything(stack: Stack, api: str, word: str, user: str) -> dict[str, Any]:
    """Return all that can be read of a few structures and of a user's requests."""
    token = {"Authorization": f"Bearer {stack.issuer.token(user, scope=ADMIN)}"}
    async with stack.client(api, headers=token) as client:
        found = (await client.get("/structures", params={"q": word, "size": 100})).json()
        paths = ["/me", "/me/structures", "/requests"]
        for structure in found["items"]:
            paths += [f"/structures/{structure['id']}{part}" for part in ("", "/members", "/requests", "/history")]
        return {"search": found} | {path: (await client.get(path)).json() for path in paths}


async def test_a_gateway_that_starts_empty_builds_the_same_read_model(
    stack: Stack, gateway_brokers: Brokers, issuer: Issuer
) -> None:
    word, user = f"w{secrets.token_hex(4)}", fresh_user("member")
    await stack.owners.user(user, first_name="Ada")
    ids = [fresh_id() for _ in range(5)]
    for id_ in ids:
        for version in (1, 2, 3):
            await stack.owners.structure(id_, user, name=f"{word} {version}", version=version)
        await stack.owners.team(id_, user, {fresh_user("m"): "consultation"})
        about = {"actor": user, "request_id": f"r{id_}", "reference": {"structure": {"id": id_}}}
        await stack.owners.journal("structure", **about, status="accepted", version=2, before={}, after={"name": "x"})
        await stack.owners.journal("structure", **about, status="applied", version=3, before={}, after={"name": "x"})
    async with stack.admin() as admin:
        for id_ in ids:
            await readable(admin, f"/structures/{id_}", min_version=3)
            await readable(admin, f"/structures/{id_}/members")
            await until(lambda id_=id_: _applied(admin, user, f"r{id_}"))  # type: ignore[misc]
    async with replica(gateway_brokers, issuer, READ_MODEL=f"t{secrets.token_hex(4)}") as (api, health):

        async def caught_up() -> bool:
            return not any(problem.startswith("read model") for problem in await health.ready())

        await until(caught_up, within=60)
        assert await everything(stack, api, word, user) == await everything(stack, stack.api, word, user)
        assert len((await everything(stack, api, word, user))["search"]["items"]) == len(ids)


async def _applied(client: httpx2.AsyncClient, actor: str, request_id: str) -> bool:
    answer = await client.get(f"/requests/{request_id}", params={"actor": actor})
    return answer.status_code == 200 and len(answer.json()["steps"]) == 2


async def test_what_is_older_changes_nothing(stack: Stack) -> None:
    """Two processes may publish one document, the slower one an older version of it."""
    id_, principal, user = fresh_id(), fresh_user("principal"), fresh_user("user")
    async with stack.admin() as admin:
        await stack.owners.structure(id_, principal, version=5, label="nouveau")
        await stack.owners.team(id_, principal, {user: "modification"}, version=5)
        await stack.owners.user(user, version=5, pigp=True)
        await stack.owners.structure(id_, principal, version=4, label="ancien")
        await stack.owners.structure(id_, principal, version=5, label="le même, redit")
        await stack.owners.team(id_, fresh_user("former"), version=4)
        await stack.owners.user(user, version=4, pigp=False)
        for topic, key in (
            ("structure.state", f"structure:{id_}"),
            ("manager.state", f"structure:{id_}"),
            ("manager.state", f"user:{user}"),
        ):
            await stack.owners.read_up_to_here(topic, key)
        structure = (await admin.get(f"/structures/{id_}")).json()
        assert (structure["version"], structure["label"], structure["principal"]) == (5, "nouveau", principal)
        team = (await admin.get(f"/structures/{id_}/members")).json()
        assert (team["version"], [m["profile"] for m in team["members"]]) == (5, ["modification"])
        assert (await admin.get(f"/users/{user}")).json()["pigp"] is True


async def test_the_team_may_come_before_its_structure(stack: Stack) -> None:
    id_, principal, member = fresh_id(), fresh_user("principal"), fresh_user("member")
    await stack.owners.team(id_, principal, {member: "consultation"})
    async with stack.as_(member) as client:
        await stack.owners.user(member)
        await until(lambda: _known(client))
        assert (await client.get(f"/structures/{id_}")).json()["code"] == "structure_not_found"
        assert (await client.get("/me/structures")).json()["items"] == []
        await stack.owners.structure(id_, fresh_user("creator"), sphere="private")
        shown = await readable(client, f"/structures/{id_}")
    assert (shown["role"], shown["principal"]) == ("consultation", principal)


async def _known(client: httpx2.AsyncClient) -> bool:
    return "version" in (await client.get("/me")).json()


RECORDS: dict[str, tuple[str, dict[str, Any], set[str]]] = {
    "structure.state": (
        "structure:{id}",
        {
            "id": 0,
            "version": 1,
            "identifier": {"type": "AUTRE", "value": "X"},
            "sphere": "private",
            "status": "active",
            "created_at": SINCE,
            "creator": "u",
            "principal": "u",
        },
        set(),
    ),
    "manager.state": (
        "structure:{id}",
        {"structure_id": 0, "version": 1, "sphere": "private", "principal": "u", "members": {}},
        {"members"},
    ),
    "structure.journal": (
        "u|r|applied",
        {
            "owner": "structure",
            "request_id": "r",
            "actor": "u",
            "type": "x",
            "status": "applied",
            "code": "applied",
            "version": 1,
            "at": SINCE,
        },
        {"version"},
    ),
    "manager.journal": ("u|r|applied", {"owner": "manager"}, {"owner"}),
}
"""For each topic the read model is built from: a key, a good record, and its optional fields."""


@pytest.mark.parametrize("topic", RECORDS)
async def test_rubbish_is_dead_lettered_with_its_reason_and_its_neighbours_go_on(stack: Stack, topic: str) -> None:
    id_, principal = fresh_id(), fresh_user("principal")
    key, good, optional = RECORDS[topic]
    key = key.format(id=id_)
    good = {name: (id_ if value == 0 else value) for name, value in good.items()}
    # A compacted topic takes no record without a key; in a journal the key says nothing.
    bad: list[Rubbish] = [r for r in ANYWHERE if r.key is not None and not ("key" in r.name and "journal" in topic)]
    bad += [r for r in spoilt(good, key) if r.name not in {f"no {name}" for name in optional}]
    mark = ("test", f"{topic} {id_}".encode())
    for rubbish in bad:
        sent_key = key.encode() if rubbish.key == b"structure:1" else rubbish.key
        await stack.owners.put(topic, rubbish.value, sent_key, (*rubbish.headers, mark, ("x", b"\xff\xfe")))

    async def all_dead() -> Any:
        dead_letters = [dead_letter for dead_letter in stack.owners.dead if dead_letter.headers.get("test") == mark[1]]
        return dead_letters if len(dead_letters) >= len(bad) else None

    dead_letters = await until(all_dead, within=60)
    assert sorted((d.code, d.value or b"") for d in dead_letters) == sorted((r.code, r.value or b"") for r in bad)
    assert {(d.headers["dlq_topic"], d.headers["x"]) for d in dead_letters} == {(topic.encode(), b"\xff\xfe")}
    assert all(d.headers["dlq_reason"] for d in dead_letters)
    await stack.owners.structure(id_, principal)
    await stack.owners.team(id_, principal, version=2)
    request_id = f"r{id_}"
    await stack.owners.journal(
        topic.partition(".")[0], actor=principal, request_id=request_id, status="applied", version=1
    )
    async with stack.as_(principal) as client:
        await readable(client, f"/structures/{id_}")
        await readable(client, f"/structures/{id_}/members")
        await readable(client, f"/requests/{request_id}")


async def test_an_answer_nobody_can_read_harms_nobody_who_waits(stack: Stack) -> None:
    stack.owners.decide = lambda _: None
    async with stack.as_(fresh_user("writer"), wait=20) as client:
        for topic in ("structure.outcomes", "insee.outcomes"):
            for rubbish in ANYWHERE:
                headers = (*rubbish.headers, ("ce_id", b"\xff"), ("ce_correlationid", b"\xff"))
                await stack.owners.put(topic, rubbish.value, rubbish.key, headers)
        stack.owners.decide = lambda _: {"version": 1}
        assert (await client.post("/structures/1/activate")).json()["status"] == "accepted"
