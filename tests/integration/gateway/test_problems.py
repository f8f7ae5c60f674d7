"""Whatever a client sends that is wrong: a problem with a code, never a 500, and safe headers on every answer."""

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from gateway.api.middleware import LARGEST_BODY
from shared.contracts import codes
from shared.contracts.codes import french
from tests.integration.gateway.stack import HTTP, KAFKA, Stack, fresh_id, fresh_user, readable
from tests.support.contract import DOCUMENT

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b'{"label": "\\ud800"}',
        b"[" * 100_000,
    ],
)
async def test_what_is_no_json_is_unreadable(stack: Stack, raw: bytes) -> None:
    async with stack.as_(fresh_user("u")) as client:
        answer = await client.patch("/structures/1", content=raw, headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (400, "message_unreadable")


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ([], {"(body)": "object_expected"}),
        ({"labell": "x"}, {"labell": "field_unknown"}),
        ({"address": {"city": "Paris", "postcode": "7500"}}, {"address.postcode": "postcode_format"}),
        ({"structure": {"id": 2}}, {"structure": "field_unknown"}),  # The path says which one.
    ],
)
async def test_a_wrong_body_is_reported_field_by_field(stack: Stack, body: Any, errors: dict[str, str]) -> None:
    user = fresh_user("u")
    async with stack.as_(user) as client:
        answer = await client.patch("/structures/1", content=json.dumps(body), headers=JSON)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "invalid_request")
    assert {e["field"]: e["code"] for e in problem["errors"]} == errors
    assert all(e["message"] == codes.sentence(e["code"], e.get("details")) for e in problem["errors"])
    assert stack.owners.received_from(user) == []


async def test_a_field_is_reported_with_the_form_expected_its_values_and_an_example(stack: Stack) -> None:
    mandate = {"mandatary": {"type": "SIRET", "value": "1"}, "start": "2026-01-01"}
    async with stack.as_(fresh_user("u")) as client:
        answer = await client.patch("/structures/1", json={"label": "x" * 101, "billing_mandate": mandate})
    problems = {e["field"]: (e["message"].replace(french.WIDE, " "), e["details"]) for e in answer.json()["errors"]}
    assert problems == {
        "label": ("Ce texte est trop long : donnez 100 caractères au plus.", {"max": 100}),
        "billing_mandate.mandatary": (
            "L’identifiant n’a pas la forme de son type : donnez 14 chiffres, par exemple 13002526500013.",
            {"expected": "14\u00a0chiffres", "example": "13002526500013"},
        ),
    }
    assert "details" not in answer.json()


@pytest.mark.parametrize(
    ("path", "field", "code", "said"),
    [
        ("/structures?page=x", "query.page", "number_expected", "42"),
        ("/structures?size=101", "query.size", "number_too_large", "100"),
        ("/structures?page=0", "query.page", "number_too_small", "1"),
        ("/structures?status=open", "query.status", "value_unknown", "active ou inactive"),
        ("/structures?identifier_type=SIREN", "query.identifier_type", "identifier_type_unknown", "RIDET"),
        ("/structures/1?at=yesterday", "query.at", "instant_format", "2026-11-30T10:12:00Z"),
        ("/structures?q=" + "x" * 101, "query.q", "field_too_long", "100"),
        ("/requests/a%20b", "path.request_id", "request_id_invalid", "facture-2026.17"),
    ],
)
async def test_a_wrong_parameter_is_reported_with_what_it_should_be(
    stack: Stack, path: str, field: str, code: str, said: str
) -> None:
    async with stack.as_(fresh_user("u")) as client:
        answer = await client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    (wrong,) = answer.json()["errors"]
    assert (wrong["field"], wrong["code"]) == (field, code)
    assert said in wrong["message"]


