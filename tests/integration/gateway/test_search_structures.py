"""Search: words and parts of words, accents ignored, filters, pages; and nothing that is not the reader's to find."""

import secrets
from typing import Any

import pytest

from tests.integration.gateway.stack import Stack, fresh_id, fresh_user, readable, until


class Register:
    """A few structures, distinguished from those of other tests by a word of their own."""

    def __init__(self) -> None:
        self.word = f"w{secrets.token_hex(4)}"
        self.member = fresh_user("member")
        self.ids: dict[str, int] = {}


_STRUCTURES: dict[str, dict[str, Any]] = {
    "lyon": {
        "name": "Mairie de Lyon-Été",
        "label": "Hôtel de Ville",
        "sphere": "public_non_state",
        "status": "active",
        "created_at": "2026-01-03T00:00:00.000Z",
        "address": {"postcode": "69001", "city": "Lyon", "country": "FR"},
    },
    "oeuvre": {
        "name": "Œuvres d'Ælis",
        "sphere": "state",
        "created_at": "2026-01-01T00:00:00.000Z",
        "address": {"postcode": "1000-001", "city": "L'Haÿ-les-Roses", "country": "PT"},
    },
    "private": {
        "name": "Entreprise Secrète",
        "sphere": "private",
        "parameters": None,
        "created_at": "2026-01-02T00:00:00.000Z",
        "address": {"postcode": "69100", "city": "Villeurbanne", "country": "FR"},
    },
    "person": {
        "name": None,
        "label": None,
        "sphere": "private",
        "parameters": None,
        "person": {"first_name": "Zoé", "last_name": "Ångström"},
        "created_at": "2026-01-04T00:00:00.000Z",
        "address": {"city": "Nouméa", "country": "NC"},
    },
}


@pytest.fixture(scope="package")
async def register(session_stack: Stack) -> Register:
    there = Register()
    for name, fields in _STRUCTURES.items():
        id_ = there.ids[name] = fresh_id()
        identifier = {
            "type": "PARTICULIER" if name == "person" else "AUTRE",
            "value": f"{there.word}{name[:4]}".upper(),
        }
        await session_stack.owners.structure(id_, there.member, identifier=identifier, **fields)
    async with session_stack.admin() as admin:
        for id_ in there.ids.values():
            await readable(admin, f"/structures/{id_}")
    return there


async def found(stack: Stack, there: Register, who: str = "member", **params: Any) -> list[str]:
    """Return the names of what a search finds, in its order."""
    params["q"] = f"{there.word} {params.get('q', '')}"
    async with stack.as_(there.member if who == "member" else fresh_user(who)) as client:
        listed = (await client.get("/structures", params=params)).json()
    names = {id_: name for name, id_ in there.ids.items()}
    assert listed["total"] >= len(listed["items"])
    return [names[structure["id"]] for structure in listed["items"]]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("MAIRIE lyon ÉTÉ", ["lyon"]),
        ("ete", ["private", "lyon"]),
        ("ly", ["lyon"]),  # Two letters: the beginning of a word.
        ("lhay", ["oeuvre"]),
        ("69 001", ["lyon"]),
        ("irimai", []),  # Its letters are there, in another order.
        ("mairie de lyon ete hotel de ville 69001 m d", ["lyon"]),  # However many they are.
    ],
)
async def test_words_and_parts_of_words_are_found(
    stack: Stack, register: Register, words: str, names: list[str]
) -> None:
    assert await found(stack, register, q=words) == names


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({"status": "active"}, ["lyon"]),
        ({"sphere": "state"}, ["oeuvre"]),
        ({"identifier_type": "PARTICULIER"}, ["person"]),
        ({"city": "l'hay les"}, ["oeuvre"]),
        ({"postcode": "69"}, ["private", "lyon"]),
        ({"city": "lyon", "status": "inactive"}, []),
        ({"city": "", "postcode": ""}, ["person", "private", "lyon", "oeuvre"]),  # Left empty, as a form sends it.
    ],
)
async def test_filters_narrow_the_search(
    stack: Stack, register: Register, filters: dict[str, str], names: list[str]
) -> None:
    assert await found(stack, register, **filters) == names


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        ("name", ["person", "private", "lyon", "oeuvre"]),
        ("-name", ["oeuvre", "lyon", "private", "person"]),
        ("created_at", ["oeuvre", "private", "lyon", "person"]),
        ("-created_at", ["person", "lyon", "private", "oeuvre"]),
        ("id", ["lyon", "oeuvre", "private", "person"]),
        ("-id", ["person", "private", "oeuvre", "lyon"]),
    ],
)
async def test_lists_are_sorted(stack: Stack, register: Register, sort: str, names: list[str]) -> None:
    assert await found(stack, register, sort=sort) == names


