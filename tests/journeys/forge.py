"""Tokens of any subject, and such as the issuer would never sign."""

import json
import time
from typing import Any

import httpx2
from joserfc.jwk import ECKey

from dev.issuer.keys import Keys
from tests.support.issuer import sign
from tests.support.system import System

HTTP_AUDIENCE = "structures-http"


class Forge:
    """Makes tokens with the issuer's own key, or with others: what only it, or an attacker, could make."""

    def __init__(self, system: System) -> None:
        self._issuer, self._api = system.issuer, system.api
        self._file = system.settings.run_data / "issuer-keys.json"

    def client(self, subject: str) -> httpx2.Client:
        """Return a client of the API with a token of this subject; it waits for decisions."""
        headers = {"Authorization": f"Bearer {self.token(HTTP_AUDIENCE, sub=subject)}", "Prefer": "wait=20"}
        return httpx2.Client(base_url=self._api, headers=headers, timeout=40)

    @property
    def key(self) -> ECKey:
        return Keys(self._file).signing

    def token(self, audience: str, key: Any = None, header: dict[str, Any] | None = None, **claims: Any) -> str:
        now = int(time.time())
        payload = {
            "iss": self._issuer,
            "sub": "alice",
            "client_id": "facturier",
            "aud": audience,
            "exp": now + 600,
            **claims,
        }
        head = {"alg": "ES256", "kid": self.key.kid, **(header or {})}
        return sign(head, json.dumps(payload).encode(), None if head["alg"] == "none" else key or self.key)
