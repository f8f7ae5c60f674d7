"""Parameters have one writing each, and a route refuses those it does not know: on every operation there is."""

from collections.abc import Mapping
from typing import Any

import pytest

from shared.clock import iso
from shared.contracts.messages.common import LARGEST_INTEGER as LARGEST
from tests.integration.gateway.stack import Stack, fresh_id, fresh_user, readable
from tests.support.contract import operations

OPERATIONS = [(method, path) for method, path, _ in operations()]
VALUES: Mapping[str, str] = {
    "structure_id": "1",
    "request_id": "r1",
    "type": "AUTRE",
    "value": "X",
    "user": "u",
    "siret": "41816609600069",
}
WRONG: Mapping[str, tuple[str, ...]] = {
    "integer": ("1_0", " 1", "", str(LARGEST + 1)),
    "date-time": ("1796001000", "2026-01-01T00:00:00", "2026-01-01T00:00:00  02:00"),
    "boolean": ("yes", "no", "on", "off", "1", "0", "t", "TRUE", "oui", ""),
}
"""By type, or format, what is no value of a parameter though something would read it as one; others are tried in
`tests/unit/gateway/api/test_parameters.py`."""
CODES = {"integer": "number_expected", "date-time": "instant_format", "boolean": "boolean_expected"}


def _kinds(schema: Mapping[str, Any]) -> set[str]:
    options = schema.get("anyOf", [schema])
    return {str(option.get("format", option.get("type"))) for option in options} & set(WRONG)


STRICT = [
    (method, path, parameter["in"], parameter["name"], kind)
    for method, path, operation in operations()
    for parameter in operation.get("parameters", ())
    for kind in _kinds(parameter["schema"])
]


def _url(path: str, **values: str) -> str:
    return path.format(**{**VALUES, **values}).removeprefix("/api/v1")


@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=lambda v: v.removeprefix("/api/v1/"))
async def test_a_parameter_that_a_route_does_not_know_is_refused(stack: Stack, method: str, path: str) -> None:
    user = fresh_user("u")
    async with stack.as_(user) as client:
        answer = await client.request(method, _url(path), params={"previeww": "true", "x" * 300: ""})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert {e["field"]: e["code"] for e in answer.json()["errors"]} == {
        "query.previeww": "field_unknown",
        f"query.{'x' * 100}": "field_unknown",
    }
    assert stack.owners.received_from(user) == []


@pytest.mark.parametrize(
    ("method", "path"),
    [(m, p) for m, p, operation in operations() if operation.get("security") != []],
    ids=lambda v: v.removeprefix("/api/v1/"),
)
async def test_who_is_not_authenticated_learns_that_alone(stack: Stack, method: str, path: str) -> None:
    async with stack.anonymous() as nobody:
        answer = await nobody.request(method, _url(path), params={"nonsense": "1"})
    assert (answer.status_code, answer.json()["code"]) == (401, "token_missing")


async def test_a_parameter_that_is_given_twice_is_refused(stack: Stack) -> None:
    async with stack.as_(fresh_user("u")) as client:
        answer = await client.get("/structures?page=1&size=2&page=1")
    assert [(e["field"], e["code"]) for e in answer.json()["errors"]] == [("query.page", "field_repeated")]


@pytest.mark.parametrize(
    ("method", "path", "where", "name", "kind"), STRICT, ids=lambda v: str(v).removeprefix("/api/v1/")
)
async def test_a_value_in_another_writing_is_refused_by_name(
    stack: Stack, method: str, path: str, where: str, name: str, kind: str
) -> None:
    async with stack.as_(fresh_user("u")) as client:
        for value in WRONG[kind]:
            if where == "path" and not value:
                continue  # It would be another path.
            url = _url(path, **({name: value} if where == "path" else {}))
            answer = await client.request(method, url, params={name: value} if where == "query" else {})
            assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), value
            code = "number_too_large" if value == str(LARGEST + 1) else CODES[kind]
            assert [(e["field"], e["code"]) for e in answer.json()["errors"]] == [(f"{where}.{name}", code)], value


async def test_the_plus_of_an_offset_may_be_left_unescaped(stack: Stack) -> None:
    """It comes as a space, which can stand for nothing else there."""
    id_, principal = fresh_id(), fresh_user("principal")
    await stack.owners.structure(id_, principal, label="un")
    step = {"actor": principal, "request_id": f"r{id_}", "reference": {"structure": {"id": id_}}, "version": 1}
    change = {"before": {}, "after": {"label": "un"}, "effective_at": iso(10_000), "at": iso(10_000)}
    await stack.owners.journal("structure", **step, **change, status="applied")
    async with stack.as_(principal) as client:
        path = f"/structures/{id_}?at="
        await readable(client, f"{path}1970-01-01T00:00:10Z")
        for plus in ("+", "%2B", "%20"):
            assert (await client.get(f"{path}1970-01-01T02:00:10{plus}02:00")).status_code == 200
            assert (await client.get(f"{path}1970-01-01T02:00:09{plus}02:00")).status_code == 404
        assert (await client.get(f"{path}1970-01-01T00:00:10.000-00:00")).status_code == 200


@pytest.mark.parametrize("key", ["..", "a/b"])
async def test_an_id_that_would_be_no_part_of_an_address_is_refused(stack: Stack, key: str) -> None:
    user = fresh_user("u")
    async with stack.as_(user) as client:
        answer = await client.post("/structures/1/activate", headers={b"Idempotency-Key": key.encode()})
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_invalid")
    assert stack.owners.received_from(user) == []


@pytest.mark.parametrize("key", ["...", ":", "x" * 100])
async def test_any_other_id_leads_back_to_its_request(stack: Stack, key: str) -> None:
    async with stack.as_(fresh_user("u")) as client:
        answer = await client.post("/structures/1/activate", headers={"Idempotency-Key": key})
        found = await client.get(answer.headers["location"].removeprefix("/api/v1"))
    assert (answer.status_code, found.status_code, found.json()["request_id"]) == (202, 200, key)