async def test_pages_are_parts_of_one_list(stack: Stack, register: Register) -> None:
    pages = [await found(stack, register, size=3, page=number) for number in (1, 2, 3)]
    assert pages == [["person", "private", "lyon"], ["oeuvre"], []]


@pytest.mark.parametrize("who", ["stranger"])
async def test_private_structures_are_found_by_their_members_alone(stack: Stack, register: Register, who: str) -> None:
    assert await found(stack, register, who=who) == ["lyon", "oeuvre"]
    assert await found(stack, register, who=who, q="secrete") == []
    async with stack.as_(fresh_user(who)) as client:
        counted = (await client.get("/structures", params={"q": f"{register.word} villeurbanne"})).json()
    assert (counted["items"], counted["total"]) == ([], 0)


async def test_an_administrator_finds_all(stack: Stack, register: Register) -> None:
    async with stack.admin() as admin:
        listed = (await admin.get("/structures", params={"q": register.word})).json()
    assert listed["total"] == len(register.ids)
    assert {tuple(s["possible_requests"]) for s in listed["items"]} == {("correct-sphere",)}


async def test_a_list_shows_a_stranger_no_more_than_the_directory(stack: Stack, register: Register) -> None:
    async with stack.as_(fresh_user("stranger")) as client:
        listed = (await client.get("/structures", params={"q": f"{register.word} mairie"})).json()
    (shown,) = listed["items"]
    assert set(shown) == {
        *("id", "version", "identifier", "name", "label", "sphere", "status", "address"),
        *("role", "modifiable_fields", "possible_requests"),
    }
    assert shown["address"] == {"postcode": "69001", "city": "Lyon", "country": "FR"}


@pytest.mark.parametrize(
    "words",
    [
        ".*",
        "(",
        "{'$gt': ''}",
        "\x00",
    ],
)
@pytest.mark.parametrize("where", ["q", "city", "postcode"])
async def test_what_is_searched_for_is_text_and_never_a_pattern(
    stack: Stack, register: Register, where: str, words: str
) -> None:
    """Were it one, some of these would find everything, and others would break the search."""
    if where != "q":
        assert await found(stack, register, **{where: words[:12]}) == []
        return
    async with stack.as_(register.member) as client:
        listed = (await client.get("/structures", params={"q": words})).json()
    assert not set(register.ids.values()) & {structure["id"] for structure in listed["items"]}


@pytest.mark.usefixtures("register")
async def test_a_blank_question_is_none(stack: Stack) -> None:
    async with stack.as_(fresh_user("u")) as client:
        blank = (await client.get("/structures", params={"q": " "})).json()
        none = (await client.get("/structures")).json()
    assert blank["total"] == none["total"] >= 2


async def test_a_changed_name_is_found_and_the_former_one_no_more(stack: Stack) -> None:
    id_, principal, word = fresh_id(), fresh_user("principal"), secrets.token_hex(6)
    async with stack.as_(principal) as client:

        async def finds(words: str) -> Any:
            return [s["id"] for s in (await client.get("/structures", params={"q": words})).json()["items"]]

        await stack.owners.structure(id_, principal, name=f"avant{word}")
        await until(lambda: finds(f"avant{word}"))
        await stack.owners.structure(id_, principal, name=f"apres{word}", version=2)
        assert await until(lambda: finds(f"apres{word}")) == [id_]
        assert await finds(f"avant{word}") == []


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"page": 0}, "page"),
        ({"page": 10_001}, "page"),
        ({"size": 101}, "size"),
        ({"size": "x"}, "size"),
        ({"sort": "secret"}, "sort"),
        ({"status": "closed"}, "status"),
        ({"sphere": "public"}, "sphere"),
        ({"identifier_type": "SIREN"}, "identifier_type"),
        ({"q": "x" * 101}, "q"),
        ({"q": "ﷺ" * 100}, "q"),  # Each stands for eighteen letters.
    ],
)
async def test_a_wrong_parameter_is_named(stack: Stack, params: dict[str, Any], field: str) -> None:
    async with stack.as_(fresh_user("u")) as client:
        answer = await client.get("/structures", params=params)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert [e["field"] for e in answer.json()["errors"]] == [f"query.{field}"]
