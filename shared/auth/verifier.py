"""Verifies bearer tokens of the configured OpenID Connect issuer, with a maintained library (joserfc).

A request on Kafka carries its token in the header `authorization`; its expiry is compared with the broker's append
time, so that a message is not refused for having waited in the topic. Keys and verified tokens are cached: in the
usual case a check costs one look-up in memory. Nothing here logs a token.
"""

import hashlib
import json
import re
import time
import warnings
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import import_key
from joserfc.jws import JWSRegistry, deserialize_compact, extract_compact

from shared.auth.issuer_keys import IssuerKey, IssuerKeys
from shared.clock import SECOND, Clock
from shared.contracts.topics import CLIENT
from shared.domain.actor import ADMINISTRATOR, Actor
from shared.domain.subjects import is_subject
from shared.errors import Rejected

ALGORITHMS = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC", "EdDSA": "OKP", "Ed25519": "OKP"}
"""The algorithms accepted, each with the kind of its keys: a key of one kind never checks what another kind signs."""
TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})
"""The types (`typ`) accepted: a logout token of the same issuer, for one, is no access token."""
_KNOWN_SCOPES = frozenset({ADMINISTRATOR})
"""Scopes of a person that owners use: the others are not passed on to them."""
ACT_FOR = "structures:act-for"
LEEWAY = 5_000
LONGEST_TOKEN = 16_384
_BEARER = re.compile(r"bearer +([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+) *", re.ASCII | re.IGNORECASE)
_LAST_INSTANT = 1e11
"""Dates of a token are seconds since 1970; a number beyond the year 5138 is no date."""
_CACHE_SIZE = 10_000
_Signed = tuple[Mapping[str, Any], str, bool]
"""The claims of a token, the thumbprint of the key that signed it, and whether it is meant for us."""
_USED = ("sub", "exp", "nbf", "scope", "client_id", "azp", "given_name", "family_name", "email")


class Verifier:
    """Checks tokens of one issuer for one audience."""

    def __init__(self, keys: IssuerKeys, audience: str, clock: Clock) -> None:
        self.clock = clock
        self._keys = keys
        self._audience = audience
        self._known: OrderedDict[bytes, _Signed] = OrderedDict()

    async def verify(
        self,
        authorization: str | None,
        *,
        at: int | None = None,
        received: float | None = None,
        patience: float | None = None,
    ) -> Mapping[str, Any]:
        """Verify a `Bearer` token as of the instant `at` (ms; now by default); return the claims that are used here.

        `received` (s, monotonic; now by default) is when the message that carries it had arrived here. Raises Rejected
        (`token_missing`, `token_invalid`, `token_expired`, `token_audience`), and Transient when the issuer's keys are
        needed and it does not answer, within `patience` (s) if that is given.
        """
        at = self.clock.now() if at is None else at
        received = time.monotonic() if received is None else received
        token = _bearer(authorization)
        digest = hashlib.sha256(token).digest()
        known = self._known.get(digest)
        if known is None:
            known = await self._decode(token, received, patience)
            self._known[digest] = known
            if len(self._known) > _CACHE_SIZE:
                self._known.popitem(last=False)
        return self._good(known, at)

    def remembered(self, authorization: str) -> Mapping[str, Any] | None:
        """Return the claims of a token that was verified here before and is still valid, else None. Never waits."""
        try:
            known = self._known.get(hashlib.sha256(_bearer(authorization)).digest())
            return None if known is None else self._good(known, self.clock.now())
        except Rejected:
            return None

    def _good(self, known: "_Signed", at: int) -> Mapping[str, Any]:
        """Return the claims of a token already verified, if it is valid at an instant. Raises Rejected."""
        claims, thumbprint, is_for_us = known
        # The key is checked each time: a token that was valid is so no longer once its key is withdrawn.
        if not self._keys.prove(thumbprint, at):
            raise Rejected("token_invalid")
        if not is_for_us:
            raise Rejected("token_audience", details={"audience": self._audience}, client=client_of(claims))
        if at > claims["exp"] * SECOND + LEEWAY:
            raise Rejected("token_expired", client=client_of(claims))
        if at < claims.get("nbf", 0) * SECOND - LEEWAY:
            raise Rejected("token_invalid")
        return claims

    async def _decode(self, token: bytes, received: float, patience: float | None) -> "_Signed":
        try:
            header = extract_compact(token).headers()
            kind = ALGORITHMS.get(str(header.get("alg")))
            name = header.get("kid")
            if kind is None or not isinstance(name, str) or "crit" in header or not _is_access_token(header):
                raise Rejected("token_invalid")
        except (JoseError, ValueError, TypeError, AttributeError, RecursionError) as error:
            raise Rejected("token_invalid") from error
        for key in await self._keys.named(name, received, patience):
            if key.jwk["kty"] == kind and key.jwk.get("alg", header["alg"]) == header["alg"]:
                claims = _signed_with(token, key)
                if claims is not None:
                    return self._accept(claims), key.thumbprint, self._is_for_us(claims)
        raise Rejected("token_invalid")

    def _accept(self, claims: Mapping[str, Any]) -> Mapping[str, Any]:
        dated = is_instant(claims.get("exp")) and ("nbf" not in claims or is_instant(claims["nbf"]))
        if claims.get("iss") != self._keys.issuer or not is_subject(claims.get("sub")) or not dated:
            raise Rejected("token_invalid")
        return {name: claims[name] for name in _USED if name in claims}

    def _is_for_us(self, claims: Mapping[str, Any]) -> bool:
        audience = claims.get("aud")
        return self._audience in (audience if isinstance(audience, list) else [audience])

    async def ready(self) -> None:
        """Raise Transient when the issuer's keys were never fetched and it does not answer."""
        await self._keys.ready()