@pytest.mark.parametrize("id_", [0, -1, 2**53, 2**63 - 1, "1.5", "x"])
@pytest.mark.parametrize(("method", "rest"), [("GET", ""), ("PATCH", ""), ("POST", "/activate"), ("GET", "/members")])
async def test_an_id_that_not_every_reader_can_hold_is_no_id(stack: Stack, id_: Any, method: str, rest: str) -> None:
    user = fresh_user("u")
    async with stack.as_(user) as client:
        answer = await client.request(method, f"/structures/{id_}{rest}", content=b"{}", headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert [e["field"] for e in answer.json()["errors"]] == ["path.structure_id"]
    assert stack.owners.received_from(user) == []


@pytest.mark.parametrize("kind", ["text/plain"])
async def test_another_media_type_is_refused_with_the_one_to_send(stack: Stack, kind: str) -> None:
    async with stack.as_(fresh_user("u")) as client:
        answer = await client.patch("/structures/1", content=b"{}", headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["code"]) == (415, "media_type_unsupported")
    assert "application/json" in answer.json()["title"]


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8"])
async def test_json_by_its_other_names_is_taken(stack: Stack, kind: str) -> None:
    async with stack.as_(fresh_user("u")) as client:
        answer = await client.patch("/structures/1", content=b'{"label": "x"}', headers={"Content-Type": kind})
        assert answer.status_code == 202
        assert (await client.patch("/structures/1", content=b'{"label": "x"}')).status_code == 202  # None is said.


async def _pieces(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // 65536 + 1):
        yield b" " * 65536


@pytest.mark.parametrize("how", ["whole", "in pieces"])
async def test_a_huge_body_is_refused_and_the_gateway_goes_on(stack: Stack, how: str) -> None:
    size = LARGEST_BODY + 1
    async with stack.as_(fresh_user("u")) as client:
        content: Any = b" " * size if how == "whole" else _pieces(size)
        answer = await client.patch("/structures/1", content=content, headers=JSON)
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
        padded = b'{"label": "x"' + b" " * (LARGEST_BODY - 100) + b"}"
        assert (await client.patch("/structures/1", content=padded, headers=JSON)).status_code == 202


def _concrete(path: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda m: "SIRET" if m[1] == "type" else str(fresh_id()), path)


@pytest.mark.parametrize("path", DOCUMENT["paths"])
async def test_another_method_is_refused_with_those_there_are(stack: Stack, path: str) -> None:
    known = {method.upper() for method in DOCUMENT["paths"][path]}
    url = _concrete(path).removeprefix("/api/v1")
    async with stack.as_(fresh_user("u")) as client:
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} - known:
            answer = await client.request(method, url)
            assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed"), method
            assert set(answer.headers["allow"].split(", ")) == known | ({"HEAD"} if "GET" in known else set())


async def test_head_is_get_without_a_body(stack: Stack) -> None:
    """Streams of events end at once; what can only be written has no HEAD."""
    id_, user = fresh_id(), fresh_user("u")
    await stack.owners.structure(id_, user)
    async with stack.as_(user) as client:
        await readable(client, f"/structures/{id_}")
        request = (await client.post(f"/structures/{id_}/activate")).json()
        for path in ("/me", "/codes", f"/structures/{id_}", "/structures/0", "/nothing", request["links"]["self"]):
            path = path.removeprefix("/api/v1")
            got, head = await client.get(path), await client.head(path)
            assert (head.status_code, head.content) == (got.status_code, b"")
            headers = [{**answer.headers, "date": ""} for answer in (got, head)]
            assert headers[0] == headers[1]
        events = await client.head(f"/requests/{request['request_id']}/events")
        assert (events.status_code, events.content) == (200, b"")
        assert events.headers["content-type"].startswith("text/event-stream")
        none = await client.head(f"/structures/{id_}/activate")
        assert (none.status_code, none.headers["allow"]) == (405, "POST")
    async with stack.anonymous() as nobody:
        assert (await nobody.head("/me")).status_code == 401


async def test_a_method_nobody_knows_is_answered_with_those_there_are(stack: Stack) -> None:
    async with httpx2.AsyncClient(base_url=stack.api) as client:
        answer = await client.request("BREW", "/structures/1")
    assert (answer.status_code, answer.json()["code"]) == (501, "method_unknown")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["allow"] == "DELETE, GET, HEAD, PATCH, POST, PUT"
    documented = {method.upper() for methods in DOCUMENT["paths"].values() for method in methods}
    assert set(answer.headers["allow"].split(", ")) == documented | {"HEAD"}


@pytest.mark.parametrize(
    "path", ["/nothing", "", "/structures/", "/structures/1/", "/structures//1", "/../secrets", "/%2e%2e/x"]
)
async def test_an_unknown_path_is_a_problem_and_no_redirection(stack: Stack, path: str) -> None:
    async with stack.as_(fresh_user("u")) as client:
        answer = await client.get(stack.api + path)
    assert answer.status_code in {404, 422}
    assert answer.headers["content-type"] == "application/problem+json"
    assert "location" not in answer.headers


@pytest.mark.parametrize(
    "part", ["%00", "%ff", "%zz", "é", "%F0%9F%92%A9", "'", "1%0A", "-1", "1.0", "1e3", "٣", "$ne", "9" * 400]
)
async def test_a_strange_path_is_refused_in_order(stack: Stack, part: str) -> None:
    async with stack.as_(fresh_user("u")) as client:
        for path in (f"/structures/{part}", f"/requests/{part}", f"/structures/by-identifier/AUTRE/{part}"):
            answer = await client.get(path)
            assert answer.status_code in {404, 422}, path
            assert answer.json()["code"] in {"structure_not_found", "not_found", "invalid_request"}


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        ("", "token_missing"),
        ("Bearer", "token_missing"),
        ("Basic YTpi", "token_missing"),
        ("Bearer x", "token_invalid"),
        ("Bearer a.b.c", "token_invalid"),
        ("Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.", "token_invalid"),
        ("Bearer " + "x" * 5000, "token_invalid"),
    ],
)
async def test_callers_are_authenticated(stack: Stack, authorization: str, code: str) -> None:
    async with stack.anonymous() as client:
        answer = await client.get("/me", headers={"Authorization": authorization})
    assert (answer.status_code, answer.json()["code"]) == (401, code)
    error = "" if code == "token_missing" else ', error="invalid_token"'
    assert answer.headers["www-authenticate"] == f'Bearer realm="structures"{error}'


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"expires_in": -60}, "token_expired"),
        ({"audience": KAFKA}, "token_audience"),
        ({"iss": "https://elsewhere.example"}, "token_invalid"),
        ({"sub": "a\u200bb"}, "token_invalid"),
        ({"sub": ""}, "token_invalid"),
        ({"sub": 7}, "token_invalid"),
        ({"nbf": 4_000_000_000}, "token_invalid"),
        ({"exp": "tomorrow"}, "token_invalid"),
        ({"nbf": "tomorrow"}, "token_invalid"),
        ({"exp": float("inf")}, "token_invalid"),
    ],
)
async def test_a_token_that_does_not_authenticate_here_is_refused(
    stack: Stack, claims: dict[str, Any], code: str
) -> None:
    async with stack.as_(fresh_user("u"), **claims) as client:
        for answer in (await client.get("/me"), await client.post("/structures/1/activate")):
            assert (answer.status_code, answer.json()["code"]) == (401, code)
            assert (HTTP in answer.json()["title"]) == (code == "token_audience"), "it names the one to request"


