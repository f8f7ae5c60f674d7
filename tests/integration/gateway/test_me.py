"""The caller: who they are, and the guide's lists of their structures (rule R23)."""

from typing import Any

import pytest

from tests.integration.gateway.stack import ADMIN, Stack, fresh_id, fresh_user, readable, until


async def test_before_they_are_registered_a_caller_is_what_their_token_says(stack: Stack) -> None:
    user = fresh_user("u")
    async with stack.as_(user, given_name="Ada", family_name="Lovelace", email="ada@example.fr") as client:
        me = (await client.get("/me")).json()
    assert me == {
        "id": user,
        "kind": "person",
        "administrator": False,
        "first_name": "Ada",
        "last_name": "Lovelace",
        "email": "ada@example.fr",
    }


async def test_a_technical_account_and_an_administrator_are_distinguished(stack: Stack) -> None:
    user = fresh_user("u")
    async with stack.as_(user, client_id=user) as client:
        assert (await client.get("/me")).json()["kind"] == "technical"
    async with stack.as_(user, scope=f"openid {ADMIN}") as client:
        assert (await client.get("/me")).json()["administrator"] is True
    async with stack.as_(user, scope=f"{ADMIN}s") as client:
        assert (await client.get("/me")).json()["administrator"] is False


async def test_once_registered_a_caller_is_shown_with_their_account(stack: Stack) -> None:
    user = fresh_user("u")
    await stack.owners.user(user, version=3, first_name="Ada", pigp=True)
    async with stack.as_(user, given_name="Ada") as client:
        me = await until(lambda: _registered(client))
    assert (me["version"], me["pigp"], me["active"]) == (3, True, True)


async def _registered(client: Any) -> Any:
    me = (await client.get("/me")).json()
    return me if "version" in me else None


class Mine:
    """One user's structures, at each access level, in each state."""

    def __init__(self, user: str) -> None:
        self.user = user
        self.ids: dict[str, int] = {}


@pytest.fixture
async def mine(stack: Stack) -> Mine:
    there = Mine(fresh_user("u"))
    inactive, active = ["activate", "correct-sphere", "modify"], ["correct-sphere", "deactivate", "modify"]
    for name, possible, profile in (
        ("b inactive", inactive, "principal"),
        ("a active", active, "modification"),
        ("c pending", [*active, "cancel"], "modification"),
        ("d only consulted", inactive, "consultation"),
        ("e left", inactive, "ended"),
    ):
        id_ = there.ids[name] = fresh_id()
        principal = there.user if profile == "principal" else fresh_user("other")
        status = "active" if "deactivate" in possible else "inactive"
        await stack.owners.structure(
            id_, principal, name=name, sphere="private", status=status, possible_requests=possible
        )
        await stack.owners.team(id_, principal, {} if profile == "principal" else {there.user: profile})
    async with stack.admin() as admin:
        for id_ in there.ids.values():
            await readable(admin, f"/structures/{id_}/members")
    return there


@pytest.mark.parametrize(
    ("possible", "names"),
    [
        (None, ["a active", "b inactive", "c pending", "d only consulted"]),
        ("activate", ["b inactive"]),
        ("cancel", ["c pending"]),
        ("correct-sphere", []),
    ],
)
async def test_the_guides_lists_hold_what_the_caller_may_make_requests_about(
    stack: Stack, mine: Mine, possible: str | None, names: list[str]
) -> None:
    async with stack.as_(mine.user) as client:
        listed = (await client.get("/me/structures", params={"possible": possible} if possible else {})).json()
    assert [s["name"] for s in listed["items"]] == names
    assert listed["total"] == len(names)
    for structure in listed["items"]:
        assert possible is None or possible in structure["possible_requests"]


async def test_only_an_administrator_may_correct_a_sphere_and_finds_all_of_them(stack: Stack, mine: Mine) -> None:
    async with stack.as_(mine.user, scope=ADMIN) as client:
        listed = (await client.get("/me/structures", params={"possible": "correct-sphere", "size": 100})).json()
    assert set(mine.ids.values()) <= {s["id"] for s in listed["items"]} or listed["total"] > 100


@pytest.mark.parametrize(("sort", "first"), [("name", "a active"), ("-name", "d only consulted"), ("id", "b inactive")])
async def test_lists_are_sorted_and_paged(stack: Stack, mine: Mine, sort: str, first: str) -> None:
    async with stack.as_(mine.user) as client:
        pages = [
            (await client.get("/me/structures", params={"sort": sort, "size": 1, "page": number})).json()
            for number in (1, 2, 3, 4, 5)
        ]
    names = [s["name"] for page in pages for s in page["items"]]
    assert (names[0], len(set(names)), pages[4]["items"]) == (first, 4, [])
    assert {page["total"] for page in pages} == {4}


async def test_an_unknown_request_is_no_list(stack: Stack) -> None:
    async with stack.as_(fresh_user("u")) as client:
        answer = await client.get("/me/structures", params={"possible": "destroy"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "query.possible")
