"""What routes ask for, by annotated types: signatures then read like sentences."""

import re
import uuid
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import orjson
from fastapi import Depends, Header, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel

from gateway.auth import Callers
from gateway.insee import InseeLookUps
from gateway.problems import problem
from gateway.read_model.queries import Page, Queries
from gateway.sender import Sender
from shared import codes
from shared.auth import Actor
from shared.errors import Rejected
from shared.messages.common import Request as DomainRequest

_WAIT = re.compile(r"(?:^|[\s,;])wait=(\d{1,3})(?:$|[\s,;])")
_KEY = re.compile(r"[A-Za-z0-9._:-]{1,100}")
_LONGEST_WAIT = 30
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class Services:
    """What the application is plugged to."""

    queries: Queries
    sender: Sender
    callers: Callers
    insee: InseeLookUps


def services(request: Request) -> Services:
    """Return what the application is plugged to."""
    found: Services = request.app.state.services
    return found


The = Annotated[Services, Depends(services)]


async def _caller(request: Request, the: The) -> Actor:
    return await the.callers.who(request)


Caller = Annotated[Actor, Depends(_caller)]
StructureId = Annotated[int, Path(ge=1, le=2**63 - 1, description="id of a structure")]


def _page(page: Annotated[int, Query(ge=1, le=10_000)] = 1, size: Annotated[int, Query(ge=1, le=100)] = 20) -> Page:
    return Page(page, size)


Paging = Annotated[Page, Depends(_page)]


def answer(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return JSON."""
    return Response(orjson.dumps(body), status, headers, "application/json")


@dataclass(frozen=True)
class Asking:
    """How a write is asked: its id, and how long the caller waits for its decision."""

    the: Services
    actor: Actor
    request_id: str
    wait: int
    traceparent: str | None

    async def ask(self, owner: str, request: DomainRequest, key: str) -> Response:
        """Publish the request and answer with it: 202, or a problem when it is refused while the caller waits."""
        told = await self.the.sender.ask(
            self.actor, owner, request, key, self.request_id, wait=self.wait, traceparent=self.traceparent
        )
        location = f"/api/v1/requests/{self.request_id}"
        if told["status"] == "rejected":
            more = {"instance": location} if told.get("recorded", True) else {}
            return problem(
                told["code"],
                fields=told.get("fields"),
                details=told.get("details"),
                more={**more, "request_id": self.request_id},
            )
        body = {**told, "message": told.get("message") or codes.sentence(told["code"], told.get("details"))}
        return answer(
            body,
            202,
            {"Location": location, "Preference-Applied": f"wait={self.wait}"} if self.wait else {"Location": location},
        )


async def _asking(
    actor: Caller,
    the: The,
    idempotency_key: Annotated[
        str | None, Header(description="id of the request: sent again, it has one effect")
    ] = None,
    prefer: Annotated[str | None, Header(description="`wait=n`: answer once decided, after at most n seconds")] = None,
    traceparent: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> Asking:
    if idempotency_key is not None and not _KEY.fullmatch(idempotency_key):
        raise Rejected("idempotency_key_invalid")
    wait = 0
    if prefer is not None and "wait" in prefer:
        found = _WAIT.search(prefer)
        if found is None or int(found[1]) > _LONGEST_WAIT:
            raise Rejected("prefer_invalid")
        wait = int(found[1])
    return Asking(the, actor, idempotency_key or str(uuid.uuid4()), wait, traceparent)


Ask = Annotated[Asking, Depends(_asking)]


async def body_of(request: Request, model: type[M], **known: Any) -> M:
    """Return the request's body as a message, with what the path already says. Raises Rejected, naming the fields."""
    raw = await request.body()
    try:
        data = orjson.loads(raw) if raw else {}
    except orjson.JSONDecodeError as error:
        raise Rejected("message_unreadable") from error
    if not isinstance(data, dict):
        raise Rejected("message_unreadable")
    clash = {name: "field_unknown" for name in known if name in data}
    if clash:
        raise Rejected("invalid_request", fields=clash)
    return model.model_validate({**data, **known})
