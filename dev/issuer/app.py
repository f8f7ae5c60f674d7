"""The issuer's routes: discovery, keys, tokens."""

import re
import secrets
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from joserfc import jwt

from dev.issuer.accounts import CLIENTS, PASSWORD, PEOPLE
from dev.issuer.keys import Keys

HTTP_AUDIENCE = "structures-http"
PORTAL = "portal"
"""The client with which people log in, unless another authenticated client gets a token in their name."""


def create_app(issuer: str, keys: Keys, client_secret: str) -> FastAPI:
    """Return the application; `issuer` is its own URL, `client_secret` that of every demo client."""
    app = FastAPI(title="Demo issuer", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/.well-known/openid-configuration")
    def discovery() -> dict[str, Any]:
        return {
            "issuer": issuer,
            "jwks_uri": f"{issuer}/jwks",
            "token_endpoint": f"{issuer}/token",
            "grant_types_supported": ["password", "client_credentials"],
            "id_token_signing_alg_values_supported": ["ES256"],
        }

    @app.get("/jwks")
    def jwks() -> Any:
        return keys.published()

    @app.post("/keys/rotate")
    def rotate(*, withdraw: bool = False) -> dict[str, str]:
        keys.rotate(withdraw=withdraw)
        return {"kid": str(keys.signing.kid)}

    @app.post("/token")
    async def token(request: Request) -> JSONResponse:
        form = dict(parse_qsl((await request.body()).decode(errors="replace")))
        audience = form.get("audience", HTTP_AUDIENCE)
        if not re.fullmatch("-?[0-9]{1,9}", form.get("expires_in", "3600")):
            return JSONResponse({"error": "invalid_request"}, status_code=400)
        expires_in = int(form.get("expires_in", "3600"))
        claims = _claims(form)
        if claims is None:
            return JSONResponse({"error": "invalid_grant"}, status_code=400)
        now = int(time.time())
        claims |= {"iss": issuer, "aud": audience, "iat": now, "exp": now + expires_in, "jti": secrets.token_hex(8)}
        header = {"alg": "ES256", "kid": keys.signing.kid}
        return JSONResponse(
            {
                "access_token": jwt.encode(header, claims, keys.signing),
                "token_type": "Bearer",
                "expires_in": expires_in,
                "scope": claims["scope"],
            }
        )

    def _claims(form: Mapping[str, str]) -> dict[str, Any] | None:
        grant, user, client = form.get("grant_type"), form.get("username", ""), form.get("client_id", "")
        password, secret = form.get("password", "").encode(), form.get("client_secret", "").encode()
        is_client = client in CLIENTS and secrets.compare_digest(secret, client_secret.encode())
        if grant == "password" and user in PEOPLE and secrets.compare_digest(password, PASSWORD.encode()):
            person = PEOPLE[user]
            return {
                "sub": user,
                # Never the name that the caller gives: a token whose subject is its client is a technical account's.
                "client_id": client if is_client else PORTAL,
                "scope": person.scope,
                "given_name": person.first_name,
                "family_name": person.last_name,
                "email": person.email,
            }
        if grant == "client_credentials" and is_client:
            return {"sub": client, "client_id": client, "scope": CLIENTS[client].scope}
        return None

    return app