async def test_who_is_unknown_learns_nothing_but_that(stack: Stack) -> None:
    """Not even that something else of the request is wrong."""
    async with stack.anonymous() as nobody:
        headers = {"Idempotency-Key": "a b", "Prefer": "wait=x"}
        answer = await nobody.post("/structures/1/activate", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "token_missing")


async def test_every_answer_has_safe_headers(stack: Stack) -> None:
    async with stack.as_(fresh_user("u")) as client:
        answers = [
            await client.get("/me"),
            await client.get("/nothing"),
            await client.patch("/structures/1", content=b"{"),
            await client.get("/structures/0"),
            await client.post("/structures/1/activate"),
        ]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert answer.headers["cache-control"] == "no-store"
        assert "server" not in answer.headers


async def test_the_catalogue_is_public_and_may_be_cached(stack: Stack) -> None:
    async with stack.anonymous() as nobody:
        answer = await nobody.get("/codes")
    assert answer.headers["cache-control"] == "public, max-age=3600"
    assert {"code": "forbidden", "http": 403, "message": stack.sentence("forbidden")} in answer.json()


async def test_the_description_is_the_committed_one_and_no_page_is_served_in_production(stack: Stack) -> None:
    async with httpx2.AsyncClient(base_url=stack.api) as client:
        assert (await client.get("/openapi.json")).json() == DOCUMENT
        assert (await client.get(stack.api.removesuffix("/api/v1") + "/docs")).status_code == 404
