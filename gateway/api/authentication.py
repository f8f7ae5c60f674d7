"""Authentication of callers, by the bearer token of each HTTP request."""

import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from gateway.application.registration import Registrations
from gateway.queries.manager import Users
from shared.auth.verifier import Verifier, actor_of
from shared.clock import SECOND
from shared.domain.actor import Actor
from shared.errors import Rejected

_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class AuthenticatedCaller:
    """An authenticated caller, whose token expires in `left` seconds."""

    actor: Actor
    left: float


class Callers:
    """Authenticates callers, registers those that are not known yet, and refuses closed accounts.

    A caller's record is read again after `kept` ms: a closed account can still read for that long at most. Writes are
    decided by their owners, who check the account themselves.
    """

    def __init__(self, verifier: Verifier, users: Users, registrations: Registrations, kept: int) -> None:
        self._verifier, self._users, self._registrations = verifier, users, registrations
        self._kept_s = kept / SECOND
        self._records: OrderedDict[str, tuple[float, Mapping[str, Any] | None]] = OrderedDict()

    async def who(self, authorization: str | None, claims: Mapping[str, Any] | None = None) -> AuthenticatedCaller:
        """Return the caller; `claims` are those of the token, if it has just been verified.

        Raises Rejected (401 and 403 codes), Transient when the issuer is needed and does not answer.
        """
        if claims is None:
            claims = await self._verifier.verify(authorization)
        # Outcomes of requests over HTTP are returned there, not on the topic of a client.
        actor = replace(actor_of(claims), client=None)
        record = await self._record(actor)
        if record is not None and not record["active"]:
            raise Rejected("user_inactive")
        return AuthenticatedCaller(actor, claims["exp"] - self._verifier.clock.now() / SECOND)

    async def _record(self, actor: Actor) -> Mapping[str, Any] | None:
        now = time.monotonic()
        until, record = self._records.get(actor.id, (0.0, None))
        if now < until:
            return record
        record = await self._users.one(actor.id)
        self._registrations.make(actor, record)
        self._records[actor.id] = (now + self._kept_s, record)
        self._records.move_to_end(actor.id)
        if len(self._records) > _REMEMBERED:
            self._records.popitem(last=False)
        return record
