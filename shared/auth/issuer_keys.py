"""The issuer's public keys: fetched, kept, and distinguished from those it has withdrawn.

A key is identified by its thumbprint (RFC 7638): two keys may have one name (`kid`), and a name may be used again. A
withdrawn key still verifies messages that the broker had before its withdrawal, for as long as messages are kept.
Later messages it verifies for a short grace only, since whoever stole it may still be signing.
"""

import asyncio
import contextlib
import time
import warnings
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol

import httpx2
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import import_key

from shared.clock import DAY, MINUTE, SECOND, Clock
from shared.errors import Transient
from shared.runtime.logging import get_logger

log = get_logger(__name__)

_KINDS = ("RSA", "EC", "OKP")
_MEMBERS = ("kty", "kid", "alg", "n", "e", "crv", "x", "y")
_LONGEST_NAME = 200
_SPACING_S = 1.0
"""Least seconds between two fetches: anybody can invent names of keys, and the issuer is not asked for each."""
_NEVER = float("-inf")


@dataclass(frozen=True, slots=True)
class IssuerKey:
    """One public key, as a JWK. `withdrawn_at` (ms) is when the issuer was first seen no longer to publish it."""

    thumbprint: str
    jwk: Mapping[str, Any]
    withdrawn_at: int | None = None


class KeyStore(Protocol):
    """Keeps the issuer's keys over restarts, those it has withdrawn included."""

    async def load(self) -> list[IssuerKey]:
        """Return the keys kept. Raises Transient when that is not possible now."""
        ...

    async def save(self, keys: Iterable[IssuerKey]) -> None:
        """Keep these keys; one that stays withdrawn is forgotten after a while. Raises Transient."""
        ...


class NoKeyStore:
    """Keeps nothing: for processes that only verify tokens of the current call, such as the gateway."""

    async def load(self) -> list[IssuerKey]:
        """Return no key."""
        return []

    async def save(self, keys: Iterable[IssuerKey]) -> None:
        """Forget."""


