"""Who asks: bearer tokens of the configured OpenID Connect issuer, checked with a kept library (joserfc).

A request on Kafka carries its token in the header `authorization`; its expiry is compared with the broker's append
time, so that a message which waited is not refused for having waited. Keys and verified tokens are cached: in the
usual case a check costs a look-up. Nothing here logs a token.
"""

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import httpx2
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import extract_compact

from shared.clock import Clock
from shared.errors import Rejected, Transient

ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]
ADMINISTRATOR = "structures:admin"
ACT_FOR = "structures:act-for"
LEEWAY = 5_000
_TOLD = frozenset({ADMINISTRATOR})
"""Scopes of a person that owners know: the others are not theirs to see."""
_REFETCH_EVERY = 10.0
_CACHE_SIZE = 10_000


@dataclass(frozen=True, slots=True)
class Actor:
    """Whoever asks. `via` is the system that asks in their name, and was allowed to."""

    id: str
    kind: Literal["person", "technical"] = "person"
    scopes: frozenset[str] = frozenset()
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    via: str | None = None

    @property
    def is_administrator(self) -> bool:
        """Tell whether the actor may do what administrators do."""
        return ADMINISTRATOR in self.scopes


class KeyStore(Protocol):
    """Keeps the issuer's keys over restarts, those it has withdrawn included."""

    async def load(self) -> list[Mapping[str, Any]]:
        """Return the keys kept, as JWKs."""
        ...

    async def save(self, keys: list[Mapping[str, Any]]) -> None:
        """Keep these keys; one not saved again for a while may be forgotten."""
        ...


class NoKeyStore:
    """Keeps nothing: for callers that accept only keys the issuer publishes now."""

    async def load(self) -> list[Mapping[str, Any]]:
        """Return no key."""
        return []

    async def save(self, keys: list[Mapping[str, Any]]) -> None:
        """Forget."""


@dataclass
class Verifier:
    """Checks tokens of one issuer for one audience."""

    issuer: str
    audience: str
    clock: Clock
    store: KeyStore = field(default_factory=NoKeyStore)
    timeout: float = 5.0
    _keys: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    _fetched: float | None = None
    _known: OrderedDict[str, Mapping[str, Any]] = field(default_factory=OrderedDict)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def verify(self, authorization: str | None, *, at: int | None = None) -> Mapping[str, Any]:
        """Return the claims of a `Bearer` token valid at the instant `at` (ms; now when left out).

        Raises Rejected (`token_missing`, `token_invalid`, `token_expired`, `token_audience`), Transient when the
        issuer does not answer and its keys are needed.
        """
        at = self.clock.now() if at is None else at
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Rejected("token_missing")
        token = token.strip()
        claims = self._known.get(token)
        if claims is None:
            claims = await self._decode(token)
            self._known[token] = claims
            if len(self._known) > _CACHE_SIZE:
                self._known.popitem(last=False)
        if at > int(claims["exp"]) * 1000 + LEEWAY:
            raise Rejected("token_expired")
        if at < int(claims.get("nbf", 0)) * 1000 - LEEWAY:
            raise Rejected("token_invalid")
        return claims

    async def _decode(self, token: str) -> Mapping[str, Any]:
        try:
            claims = jwt.decode(token, await self._key(token), algorithms=ALGORITHMS).claims
        except (JoseError, ValueError, TypeError, KeyError, UnicodeError) as error:
            raise Rejected("token_invalid") from error
        times = (claims.get("exp"), claims.get("nbf", 0))
        if claims.get("iss") != self.issuer or not _subject(claims) or not all(map(_is_time, times)):
            raise Rejected("token_invalid")
        audience = claims.get("aud")
        if self.audience not in (audience if isinstance(audience, list) else [audience]):
            raise Rejected("token_audience")
        return claims

    async def _key(self, token: str) -> KeySet:
        key_id = str(extract_compact(token.encode()).headers().get("kid", ""))
        if key_id not in self._keys:
            await self._refresh()
        if key_id not in self._keys:
            raise Rejected("token_invalid")
        return KeySet.import_key_set({"keys": [dict(self._keys[key_id])]})

    async def _refresh(self) -> None:
        async with self._lock:
            if self._fetched is None:
                self._keys.update({str(k["kid"]): k for k in await self.store.load()})
            elif time.monotonic() - self._fetched < _REFETCH_EVERY:
                return  # Unknown key ids can be made up by anybody: the issuer is not asked for each.
            try:
                async with httpx2.AsyncClient(timeout=self.timeout) as client:
                    about = await client.get(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
                    about.raise_for_status()
                    answer = await client.get(about.json()["jwks_uri"])
                    answer.raise_for_status()
                    keys = [k for k in answer.json()["keys"] if k.get("kid")]
            except (httpx2.HTTPError, ValueError, KeyError, TypeError) as error:
                raise Transient(f"the issuer does not answer: {type(error).__name__}") from error
            self._fetched = time.monotonic()
            self._keys.update({str(k["kid"]): k for k in keys})
            await self.store.save(keys)

    async def ready(self) -> None:
        """Fetch the keys if they never were. Raises Transient when the issuer does not answer."""
        if self._fetched is None:
            await self._refresh()


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _subject(claims: Mapping[str, Any]) -> bool:
    subject = claims.get("sub")
    return isinstance(subject, str) and 0 < len(subject) <= 200 and not any(c.isspace() or c == "|" for c in subject)


def actor_of(claims: Mapping[str, Any]) -> Actor:
    """Return the actor that a token's claims prove. A token whose subject is its client is a technical account."""
    subject = str(claims["sub"])
    client = claims.get("client_id") or claims.get("azp")
    return Actor(
        id=subject,
        kind="technical" if subject == client else "person",
        scopes=frozenset(str(claims.get("scope", "")).split()),
        first_name=_text(claims.get("given_name")),
        last_name=_text(claims.get("family_name")),
        email=_text(claims.get("email")),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def acting_for(actor: Actor) -> tuple[tuple[str, bytes], ...]:
    """Return the headers with which a system of ours names whom it acts for; `on_behalf` reads them."""
    return (
        ("ce_actor", actor.id.encode()),
        ("ce_actorkind", actor.kind.encode()),
        ("ce_actorscope", " ".join(sorted(actor.scopes & _TOLD)).encode()),
    )


def on_behalf(system: Actor, attributes: Mapping[str, str]) -> Actor:
    """Return who a system acts for, from the event's attributes; the system itself when it names nobody.

    Raises Rejected(`act_for_forbidden`) when its token does not carry the scope for it.
    """
    person = attributes.get("actor")
    if not person or person == system.id:
        return system
    if ACT_FOR not in system.scopes:
        raise Rejected("act_for_forbidden")
    if not _subject({"sub": person}):
        raise Rejected("token_invalid")
    return Actor(
        id=person,
        kind="technical" if attributes.get("actorkind") == "technical" else "person",
        scopes=frozenset(attributes.get("actorscope", "").split()),
        via=system.id,
    )
