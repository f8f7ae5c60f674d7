"""The gateway's own token, with which it publishes requests in the name of those it has authenticated."""

import asyncio

import httpx2

from gateway.settings import Settings
from shared.clock import Clock
from shared.errors import Transient
from shared.settings import OidcSettings

_RENEW_BEFORE = 60_000


class ServiceToken:
    """Fetched by client credentials, kept until a minute before it expires."""

    def __init__(self, settings: Settings, oidc: OidcSettings, clock: Clock) -> None:
        self._settings, self._oidc, self._clock = settings, oidc, clock
        self._token = ""
        self._until = 0
        self._lock = asyncio.Lock()

    async def header(self) -> bytes:
        """Return the value of the header `authorization`. Raises Transient when the issuer does not answer."""
        if self._clock.now() >= self._until:
            async with self._lock:
                if self._clock.now() >= self._until:
                    await self._fetch()
        return f"Bearer {self._token}".encode()

    async def _fetch(self) -> None:
        try:
            async with httpx2.AsyncClient(timeout=5) as client:
                about = await client.get(f"{self._oidc.issuer.rstrip('/')}/.well-known/openid-configuration")
                about.raise_for_status()
                answer = await client.post(
                    about.json()["token_endpoint"],
                    data={
                        "grant_type": "client_credentials",
                        "client_id": self._settings.gateway_client_id,
                        "client_secret": self._settings.gateway_client_secret.get_secret_value(),
                        "audience": self._oidc.audience,
                    },
                )
                answer.raise_for_status()
                body = answer.json()
                self._token = body["access_token"]
                self._until = self._clock.now() + max(int(body["expires_in"]) * 1000 - _RENEW_BEFORE, 5_000)
        except (httpx2.HTTPError, KeyError, ValueError) as error:
            raise Transient(f"the issuer gives no token: {type(error).__name__}") from error
