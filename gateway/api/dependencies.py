"""What routes ask for, by annotated types: signatures then read like sentences."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import orjson
from fastapi import Depends, Path, Query, Request
from fastapi.responses import Response

from gateway.api import preferences
from gateway.api.authentication import Callers
from gateway.api.parameters import Digits, IdempotencyKey, Prefer, Traceparent, refuse_unknown
from gateway.api.paths import decoded
from gateway.api.problems import problem
from gateway.api.rate_limit.middleware import CLAIMS
from gateway.application.lookup import InseeLookUps
from gateway.application.outcome_listener import OutcomeListener
from gateway.application.submit import Sender, Submission
from gateway.projections.request_writer import RequestWriter
from gateway.queries.paging import Page
from gateway.queries.requests import Requests, as_shown
from gateway.queries.structures import Structures
from gateway.queries.users import Users
from gateway.read_model import request_records
from shared.contracts.messages.common import UserId
from shared.domain.actor import Actor
from shared.errors import Rejected
from shared.kafka.consumer import TRANSIENT

PREFIX = "/api/v1"


@dataclass(frozen=True)
class Services:
    """What the application is plugged to."""

    structures: Structures
    requests: Requests
    users: Users
    callers: Callers
    sender: Sender
    writer: RequestWriter
    outcome_listener: OutcomeListener
    insee: InseeLookUps


@dataclass(frozen=True, slots=True)
class Calling:
    """Whoever calls, proved by a token that ends in `left` seconds, and what the application is plugged to."""

    the: Services
    actor: Actor
    left: float
    authorization: str = field(repr=False)

    async def again(self) -> "Calling":
        """Return the caller as they are now. Raises Rejected once token or account are of no use any more."""
        return await _proved(self.the, self.authorization)


async def _proved(the: Services, authorization: str, claims: Mapping[str, Any] | None = None) -> Calling:
    proved = await the.callers.who(authorization, claims)
    return Calling(the, proved.actor, proved.left, authorization)


async def _calling(request: Request) -> Calling:
    # Two headers are one value, as RFC 9110 says, and that one is no token: none of them is picked.
    authorization = ", ".join(request.headers.getlist("authorization"))
    calling = await _proved(request.app.state.services, authorization, request.scope.get(CLAIMS))
    await refuse_unknown(request)  # Only now: whoever is not proved is told that, and nothing else.
    return calling


# Each dependency costs FastAPI more than a whole look-up of a token: a route has one that does all.
Caller = Annotated[Calling, Depends(_calling)]

User = Annotated[UserId, decoded, Path(description="id of a user: the subject of their tokens, `/` as `%2F`")]


async def _page(
    page: Annotated[int, Query(ge=1, le=10_000, description="pages count from 1"), Digits] = 1,
    size: Annotated[int, Query(ge=1, le=100, description="items on a page"), Digits] = 20,
) -> Page:
    return Page(page, size)


Paging = Annotated[Page, Depends(_page)]


def answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return JSON."""
    return Response(orjson.dumps(body), status, headers, "application/json")


@dataclass(frozen=True)
class RequestSubmitter:
    """How a write is asked: by whom, under which id, and how long the caller waits for its decision."""

    the: Services
    actor: Actor
    request_id: str
    named: bool
    """Whether the caller chose the id: then it may have been sent before."""
    wait: int
    traceparent: str | None

    async def ask(self, asked: Submission) -> Response:
        """Publish the request and answer with it: 202, or a problem when it is refused while the caller waits.

        One that comes again without waiting is answered as it stands: it may be decided already.
        """
        try:
            outcome = await self.the.sender.ask(
                self.actor, asked, self.request_id, wait=self.wait, traceparent=self.traceparent
            )
            record: Mapping[str, Any] = request_records.record(outcome)
            repeated = outcome.get("repeated", False)
            if outcome["status"] == "received" and self.named:
                record, repeated = await self._as_known(asked, outcome)
        except TRANSIENT:
            # It may have been sent all the same: with its id the caller can ask again without harm.
            return problem("unavailable", more={"request_id": self.request_id})
        if record["status"] == "rejected":
            return self._refusal(record, kept=outcome.get("recorded", True), repeated=repeated)
        path = self._path
        headers = {"Location": path}
        if self.wait:
            headers["Preference-Applied"] = f"wait={self.wait}"
        return answer({**as_shown(record), "repeated": repeated, "links": self._links(record, path)}, 202, headers)

    async def _as_known(self, asked: Submission, outcome: Mapping[str, Any]) -> tuple[Mapping[str, Any], bool]:
        """Return the request as it stands and whether it came before; refuse an id used for another one."""
        raw = await self.the.requests.known(asked.owner, self.actor, self.request_id)
        assert raw is not None  # noqa: S101 - its row has just been written.
        if raw.get("body_hash", asked.hash) != asked.hash:
            raise Rejected("request_id_reused")
        return raw["record"], request_records.is_repeat(raw["record"], outcome)

    def _refusal(self, record: Mapping[str, Any], *, kept: bool, repeated: bool) -> Response:
        return problem(
            record["code"],
            fields=dict(record["wrong"]),
            details=record.get("details"),
            more={"request_id": self.request_id, "repeated": repeated, **({"instance": self._path} if kept else {})},
            headers={"Location": self._path} if kept else None,
        )

    @property
    def _path(self) -> str:
        return f"{PREFIX}/requests/{self.request_id}"

    @staticmethod
    def _links(record: Mapping[str, Any], path: str) -> dict[str, str]:
        links = {"self": path, "events": f"{path}/events"}
        # As it was named, or told: which one it is may be more than whoever asked may know.
        structure = record.get("reference", {}).get("structure", {}).get("id")
        return links if structure is None else {**links, "structure": f"{PREFIX}/structures/{structure}"}


async def _asking(
    request: Request,
    idempotency_key: IdempotencyKey = None,
    prefer: Prefer = None,
    traceparent: Traceparent = None,
) -> RequestSubmitter:
    caller = await _calling(request)
    del idempotency_key, prefer  # They describe the headers; what counts is all of those that came.
    chosen = preferences.request_id(request.headers.getlist("idempotency-key"))
    wait = preferences.wait(request.headers.getlist("prefer"))
    return RequestSubmitter(
        caller.the, caller.actor, chosen or str(uuid.uuid4()), chosen is not None, wait, traceparent
    )


Ask = Annotated[RequestSubmitter, Depends(_asking)]
