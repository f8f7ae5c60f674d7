"""Every refusal that the OpenAPI document promises happens, on every route; and every answer is as it says.

That an answer is documented, and has the shape it is said to have, is checked by every client of these tests.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from dev.brokers import Brokers
from gateway.api.middleware import LARGEST_BODY
from tests.integration.gateway.conftest import replica
from tests.integration.gateway.stack import Issuer, Stack, fresh_id, fresh_user, until
from tests.support.contract import DOCUMENT, operations

SIRET = "41816609600069"
ELSEWHERE = {200, 202, 204, 503}
"""Statuses shown by other tests: what goes well or has ended, and brokers that are away."""

CASES = [
    (method, path, int(status))
    for method, path, operation in operations()
    for status in operation["responses"]
    if int(status) not in ELSEWHERE
]


def example(operation: Mapping[str, Any]) -> Any:
    """Return the first example that the document gives of a body; None where there is none."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    return next((each["value"] for each in content.get("examples", {}).values()), None)


@pytest_asyncio.fixture(scope="module")
async def closed(session_stack: Stack) -> str:
    """A user whose account is closed."""
    user = fresh_user("closed")
    await session_stack.owners.user(user, active=False)
    async with session_stack.as_(user) as client:

        async def is_closed() -> bool:
            return (await client.get("/me")).status_code == 403

        await until(is_closed)
    return user


@pytest_asyncio.fixture(scope="module")
async def impatient(gateway_brokers: Brokers, issuer: Issuer) -> AsyncIterator[str]:
    """A gateway that hardly lets anybody call."""
    rates = dict.fromkeys(("RATE_PERSON", "RATE_ADMINISTRATOR", "RATE_TECHNICAL", "RATE_ADDRESS"), "1/1")
    async with replica(gateway_brokers, issuer, **rates) as (api, _):
        yield api


class Call:
    """One call of an operation, right in everything but for what a case makes wrong."""

    def __init__(self, stack: Stack, method: str, path: str) -> None:
        self.stack, self.method, self.path = stack, method, path
        self.user = fresh_user("caller")
        self.values = {
            "structure_id": str(fresh_id()),
            "request_id": f"r{fresh_id()}",
            "type": "AUTRE",
            "value": "NOTHING",
            "user": "nobody",
            "siret": SIRET,
        }
        self.params: dict[str, Any] = {}
        self.headers: dict[str, str] = {"Prefer": "wait=20"} if method != "get" else {}
        self.body: Any = example(DOCUMENT["paths"][path][method])
        self.content: bytes | None = None

    async def send(self, user: str | None, api: str) -> httpx2.Response:
        claims: dict[str, Any] = {"scope": "structures:admin"} if "/users/" in self.path else {}
        client = self.stack.anonymous() if user is None else self.stack.as_(user, **claims)
        path = self.path.format(**self.values).removeprefix("/api/v1")
        sent: dict[str, Any] = {"params": self.params, "headers": self.headers}
        sent |= {"json": self.body} if self.content is None and self.body is not None else {"content": self.content}
        async with client as open_:
            return await open_.request(self.method.upper(), f"{api}{path}", **sent)


def _wrong(call: Call) -> None:
    """Make something of the call wrong: its body, else a part of its path, else a parameter."""
    if call.body is not None:
        call.body = {**call.body, "nonsense": 1}
    elif "{" in call.path:
        call.values |= {"structure_id": "0", "request_id": "a b", "user": "a%0Ab", "type": "X", "siret": "1"}
    else:
        call.params = {"page": 0}


def _refused(code: str) -> Callable[[Call], None]:
    def refuse(call: Call) -> None:
        call.stack.owners.decide = lambda event: (
            {"result": "NOT_FOUND"} if "siret" in event.data else {"status": "rejected", "code": code, "version": 1}
        )

    return refuse


def _nothing(_: Call) -> None: ...


PREPARE: Mapping[int, Callable[[Call], None]] = {
    400: lambda call: call.headers.update({"Idempotency-Key": "a b"}),
    401: _nothing,
    403: _nothing,
    404: _refused("structure_not_found"),
    409: _refused("already_pending"),
    413: lambda call: setattr(call, "content", b" " * (LARGEST_BODY + 1)),
    415: lambda call: call.headers.update({"Content-Type": "text/plain"}),
    422: _wrong,
    425: lambda call: call.params.update({"min_version": 1_000_000}),
    429: lambda call: call.headers.clear(),  # Nobody decides: there is nothing to wait for.
}


@pytest.mark.parametrize(("method", "path", "status"), CASES, ids=lambda v: str(v).removeprefix("/api/v1/"))
async def test_each_refusal_that_is_documented_happens(
    stack: Stack, closed: str, impatient: str, method: str, path: str, status: int
) -> None:
    call = Call(stack, method, path)
    PREPARE[status](call)
    if status == 409 and path.endswith("/cancel"):
        about = {"actor": call.user, "request_id": call.values["request_id"], "reference": {"user": "x"}}
        await stack.owners.journal("manager", **about, status="applied", version=1)
        async with stack.as_(call.user) as client:

            async def made() -> bool:
                return (await client.get(f"/requests/{call.values['request_id']}")).status_code == 200

            await until(made)
    user = {401: None, 403: closed}.get(status, call.user)
    api = impatient if status == 429 else stack.api
    answers = [await call.send(user, api) for _ in range(5 if status == 429 else 1)]
    refused = [answer for answer in answers if answer.status_code == status]
    assert refused, answers[-1].text
    assert {answer.headers["content-type"] for answer in refused} == {"application/problem+json"}
