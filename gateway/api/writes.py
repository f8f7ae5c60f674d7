"""The dependency of writing routes: it submits a request, and returns 202 or a problem."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import Response

from gateway.api import preferences
from gateway.api.dependencies import PREFIX, Calling, answer, calling_of
from gateway.api.parameters import IdempotencyKey, Prefer, Traceparent
from gateway.api.problems import problem
from gateway.application.submit import Submission, Submitted
from gateway.queries.requests import as_shown
from shared.contracts.messages.common import Request as Message
from shared.kafka.consumer import TRANSIENT


@dataclass(frozen=True, slots=True)
class Writing:
    """The caller of a write, the id of its request, and how long the caller waits for its decision."""

    caller: Calling
    request_id: str
    chosen: bool
    wait: int
    traceparent: str | None

    async def submit(self, request: Message, data: Mapping[str, Any]) -> Response:
        """Submit a request and return it: 202, or a problem when it is refused while the caller waits."""
        submission = Submission(
            self.caller.actor, request, data, self.request_id, self.chosen, self.wait, self.traceparent
        )
        try:
            submitted = await self.caller.services.submitter.submit(submission)
        except TRANSIENT:
            # It may have been published all the same: with its id the caller can send it again without harm.
            return problem("unavailable", more={"request_id": self.request_id})
        if submitted.record["status"] == "rejected":
            return self._refusal(submitted)
        record, headers = submitted.record, {"Location": self._path}
        if self.wait:
            headers["Preference-Applied"] = f"wait={self.wait}"
        shown = {**as_shown(record), "repeated": submitted.repeated, "links": self._links(record)}
        return answer(shown, 202, headers)

    def _refusal(self, submitted: Submitted) -> Response:
        more: dict[str, Any] = {"request_id": self.request_id, "repeated": submitted.repeated}
        if submitted.recorded:
            more["instance"] = self._path
        return problem(
            submitted.record["code"],
            fields=dict(submitted.record["wrong"]),
            details=submitted.record.get("details"),
            more=more,
            headers={"Location": self._path} if submitted.recorded else None,
        )

    @property
    def _path(self) -> str:
        return f"{PREFIX}/requests/{self.request_id}"

    def _links(self, record: Mapping[str, Any]) -> dict[str, str]:
        links = {"self": self._path, "events": f"{self._path}/events"}
        # Only an id that the request or its outcome names: the caller may not be allowed to know more.
        structure = record.get("reference", {}).get("structure", {}).get("id")
        return links if structure is None else {**links, "structure": f"{PREFIX}/structures/{structure}"}


async def _writing(
    request: Request,
    idempotency_key: IdempotencyKey = None,
    prefer: Prefer = None,
    traceparent: Traceparent = None,
) -> Writing:
    caller = await calling_of(request)
    # These parameters only document the headers: below, all headers that were sent are read.
    del idempotency_key, prefer
    chosen = preferences.request_id(request.headers.getlist("idempotency-key"))
    wait = preferences.wait(request.headers.getlist("prefer"))
    return Writing(caller, chosen or str(uuid.uuid4()), chosen is not None, wait, traceparent)


Write = Annotated[Writing, Depends(_writing)]