class IssuerKeys:
    """The keys of one issuer.

    A withdrawn key is kept for `kept` ms. It verifies messages up to `grace` ms after its withdrawal. `timeout` (s) is
    how long the issuer may take to answer.
    """

    def __init__(
        self,
        issuer: str,
        clock: Clock,
        store: KeyStore | None = None,
        *,
        kept: int = 8 * DAY,
        grace: int = 10 * MINUTE,
        timeout: float = 5.0,
    ) -> None:
        self.issuer = issuer
        self._clock = clock
        self._store = store or NoKeyStore()
        self._kept, self._grace, self._timeout = kept, grace, timeout
        self._keys: dict[str, IssuerKey] = {}
        self._lock = asyncio.Lock()
        self._loaded = False
        self._fetched = self._tried = _NEVER
        self._in_vain = False
        self._fetching: asyncio.Task[list[IssuerKey]] | None = None

    async def named(self, name: str, received: float, patience: float | None = None) -> list[IssuerKey]:
        """Return the keys of this name. `received` (s, monotonic) is when the message to verify had arrived here.

        An issuer publishes a key before it signs with it. So a name that a fetch made after `received` does not know is
        invented. Raises Transient when the issuer is needed and does not answer within `patience` (s).
        """
        if (found := self._named(name)) or self._fetched >= received:
            return found
        if patience is None:
            return await self._fetched_for(name, received)
        if patience <= 0:
            raise Transient("the issuer would have to be asked")
        # The fetch serves other callers too, so it goes on when our patience ends.
        if self._fetching is None or self._fetching.done():
            self._fetching = asyncio.create_task(self._fetched_for(name, received), name="issuer's keys, asked for")
            self._fetching.add_done_callback(lambda task: task.cancelled() or task.exception())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._fetching), patience)
        if (found := self._named(name)) or self._fetched >= received:
            return found
        raise Transient("the issuer has not answered yet")

    async def _fetched_for(self, name: str, received: float) -> list[IssuerKey]:
        async with self._lock:
            await self._load()
            if not self._named(name) and self._fetched < received:
                await self._fetch()
        return self._named(name)

    def prove(self, thumbprint: str, at: int) -> bool:
        """Tell whether this key is good for a message that the broker appended at `at` (ms)."""
        key = self._keys.get(thumbprint)
        return key is not None and (key.withdrawn_at is None or at <= key.withdrawn_at + self._grace)

    async def ready(self) -> None:
        """Fetch the keys if that was never done. Raises Transient when the issuer does not answer."""
        if self._fetched == _NEVER:
            await self.refresh()

    async def refresh(self) -> bool:
        """Fetch the keys; return whether one was withdrawn since. Raises Transient when the issuer does not answer."""
        async with self._lock:
            await self._load()
            return await self._fetch()

    @asynccontextmanager
    async def kept_fresh(self, every: int, on_withdrawal: Callable[[], None] = lambda: None) -> AsyncIterator[None]:
        """Fetch the keys every so often (ms), so that a withdrawal is noticed, until the context is left."""
        refreshing = asyncio.create_task(self._keep_fresh(every, on_withdrawal), name="issuer's keys")
        try:
            yield
        finally:
            refreshing.cancel()
            await asyncio.wait([refreshing])

    async def _keep_fresh(self, every: int, on_withdrawal: Callable[[], None]) -> None:
        while True:
            await asyncio.sleep(every / SECOND)
            try:
                if await self.refresh():
                    on_withdrawal()
            except Exception as error:  # noqa: BLE001 - the keys we have stay in use, and the next turn tries again.
                log.warning("the issuer's keys are not fresh", error=type(error).__name__)

    def _named(self, name: str) -> list[IssuerKey]:
        return [key for key in self._keys.values() if key.jwk["kid"] == name]

    async def _load(self) -> None:
        if not self._loaded:
            self._keys.update({key.thumbprint: key for key in await self._store.load()})
            self._loaded = True

    async def _fetch(self) -> bool:
        wait = self._tried + _SPACING_S - time.monotonic()
        if wait > 0:
            if self._in_vain:
                raise Transient("the issuer has just not answered")
            await asyncio.sleep(wait)
        self._tried = started = time.monotonic()
        self._in_vain = True
        published = {key.thumbprint: key for key in await self._published()}
        self._in_vain = False
        withdrawn = self._replace(published)
        self._fetched = started
        await self._store.save(self._keys.values())
        return withdrawn

    def _replace(self, published: Mapping[str, IssuerKey]) -> bool:
        now = self._clock.now()
        gone = [key for key in self._keys.values() if key.thumbprint not in published]
        kept = [replace(key, withdrawn_at=now) if key.withdrawn_at is None else key for key in gone]
        self._keys = {
            **{key.thumbprint: key for key in kept if now <= (key.withdrawn_at or 0) + self._kept},
            **published,
        }
        return any(key.withdrawn_at is None for key in gone)

    async def _published(self) -> list[IssuerKey]:
        try:
            async with httpx2.AsyncClient(timeout=self._timeout) as client:
                answer = await client.get(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
                about = answer.raise_for_status().json()
                if about["issuer"] != self.issuer:
                    raise Transient(f"the issuer calls itself {about['issuer']!r}, and not as OIDC_ISSUER does")
                answer = await client.get(about["jwks_uri"])
                keys = answer.raise_for_status().json()["keys"]
                usable = [key for raw in keys if (key := public_key(raw))]
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, KeyError, TypeError) as error:
            raise Transient(f"the issuer does not answer: {type(error).__name__}") from error
        if not usable:
            raise Transient("the issuer publishes no key that can be used")
        return usable


def public_key(raw: object) -> IssuerKey | None:
    """Return the public half of a published JWK; None when it is not one to check signatures with."""
    if not isinstance(raw, dict) or raw.get("kty") not in _KINDS or raw.get("use", "sig") != "sig":
        return None
    if not isinstance(name := raw.get("kid"), str) or not 0 < len(name) <= _LONGEST_NAME:
        return None
    jwk = {member: raw[member] for member in _MEMBERS if member in raw}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", SecurityWarning)  # A key too weak to trust is left out.
            return IssuerKey(import_key(jwk).thumbprint(), jwk)
    except (JoseError, SecurityWarning, ValueError, KeyError, TypeError):
        return None
