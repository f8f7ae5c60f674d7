"""Who calls: as their token proves, known or made known, and turned away once their account is closed."""

from collections.abc import Mapping
from typing import Any, cast

import pytest

from gateway.api import authentication
from gateway.api.authentication import Callers
from gateway.application.registration import Registrations
from gateway.queries.manager import Users
from shared.auth.verifier import Verifier
from shared.clock import SECOND
from shared.domain.actor import ADMINISTRATOR, Actor
from shared.errors import Rejected
from tests.support.toy import NOW, ManualClock

CLAIMS = {"sub": "ada", "exp": NOW // SECOND + 60, "given_name": "Ada", "scope": f"openid {ADMINISTRATOR}"}


class Backend:
    """What proves, knows and registers callers."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.records: dict[str, Mapping[str, Any]] = {}
        self.looks = 0
        self.registered: list[tuple[Actor, Any]] = []
        self.authenticated: list[str | None] = []

    async def verify(self, authorization: str | None) -> Mapping[str, Any]:
        self.authenticated.append(authorization)
        return CLAIMS

    async def one(self, user: str) -> Mapping[str, Any] | None:
        self.looks += 1
        return self.records.get(user)

    def make(self, actor: Actor, known: Any) -> None:
        self.registered.append((actor, known))


@pytest.fixture
def backend() -> Backend:
    return Backend()


@pytest.fixture
def callers(backend: Backend) -> Callers:
    parts: Any = backend
    return Callers(cast("Verifier", parts), cast("Users", parts), cast("Registrations", parts), kept=60_000)


async def test_a_caller_is_who_their_token_proves_for_as_long_as_it_lasts(callers: Callers, backend: Backend) -> None:
    found = await callers.who("Bearer x")
    assert (found.actor.id, found.actor.kind, found.actor.is_administrator) == ("ada", "person", True)
    assert found.left == 60
    assert backend.authenticated == ["Bearer x"]


async def test_a_token_that_was_just_proved_is_not_proved_again(callers: Callers, backend: Backend) -> None:
    await callers.who("Bearer x", CLAIMS)
    assert backend.authenticated == []


async def test_what_is_asked_over_http_is_answered_there_and_on_no_topic(callers: Callers) -> None:
    found = await callers.who("Bearer x", {**CLAIMS, "client_id": "facturier"})
    assert found.actor.client is None


async def test_who_is_unknown_is_made_known_and_looked_for_once_in_a_while(callers: Callers, backend: Backend) -> None:
    for _ in range(3):
        await callers.who("Bearer x")
    assert [(actor.id, known) for actor, known in backend.registered] == [("ada", None)]
    assert backend.looks == 1


async def test_a_closed_account_is_turned_away(callers: Callers, backend: Backend) -> None:
    backend.records["ada"] = {"active": False}
    for _ in range(2):
        with pytest.raises(Rejected) as refused:
            await callers.who("Bearer x")
        assert refused.value.code == "user_inactive"


async def test_so_many_callers_are_remembered_and_no_more(
    callers: Callers, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authentication, "_REMEMBERED", 2)
    for user in ("a", "b", "c", "c", "a"):
        await callers.who("Bearer x", {**CLAIMS, "sub": user})
    assert backend.looks == 4
