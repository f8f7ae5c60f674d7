"""Parameters of paths, queries and headers: each in one form, and none that the route does not know.

A parameter that is misspelt, or could be misread, must be an error and not silence.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import FastAPI, Header, Path, Query, Request
from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from shared.contracts.messages.common import LARGEST_INTEGER
from shared.domain import identifiers
from shared.errors import Rejected

LONGEST_WAIT = 30
"""Seconds that a caller may wait for a decision at most."""
ID = r"(?!\.{1,2}$)[A-Za-z0-9._:-]{1,100}"
"""The form of a request's id; not "." or "..", which clients remove from a path before they send it."""
ID_IN_QUOTES = r'(?!\.{1,2}"$)[A-Za-z0-9._:-]{1,100}'
WAIT = r"(?:^|[\s,;])wait\s*=\s*\"?([0-9]{1,3})\"?\s*(?:$|[,;])"
_INTEGER = re.compile(r"0|[1-9][0-9]{0,18}")
_INSTANT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?)(Z|[ +-][0-9]{2}:[0-9]{2})"
)
_MOST_SHOWN, _LONGEST_SHOWN = 20, 100


def _integer(value: Any) -> Any:
    """Refuse other forms that Python would read as a number, such as 1_0, +1, 1.0 or digits of other scripts."""
    if isinstance(value, str) and not _INTEGER.fullmatch(value):
        raise PydanticCustomError("number_expected", "it is no integer")
    return value


def _instant(value: Any) -> Any:
    """Read an RFC 3339 text. An unescaped plus arrives as a space, which can mean nothing else there."""
    if not isinstance(value, str):
        return value
    found = _INSTANT.fullmatch(value)
    try:
        return datetime.fromisoformat(found[1] + found[2].replace(" ", "+") if found else "")
    except ValueError as error:
        raise PydanticCustomError("instant_format", "it is no RFC 3339 instant") from error


Digits = BeforeValidator(_integer)
"""Makes an integer strict. It comes last: before the bounds it would keep them out of the OpenAPI document."""
Moment = Annotated[datetime, BeforeValidator(_instant), WithJsonSchema({"type": "string", "format": "date-time"})]

StructureId = Annotated[int, Path(ge=1, le=LARGEST_INTEGER, description="id of a structure"), Digits]
Siret = Annotated[
    str,
    Path(
        max_length=identifiers.LONGEST_WRITTEN,
        description="spaces, dots and hyphens are ignored",
        json_schema_extra={"pattern": identifiers.WRITTEN["SIRET"]},
    ),
]
At = Annotated[
    Moment | None,
    Query(description="an instant that has passed, such as 2026-11-23T10:00:00Z; the + of an offset is written %2B"),
]
MinVersion = Annotated[
    int,
    Query(
        ge=0,
        le=LARGEST_INTEGER,
        description="a version known from an answer: it is waited for, 0.5 s at most, then 425 `not_yet`",
    ),
    Digits,
]
IdempotencyKey = Annotated[
    str | None,
    Header(
        description="id of the request, chosen by the caller, in quotes or not: sent again, it has one effect",
        json_schema_extra={"pattern": f'^(?:{ID}|"{ID_IN_QUOTES}")$'},
    ),
]
Prefer = Annotated[
    str | None,
    Header(
        description=f"`wait=n`: answer once decided, after n seconds at most (0 to {LONGEST_WAIT})",
        json_schema_extra={"pattern": rf"^(?![\s\S]*(?:^|[\s,;])wait(?:$|[\s=,;]))|{WAIT}"},
    ),
]
Traceparent = Annotated[str | None, Header(include_in_schema=False)]


def known_queries(api: FastAPI, prefix: str) -> Mapping[tuple[str, str], frozenset[str]]:
    """Return the query parameters of each operation, as the OpenAPI document describes them.

    An operation is named by its method and its path after `prefix`, as its router knows it.
    """
    return {
        (method.upper(), path.removeprefix(prefix)): frozenset(
            p["name"] for p in operation.get("parameters", ()) if p["in"] == "query"
        )
        for path, operations in api.openapi()["paths"].items()
        for method, operation in operations.items()
    }


async def refuse_unknown(request: Request) -> None:
    """Raise Rejected for a query parameter that the route does not know, or that is given twice."""
    names = [name for name, _ in request.query_params.multi_items()]
    if not names:
        return
    known = request.app.state.known_queries[request.method, request.scope["route"].path_format]
    wrong = {name: "field_unknown" for name in names if name not in known}
    wrong |= {name: "field_repeated" for name in known if names.count(name) > 1}
    if wrong:
        raise Rejected("invalid_request", fields=_outcome(wrong.items()))


def _outcome(wrong: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {f"query.{name[:_LONGEST_SHOWN]}": code for name, code in list(wrong)[:_MOST_SHOWN]}
