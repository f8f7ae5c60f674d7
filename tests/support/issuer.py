"""A token issuer of the tests' own, over real HTTP: it counts requests, changes its keys, and can fall silent."""

import hmac
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from joserfc.jwk import ECKey, Key, import_key
from joserfc.jws import JWSRegistry, serialize_compact
from joserfc.util import urlsafe_b64encode
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dev.brokers.ports import free_ports
from shared.runtime.http_server.server import serving

KAFKA, HTTP = "structures-kafka", "structures-http"
_ANYTHING = JWSRegistry(algorithms=["ES256", "RS256", "PS256", "EdDSA", "Ed25519"], strict_check_header=False)


def ec_key(name: str) -> ECKey:
    """Return a new key of this name."""
    return ECKey.generate_key("P-256", {"kid": name, "use": "sig", "alg": "ES256"}, private=True)


class HttpIssuer:
    """Signs with `key` and publishes `published`; `fetched` counts how often its keys were requested."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.key: Any = ec_key("first")
        self.published: list[Any] = [self._public(self.key)]
        self.calls_itself = address
        self.silent = False
        self.fetched = 0
        self.failed_fetches = 0
        self.elsewhere = 0
        """How often an address was requested that only a token named."""

    @staticmethod
    def _public(key: Key) -> dict[str, Any]:
        return dict(key.as_dict(private=False))

    def rotate(self, key: Any, *, withdraw: bool) -> None:
        """Sign with another key; with `withdraw` the former ones are published no more."""
        self.key = key
        self.published = [self._public(key), *([] if withdraw else self.published)]

    def token(self, subject: Any = "alice", *, header: Mapping[str, Any] | None = None, **claims: Any) -> str:
        """Return a `Bearer` header; a header or claim given replaces the usual one, and `...` leaves it out."""
        return f"Bearer {self.signed(self.key, subject, header=header, **claims)}"

    def signed(
        self, key: Any, subject: Any = "alice", *, header: Mapping[str, Any] | None = None, **claims: Any
    ) -> str:
        """Return a token signed with any key; with none at all, or with bytes as the secret of an HMAC."""
        now = int(time.time())
        payload = {"iss": self.address, "sub": subject, "aud": KAFKA, "iat": now, "exp": now + 3600, **claims}
        head = {"alg": "ES256", "kid": getattr(key, "kid", None) or self.key.kid, **(header or {})}
        return sign(_without(head), json.dumps(_without(payload)).encode(), key)

    def app(self) -> Starlette:
        """Return the issuer's application."""

        async def about(_: Request) -> Response:
            if self.silent:
                self.failed_fetches += 1
                return Response(status_code=503)
            return JSONResponse({"issuer": self.calls_itself, "jwks_uri": f"{self.address}/keys"})

        async def keys(_: Request) -> Response:
            self.fetched += 1
            return JSONResponse({"keys": self.published})

        async def other(_: Request) -> Response:
            self.elsewhere += 1
            return JSONResponse({"keys": self.published})

        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", about),
                Route("/keys", keys),
                Route("/{path:path}", other),
            ]
        )


def sign(header: dict[str, Any], payload: bytes, key: Any) -> str:
    """Return a token whose header and payload are whatever is given; unsigned without a key."""
    if key is not None and not isinstance(key, bytes):
        # A key says what it is for; here it signs anything.
        bare = import_key({n: v for n, v in key.as_dict(private=True).items() if n not in ("alg", "use")})
        return serialize_compact(header, payload, bare, registry=_ANYTHING)
    head = urlsafe_b64encode(json.dumps(header).encode()) + b"." + urlsafe_b64encode(payload)
    signature = hmac.digest(key, head, "sha256") if key is not None else b""
    return f"{head.decode()}.{urlsafe_b64encode(signature).decode()}"


def _without(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not ...}


@asynccontextmanager
async def http_issuer() -> AsyncIterator[HttpIssuer]:
    """Give an issuer that listens on a free port."""
    (port,) = free_ports(1)
    issuer = HttpIssuer(f"http://127.0.0.1:{port}")
    async with serving(issuer.app(), "127.0.0.1", port):
        yield issuer
