"""Who calls: the bearer token of each HTTP request."""

import hashlib
from collections import OrderedDict

import orjson
from fastapi import Request

from gateway.read_model.queries import Queries
from gateway.sender import Sender
from shared.auth import Actor, Verifier, actor_of
from shared.errors import Rejected
from shared.logging import get_logger
from shared.messages.manager import RegisterUser

log = get_logger(__name__)

_REMEMBERED = 10_000


class Callers:
    """Proves who calls, introduces whoever is met for the first time, and turns closed accounts away."""

    def __init__(self, verifier: Verifier, queries: Queries, sender: Sender) -> None:
        self._verifier, self._queries, self._sender = verifier, queries, sender
        self._met: OrderedDict[str, None] = OrderedDict()

    async def who(self, request: Request) -> Actor:
        """Return the actor of an HTTP request. Raises Rejected (401 and 403 codes)."""
        actor = actor_of(await self._verifier.verify(request.headers.get("authorization")))
        user = await self._queries.user(actor.id)
        if user is not None and not user["active"]:
            raise Rejected("user_inactive")
        await self._introduce(actor)
        return actor

    async def _introduce(self, actor: Actor) -> None:
        names = {"first_name": actor.first_name, "last_name": actor.last_name, "email": actor.email}
        data = {name: value for name, value in names.items() if value}
        digest = hashlib.sha256(actor.id.encode() + orjson.dumps(data, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]
        if digest in self._met:
            return
        register = RegisterUser.model_validate(data)
        await self._sender.send(
            actor, "manager", register, f"user:{actor.id}", f"register.{digest}", f"register.{digest}"
        )
        self._met[digest] = None
        if len(self._met) > _REMEMBERED:
            self._met.popitem(last=False)
