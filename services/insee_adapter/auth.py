"""Authenticates us to INSEE: by an API key (public plan) or an OAuth2 token (private plan, for administrations).

Neither a key nor a token nor a password is ever logged, and none is part of a URL.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import httpx2
from pydantic import BaseModel, SecretStr, ValidationError

from services.insee_adapter.responses import NoAnswer
from shared.clock import Clock
from shared.contracts.messages.insee import Because


class Credentials(Protocol):
    """Our credentials at INSEE."""

    async def headers(self) -> Mapping[str, str]:
        """Return the headers of a call. Raises `NoAnswer` when there are none to be had now."""
        ...

    def refused(self, headers: Mapping[str, str]) -> bool:
        """Note that these headers were answered 401; return whether asking for new ones may help."""
        ...


class ApiKey:
    """The public plan: one key, created in INSEE's portal."""

    def __init__(self, key: SecretStr) -> None:
        self._headers = {"X-INSEE-Api-Key-Integration": key.get_secret_value()}

    async def headers(self) -> Mapping[str, str]:
        """Return the key's header."""
        return self._headers

    def refused(self, headers: Mapping[str, str]) -> bool:  # noqa: ARG002 - the protocol has it.
        """A key that is refused stays refused."""
        return False


@dataclass(frozen=True)
class Account:
    """An account of the private plan. Its password expires after 90 days, and an operator has to renew it."""

    token_url: str
    client_id: str
    client_secret: SecretStr
    username: str
    password: SecretStr


class _Token(BaseModel):
    access_token: str
    expires_in: int = 300


class PasswordGrant:
    """The private plan: a token by OAuth2's password grant, kept until shortly before it expires.

    `clock` must be monotonic. One token is requested at a time, however many calls need it.
    """

    def __init__(self, http: httpx2.AsyncClient, account: Account, clock: Clock) -> None:
        self._http = http
        self._account = account
        self._clock = clock
        self._lock = asyncio.Lock()
        self._headers: Mapping[str, str] = {}
        self._until = 0

    async def headers(self) -> Mapping[str, str]:
        """Return the token's header, requesting a token when there is none or it expires soon."""
        async with self._lock:
            if not self._headers or self._clock.now() >= self._until:
                token = await self._ask()
                self._headers = {"Authorization": f"Bearer {token.access_token}"}
                self._until = self._clock.now() + max(token.expires_in - 60, 1) * 1000
            return self._headers

    def refused(self, headers: Mapping[str, str]) -> bool:
        """Discard the token, unless another call has renewed it since."""
        if headers is self._headers:
            self._headers = {}
        return True

    async def _ask(self) -> _Token:
        account = self._account
        form = {
            "grant_type": "password",
            "client_id": account.client_id,
            "client_secret": account.client_secret.get_secret_value(),
            "username": account.username,
            "password": account.password.get_secret_value(),
        }
        try:
            response = await self._http.post(account.token_url, data=form)
        except httpx2.RequestError as problem:
            raise NoAnswer(Because.OUTAGE, "L'INSEE ne délivre pas de jeton.", at_once=True) from problem
        if response.status_code >= 500:
            raise NoAnswer(Because.OUTAGE, "L'INSEE ne délivre pas de jeton.", at_once=True)
        if response.status_code != 200:
            raise NoAnswer(Because.REFUSED, "L'INSEE refuse l'accès de cette application.")
        try:
            return _Token.model_validate_json(response.content)
        except ValidationError:
            # The error would quote the body, which may contain a token: it is not chained.
            raise NoAnswer(Because.OUTAGE, "L'INSEE ne délivre pas de jeton.") from None
