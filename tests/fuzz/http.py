"""Requests to every operation of the OpenAPI document, drawn by schemathesis, each by three people."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import requests
import schemathesis
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.fuzz.stack import ADMINISTRATOR, MEMBER, SPOILT_USER, STRANGER, Stack
from tests.fuzz.tries import tries
from tests.support.contract import DOCUMENT

WHO = (STRANGER, MEMBER, ADMINISTRATOR)
_CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
    negative_data_rejection,
]
_INTERNALS = re.compile(
    r"Traceback|File \"|site-packages|pydantic|pymongo|motor|aiokafka|mongodb:|KafkaError|starlette|fastapi|\.py\b",
    re.IGNORECASE,
)
_REFUSALS = [400, 401, 403, 404, 405, 409, 413, 415, 422, 425, 429, 431]
_TIMEOUT = 30


def fuzz(stack: Stack, seed: int, examples: int) -> None:
    """Call every operation."""
    sessions, statuses = {who: _session(stack, who) for who in WHO}, Counter[int]()
    known = _known(stack)
    for operation in _operations():
        tries(seed, examples, _cases(operation, known), lambda case: _try(stack, sessions, case, statuses))
    for session in sessions.values():
        session.close()
    assert {200, 202, 422} <= set(statuses), f"some was not tried at all: {statuses}"
    assert statuses[429] < statuses.total() / 2, f"most was refused unread: {statuses}"
    stack.is_intact()


def _operations() -> Iterator[Any]:
    # Each caller has a token: what is drawn must not take its absence for part of the request.
    document = {name: part for name, part in DOCUMENT.items() if name != "security"}
    schema = schemathesis.openapi.from_dict(document)
    schema.config.checks.negative_data_rejection.expected_statuses = [str(status) for status in _REFUSALS]
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), found
        yield found.ok()


def _cases(operation: Any, known: Mapping[str, str]) -> SearchStrategy[Any]:
    names = [parameter.name for parameter in operation.path_parameters]
    exists = {name: known[name] for name in names}
    right, wrong = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
    drawn = [operation.as_strategy(right), operation.as_strategy(wrong)]
    if exists:
        drawn.append(operation.as_strategy(right, path_parameters=exists))
        if operation.body or operation.query or operation.headers:
            drawn.append(operation.as_strategy(wrong, path_parameters=exists))
    return st.one_of(drawn)


def _known(stack: Stack) -> Mapping[str, str]:
    with stack.system.as_("alice") as api:
        path = f"/structures/{stack.structure}"
        identifier = api.get(path).json()["identifier"]
        request_id = api.patch(path, json={"label": stack.mark()}).json()["request_id"]
    return {
        "structure_id": stack.structure,
        "request_id": request_id,
        "type": identifier["type"],
        "value": identifier["value"],
        "user": SPOILT_USER,
        "siret": "00010001600013",
    }


def _session(stack: Stack, who: str) -> requests.Session:
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {stack.system.token(who)}"
    return session


def _try(stack: Stack, sessions: Mapping[str, requests.Session], case: Any, statuses: Counter[int]) -> None:
    for who, session in sessions.items():
        answer = case.call(base_url=stack.system.settings.api, session=session, timeout=_TIMEOUT)
        statuses[answer.status_code] += 1
        try:
            case.validate_response(answer, checks=_CHECKS)
        except FailureGroup as found:  # It is no Exception, and would not be made smaller.
            raise AssertionError(f"as {who}: {found}") from None
        inside = _INTERNALS.search(answer.text)
        assert inside is None, f"as {who}: {inside[0]!r} discloses what is inside: {answer.text[:2_000]}"
    stack.nobody_died()