def _bearer(authorization: str | None) -> bytes:
    """Return the token. Only its one canonical form is accepted: otherwise one token would have many cache keys."""
    if not authorization or not authorization[:7].lower().startswith("bearer"):
        raise Rejected("token_missing")
    found = _BEARER.fullmatch(authorization) if len(authorization) <= LONGEST_TOKEN else None
    if found is None:
        raise Rejected("token_invalid" if authorization[6:].strip() else "token_missing")
    return found[1].encode()


def _is_access_token(header: Mapping[str, Any]) -> bool:
    kind = header.get("typ", "JWT")
    return isinstance(kind, str) and kind.lower() in TYPES


def _signed_with(token: bytes, key: IssuerKey) -> Mapping[str, Any] | None:
    """Return the claims if this key signed them, else None."""
    registry = JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SecurityWarning)  # RFC 9864 renames EdDSA; issuers still sign by that name.
            signed = deserialize_compact(token, import_key(dict(key.jwk)), registry=registry)
        claims = json.loads(signed.payload)
    except (JoseError, ValueError, TypeError, KeyError, RecursionError):
        return None
    return claims if isinstance(claims, dict) else None


def is_instant(value: object) -> bool:
    """Tell whether a claim is a date: a number of seconds. Infinities, NaN, booleans and texts are none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 0 <= value < _LAST_INSTANT


def is_technical(claims: Mapping[str, Any]) -> bool:
    """Tell whether a token is that of a technical account: its subject is its client."""
    return bool(claims["sub"] == (claims.get("client_id") or claims.get("azp")))


def actor_of(claims: Mapping[str, Any]) -> Actor:
    """Return the actor whom a verified token's claims name."""
    scope = claims.get("scope")
    return Actor(
        id=str(claims["sub"]),
        kind="technical" if is_technical(claims) else "person",
        scopes=frozenset(scope.split()) if isinstance(scope, str) else frozenset(),
        first_name=_text(claims.get("given_name")),
        last_name=_text(claims.get("family_name")),
        email=_text(claims.get("email")),
        client=client_of(claims),
    )


def client_of(claims: Mapping[str, Any]) -> str | None:
    """Return the client to which a token was issued, or None when its name can't be part of a topic's name."""
    client = claims.get("client_id") or claims.get("azp") or claims.get("sub")
    return client if isinstance(client, str) and CLIENT.fullmatch(client) else None


def _text(value: object) -> str | None:
    """Return a text that can be stored and shown, else None: an unpaired surrogate, say, can't be encoded."""
    text = value.strip() if isinstance(value, str) else ""
    return text if 0 < len(text) <= 254 and text.isprintable() else None


def acting_for(actor: Actor) -> tuple[tuple[str, bytes], ...]:
    """Return the headers with which one of our systems names whom it acts for; `on_behalf` reads them."""
    return (
        ("ce_actor", actor.id.encode()),
        ("ce_actorkind", actor.kind.encode()),
        ("ce_actorscope", " ".join(sorted(actor.scopes & _KNOWN_SCOPES)).encode()),
        *((("ce_actorclient", actor.client.encode()),) if actor.client else ()),
    )


def on_behalf(system: Actor, attributes: Mapping[str, str]) -> Actor:
    """Return the actor a system acts for, from the event's attributes; the system itself when it names nobody.

    Raises Rejected(`act_for_forbidden`) when its token does not have the scope for it. Such a system is one of ours
    and reads all outcomes elsewhere. So they are published to the client that it names, whose request it replays.
    """
    person = attributes.get("actor")
    if not person or person == system.id:
        return system
    if ACT_FOR not in system.scopes:
        raise Rejected("act_for_forbidden", client=system.client)
    if not is_subject(person):
        raise Rejected("token_invalid")
    return Actor(
        id=person,
        kind="technical" if attributes.get("actorkind") == "technical" else "person",
        scopes=frozenset(attributes.get("actorscope", "").split()),
        via=system.id,
        client=client_of({"client_id": attributes.get("actorclient")}),
    )
