"""Compares every answer these tests get with the OpenAPI document: its status, its media type, its schema."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import httpx2
from jsonschema import Draft202012Validator, FormatChecker

from gateway.api.openapi import FILE
from shared.clock import parse_instant
from shared.contracts.codes import CODES

Operation = Mapping[str, Any]

DOCUMENT: dict[str, Any] = json.loads(FILE.read_text())
METHODS = ("get", "put", "post", "patch", "delete")
_ANYWHERE = frozenset({404, 405, 429, 500})
"""Statuses of what no operation documents: no such path or method, called too often or not, and a bug of ours."""


def _instant(text: object) -> bool:
    return isinstance(text, str) and isinstance(parse_instant(text), int)


_FORMATS = FormatChecker(())
_FORMATS.checks("date-time", raises=ValueError)(_instant)


def operations() -> Iterator[tuple[str, str, Operation]]:
    """Yield method, path and description of every operation."""
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def _pattern(path: str) -> re.Pattern[str]:
    # An identifier may hold a slash; any other parameter is one part of the path.
    return re.compile(re.sub(r"\{(\w+)\}", lambda m: ".*" if m[1] == "value" else "[^/]+", path))


_PATTERNS = sorted(((_pattern(path), path) for path in DOCUMENT["paths"]), key=lambda known: known[1].count("{"))


def path_of(raw: str) -> str | None:
    """Return the documented path that a request's path matches, the most literal one first."""
    return next((path for pattern, path in _PATTERNS if pattern.fullmatch(raw)), None)


def _closed(schema: Any) -> Any:
    """Return a schema that refuses the fields it does not name, unless it says that there may be others."""
    if isinstance(schema, list):
        return [_closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(part) for name, part in schema.items()}
    if "properties" in schema and isinstance(schema["properties"], dict):
        closed.setdefault("additionalProperties", False)
    return closed


_COMPONENTS = _closed(DOCUMENT["components"])


def check(schema: Mapping[str, Any], value: Any) -> None:
    """Fail unless a value is what its schema says, and nothing more."""
    whole = {**_closed(schema), "components": _COMPONENTS}
    Draft202012Validator(whole, format_checker=_FORMATS).validate(value)


async def check_answer(answer: httpx2.Response) -> None:
    """Fail unless an answer is one that the document promises. Made for the hooks of an asynchronous client."""
    if not answer.headers.get("content-type", "").startswith("text/event-stream"):
        await answer.aread()
    check_read_answer(answer)


def check_read_answer(answer: httpx2.Response) -> None:
    """Fail unless an answer whose body has been read is one that the document promises."""
    request = answer.request
    raw = request.url.raw_path.decode().partition("?")[0]
    path = path_of(raw)
    method = "get" if request.method == "HEAD" else request.method.lower()
    operation = DOCUMENT["paths"].get(path, {}).get(method)
    media = answer.headers.get("content-type", "").partition(";")[0]
    exchange = f"{request.method} {path or raw} → {answer.status_code} {media}"
    if operation is None or answer.status_code not in _documented(operation):
        assert answer.status_code in _ANYWHERE, f"{exchange} is not documented"
        assert answer.status_code != 500, f"{exchange}: {answer.text}"
        content: Mapping[str, Any] = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    else:
        promised = operation["responses"][str(answer.status_code)]
        missing = {name.lower() for name in promised.get("headers", ())} - set(answer.headers)
        assert not missing, f"{exchange}: expected the headers {missing}"
        content = promised.get("content", {})
        if not content:
            assert not answer.content, f"{exchange}: expected nothing"
            return
    assert media in content, f"{exchange}: expected {list(content)}"
    if request.method == "HEAD":
        return
    if media == "text/event-stream":
        return
    body = answer.json()
    check(content[media]["schema"], body)
    if answer.status_code >= 400 or answer.status_code == 202:
        _check_status(answer.status_code, body)


def _check_status(status: int, body: Mapping[str, Any]) -> None:
    """Fail unless a code is answered with the status that the catalogue says."""
    if body.get("status") == "failed" or (body["code"], status) == ("siret_not_found", 404):
        return  # What failed says why a like request would be refused; a SIRET that is looked up is itself not there.
    assert CODES[body["code"]].http == status, f"{body['code']} is answered with {status}"


def _documented(operation: Operation) -> set[int]:
    return {int(status) for status in operation["responses"]}
