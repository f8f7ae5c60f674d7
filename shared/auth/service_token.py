"""Our own systems' token, with which the gateway and operators publish requests for users they have authenticated."""

import asyncio

import httpx2

from shared.auth.verifier import ACT_FOR
from shared.clock import SECOND, Clock
from shared.errors import Transient
from shared.runtime.logging import get_logger

log = get_logger(__name__)

_MARGIN = 30 * SECOND
"""A token is not used this close to its expiry, which is compared with the time the broker appends the message."""
_RETRY = 5.0


class ServiceToken:
    """Fetched by client credentials, kept, and renewed in the background once half of its life is over.

    `audience` is the one requests on Kafka must carry. Nothing here logs a token.
    """

    def __init__(self, issuer: str, client_id: str, client_secret: str, audience: str, clock: Clock) -> None:
        self._issuer = issuer.rstrip("/")
        self._form = {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": client_secret,
            "audience": audience,
            "scope": ACT_FOR,
        }
        self._clock = clock
        self._header = b""
        self._usable_until = 0
        self._fresh_until = 0
        self._fetching: asyncio.Task[None] | None = None

    async def header(self) -> bytes:
        """Return the value of the header `authorization`. Raises Transient when the issuer gives no token."""
        now = self._clock.now()
        if now >= self._fresh_until and self._fetching is None:
            self._fetching = asyncio.create_task(self._fetch(), name="own token")
            self._fetching.add_done_callback(self._fetched)
        if now >= self._usable_until and self._fetching is not None:
            await asyncio.shield(self._fetching)
        if now >= self._usable_until:
            raise Transient("the issuer gives us no token")
        return self._header

    async def ready(self) -> None:
        """Raise Transient when the issuer gives no token."""
        await self.header()

    def renew(self) -> None:
        """Fetch a new token when one is next needed, and use the present one until it is there."""
        self._fresh_until = 0

    def refused(self) -> None:
        """Discard the token: an owner does not accept it."""
        self._usable_until = self._fresh_until = 0

    def _fetched(self, task: "asyncio.Task[None]") -> None:
        self._fetching = None
        if not task.cancelled() and task.exception() is not None:
            self._fresh_until = self._clock.now() + int(_RETRY * SECOND)
            log.warning("no token of our own", error=type(task.exception()).__name__)

    async def _fetch(self) -> None:
        try:
            async with httpx2.AsyncClient(timeout=5) as client:
                about = await client.get(f"{self._issuer}/.well-known/openid-configuration")
                about.raise_for_status()
                answer = await client.post(about.json()["token_endpoint"], data=self._form)
                answer.raise_for_status()
                token = answer.json()
                life = int(token["expires_in"]) * SECOND
                self._header = f"Bearer {token['access_token']}".encode()
        except (httpx2.HTTPError, KeyError, ValueError, TypeError) as error:
            raise Transient(f"the issuer gives no token: {type(error).__name__}") from error
        now = self._clock.now()
        self._usable_until = now + max(life - _MARGIN, life // 2)
        self._fresh_until = now + life // 2
