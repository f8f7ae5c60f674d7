"""Registers callers whose record in the read model is missing or differs from their token."""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import orjson

from gateway.application.submit import RequestSubmitter, Submission
from shared.contracts.messages.manager import RegisterUser
from shared.domain.actor import Actor
from shared.kafka.consumer import TRANSIENT
from shared.runtime.logging import get_logger

log = get_logger(__name__)

_REMEMBERED = 10_000


class Registrations:
    """Sends `user.register.v1` in a caller's name, once for each known version and content of the token.

    It does so in the background, since a call that only reads must not wait for Kafka.
    """

    def __init__(self, submitter: RequestSubmitter) -> None:
        self._submitter = submitter
        self._made: OrderedDict[str, None] = OrderedDict()
        self._sending: set[asyncio.Task[None]] = set()

    def make(self, actor: Actor, known: Mapping[str, Any] | None) -> None:
        """Register a caller whose record differs from their token. After a failure the next call tries again."""
        claims = names(actor)
        if known is not None and all(known.get(field) == value for field, value in claims.items()):
            return
        request_id = registration_id(actor.id, claims, known["version"] if known else 0)
        if request_id in self._made:
            return
        self._made[request_id] = None
        if len(self._made) > _REMEMBERED:
            self._made.popitem(last=False)
        submission = Submission(actor, RegisterUser.read(claims), claims, request_id)
        sending = asyncio.create_task(self._send(submission), name="registration")
        self._sending.add(sending)
        sending.add_done_callback(self._sending.discard)

    async def _send(self, submission: Submission) -> None:
        try:
            await self._submitter.publish(submission)
        except TRANSIENT as error:
            log.warning("a caller could not be registered", error=type(error).__name__)
            self._made.pop(submission.request_id, None)

    async def end(self) -> None:
        """Wait for the registrations that are being sent."""
        await asyncio.gather(*self._sending)


def registration_id(user: str, claims: Mapping[str, str], version: int) -> str:
    """Return the id of a registration. Every replica with the same record and token derives the same id.

    The version known is part of it, so that a name which changes and changes back is registered again.
    """
    values = orjson.dumps([user, version, claims], option=orjson.OPT_SORT_KEYS)
    return f"register.{hashlib.sha256(values).hexdigest()[:32]}"


def names(actor: Actor) -> dict[str, str]:
    """Return the user's data in a token, as they are registered; unusable ones are left out."""
    claims = {"first_name": actor.first_name, "last_name": actor.last_name, "email": actor.email}
    return RegisterUser.usable(claims).model_dump(exclude_none=True)
