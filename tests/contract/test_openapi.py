"""The published contract of the API is what the code says, is complete, and stands beside the one of the messages."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, get_args

import pytest

from dev.contracts import FOLDER
from gateway.api import preferences
from gateway.api.app import create_api
from gateway.api.openapi import FILE
from gateway.api.schemas import Team
from gateway.visibility.manager import possible_requests
from shared.contracts.messages import manager
from shared.contracts.messages.common import LARGEST_INTEGER
from shared.domain import identifiers
from shared.domain.access_levels import Right
from shared.domain.actor import Actor
from shared.errors import Rejected
from tests.support.contract import DOCUMENT, operations


def _integers() -> Iterator[tuple[str, Any]]:
    """Yield every integer of a path or a query, with where it stands."""
    for method, path, operation in operations():
        for parameter in operation.get("parameters", ()):
            for schema in parameter["schema"].get("anyOf", [parameter["schema"]]):
                if schema.get("type") == "integer":
                    yield f"{method} {path} {parameter['name']}", schema


def test_it_stands_beside_the_contract_of_the_messages() -> None:
    assert FILE == FOLDER / "openapi.json"


def test_what_is_committed_is_what_the_code_says() -> None:
    assert json.loads(json.dumps(create_api().openapi())) == DOCUMENT


def test_every_route_has_a_summary_a_tag_and_examples_of_its_body() -> None:
    for method, path, operation in operations():
        assert operation["summary"], (method, path)
        assert operation["description"] or path.endswith("codes"), (method, path)
        assert len(operation["tags"]) == 1
        for content in operation.get("requestBody", {}).get("content", {}).values():
            assert content["examples"], f"{method} {path} shows no example of its body"


def test_what_may_be_asked_of_a_team_is_what_the_document_says() -> None:
    said = get_args(get_args(Team.model_fields["possible_requests"].annotation)[0])
    given = {
        request
        for right in Right
        for request in possible_requests({"access": [{"user": "alice", "right": right.value}]}, Actor("alice"))
    }
    assert set(said) == given
    assert {f"membership.{request}.v1" for request in given} <= {model.type for model in manager.REQUESTS}


def test_everything_but_the_catalogue_asks_for_a_token() -> None:
    public = [path for _, path, operation in operations() if operation.get("security") == []]
    assert public == ["/api/v1/codes"]
    assert DOCUMENT["security"] == [{"oidc": []}]


def test_every_integer_can_be_held_by_every_reader() -> None:
    integers = dict(_integers())
    assert len(integers) > 20
    assert {where for where, schema in integers.items() if schema["maximum"] > LARGEST_INTEGER} == set()


def _pattern(name: str) -> re.Pattern[str]:
    """Return the pattern that every operation with this parameter documents."""
    (pattern,) = {
        schema["pattern"]
        for _, _, operation in operations()
        for parameter in operation.get("parameters", ())
        if parameter["name"] == name
        for schema in (parameter["schema"], *parameter["schema"].get("anyOf", ()))
        if "pattern" in schema
    }
    return re.compile(pattern, re.ASCII)


def _is_taken(read: Callable[[], object]) -> bool:
    try:
        read()
    except Rejected:
        return False
    return True


@pytest.mark.parametrize(
    "key", [".", "..", "...", "a", "a b", "a/b", "x" * 100, "x" * 101, "A.b_c:d-e", '"a"', '".."', '"', ""]
)
def test_a_key_is_what_the_document_says(key: str) -> None:
    assert _is_taken(lambda: preferences.request_id([key])) == bool(_pattern("idempotency-key").search(key))


@pytest.mark.parametrize(
    "prefer",
    [
        *("wait=0", "wait=5", "wait=30", "wait = 5", 'wait="5"', "respond-async, wait=5", "wait=5; foo=1"),
        *("respond-async", "wait=x", "wait", "wait=-1", "wait=1.5", "awaiting", "x"),
    ],
)
def test_a_preference_is_what_the_document_says(prefer: str) -> None:
    assert _is_taken(lambda: preferences.wait([prefer])) == bool(_pattern("prefer").search(prefer))


@pytest.mark.parametrize(
    "siret", ["41816609600069", "418 166 096 00069", "418.166.096-00069", "4181660960006", "x", ""]
)
def test_a_siret_is_what_the_document_says(siret: str) -> None:
    problem = identifiers.problem("SIRET", identifiers.compact("SIRET", siret))
    assert (problem is None) == bool(_pattern("siret").search(siret))
