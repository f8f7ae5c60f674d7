"""The development issuer, over HTTP as its callers meet it: what it gives, to whom, and where it refuses to run."""

import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from joserfc import jwt
from joserfc.jwk import KeySet

from dev.brokers.ports import free_ports
from dev.issuer.accounts import CLIENTS, PASSWORD, PEOPLE
from dev.issuer.app import create_app
from dev.issuer.keys import Keys
from shared.auth.issuer_keys import IssuerKeys
from shared.auth.verifier import ACT_FOR, Verifier, actor_of
from shared.clock import SystemClock
from shared.domain.actor import ADMINISTRATOR
from shared.runtime.http_server.server import serving

SECRET = "the-secret-of-demo-clients"
ALICE = {"grant_type": "password", "username": "alice", "password": PASSWORD}
FACTURIER = {"grant_type": "client_credentials", "client_id": "facturier", "client_secret": SECRET}


@pytest_asyncio.fixture
async def issuer(tmp_path: Path) -> AsyncIterator[httpx2.AsyncClient]:
    (port,) = free_ports(1)
    address = f"http://127.0.0.1:{port}"
    app = create_app(address, Keys(tmp_path / "keys.json"), SECRET)
    async with serving(app, "127.0.0.1", port), httpx2.AsyncClient(base_url=address) as client:
        yield client


async def claims_of(issuer: httpx2.AsyncClient, form: dict[str, str]) -> dict[str, Any]:
    answer = await issuer.post("/token", data=form)
    assert answer.status_code == 200, answer.text
    keys = KeySet.import_key_set((await issuer.get("/jwks")).json())
    return dict(jwt.decode(answer.json()["access_token"], keys, algorithms=["ES256"]).claims)


async def test_discovery_names_the_issuer_its_keys_and_where_tokens_are(issuer: httpx2.AsyncClient) -> None:
    about = (await issuer.get("/.well-known/openid-configuration")).json()
    assert about["issuer"] == str(issuer.base_url).rstrip("/")
    assert (await issuer.get(about["jwks_uri"])).json()["keys"]
    assert (await issuer.post(about["token_endpoint"], data=ALICE)).status_code == 200
    assert about["grant_types_supported"] == ["password", "client_credentials"]


async def test_only_public_halves_are_published(issuer: httpx2.AsyncClient) -> None:
    (key,) = (await issuer.get("/jwks")).json()["keys"]
    assert set(key) == {"kty", "crv", "x", "y", "kid", "use", "alg"}


async def test_a_person_by_password(issuer: httpx2.AsyncClient) -> None:
    claims = await claims_of(issuer, ALICE)
    assert (claims["sub"], claims["aud"], claims["given_name"], claims["scope"]) == (
        *("alice", "structures-http", "Alice"),
        "",
    )
    assert actor_of(claims).kind == "person"
    assert actor_of(await claims_of(issuer, {**ALICE, "username": "admin"})).scopes == {ADMINISTRATOR}


async def test_a_system_by_its_secret(issuer: httpx2.AsyncClient) -> None:
    assert actor_of(await claims_of(issuer, FACTURIER)).kind == "technical"
    assert actor_of(await claims_of(issuer, FACTURIER)).scopes == frozenset()
    assert actor_of(await claims_of(issuer, {**FACTURIER, "client_id": "gateway"})).scopes == {ACT_FOR}


async def test_a_person_through_a_system_that_authenticates_itself(issuer: httpx2.AsyncClient) -> None:
    through = {name: FACTURIER[name] for name in ("client_id", "client_secret")}
    alice = actor_of(await claims_of(issuer, {**through, **ALICE}))
    assert (alice.id, alice.kind, alice.client) == ("alice", "person", "facturier")
    for unauthenticated in (
        {"client_id": "facturier"},
        {**through, "client_secret": "wrong"},
        {**through, "client_id": "x"},
    ):
        assert actor_of(await claims_of(issuer, {**unauthenticated, **ALICE})).client == "portal"


async def test_nobody_chooses_their_scope_or_whether_they_are_a_person(issuer: httpx2.AsyncClient) -> None:
    form = {"scope": f"{ADMINISTRATOR} {ACT_FOR}", "client_id": "alice", "sub": "admin"}
    alice = actor_of(await claims_of(issuer, {**form, **ALICE}))
    assert (alice.id, alice.kind, alice.scopes) == ("alice", "person", frozenset())
    assert not actor_of(await claims_of(issuer, {**form, **FACTURIER})).scopes
    assert not set(PEOPLE) & set(CLIENTS), "a person and a system of one name would be one actor"


@pytest.mark.parametrize(
    "form",
    [
        {},
        {**ALICE, "password": "wrong"},
        {**ALICE, "password": ""},
        {**ALICE, "password": "déjà"},
        {**ALICE, "username": "nobody"},
        {**ALICE, "grant_type": "implicit"},
        {"grant_type": "password", "username": "facturier", "password": PASSWORD},
        {"grant_type": "password", "username": "facturier", "password": SECRET},
        {**FACTURIER, "client_secret": "wrong"},
        {**FACTURIER, "client_secret": "é"},
        {**FACTURIER, "client_id": "alice"},
        {"grant_type": "client_credentials", "client_id": "facturier"},
    ],
    ids=str,
)
async def test_who_is_not_authenticated_gets_nothing(issuer: httpx2.AsyncClient, form: dict[str, str]) -> None:
    answer = await issuer.post("/token", data=form)
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_grant"})


@pytest.mark.parametrize("lifetime", ["soon", "1e9", "", "9" * 10, "1 "])
async def test_a_lifetime_that_is_none(issuer: httpx2.AsyncClient, lifetime: str) -> None:
    answer = await issuer.post("/token", content=f"expires_in={lifetime or 'x'}&grant_type=password")
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_request"})


async def test_audience_and_lifetime_are_as_requested(issuer: httpx2.AsyncClient) -> None:
    now = int(time.time())
    claims = await claims_of(issuer, {**ALICE, "audience": "structures-kafka", "expires_in": "60"})
    assert claims["aud"] == "structures-kafka"
    assert now <= claims["iat"] == claims["exp"] - 60
    answer = (await issuer.post("/token", data={**ALICE, "expires_in": "60"})).json()
    assert (answer["expires_in"], answer["token_type"]) == (60, "Bearer")
    assert (await claims_of(issuer, ALICE))["exp"] - now >= 3600


@pytest.mark.parametrize("withdraw", [False, True])
async def test_keys_rotate_and_outlive_a_restart(issuer: httpx2.AsyncClient, tmp_path: Path, withdraw: bool) -> None:
    async def verify(token: str) -> Any:
        keys = IssuerKeys(str(issuer.base_url).rstrip("/"), SystemClock())
        return await Verifier(keys, "structures-http", SystemClock()).verify(f"Bearer {token}")

    (first,) = (await issuer.get("/jwks")).json()["keys"]
    rotated = await issuer.post("/keys/rotate", params={"withdraw": withdraw})
    published = (await issuer.get("/jwks")).json()["keys"]
    assert [key["kid"] for key in published] == [rotated.json()["kid"], *([] if withdraw else [first["kid"]])]
    token = (await issuer.post("/token", data=ALICE)).json()["access_token"]
    assert (await verify(token))["sub"] == "alice"
    again = Keys(tmp_path / "keys.json")
    assert again.published()["keys"] == published
    assert again.signing.kid == rotated.json()["kid"]
    assert (tmp_path / "keys.json").stat().st_mode & 0o077 == 0, "the private halves are nobody else's"


@pytest.mark.parametrize("environment", [None, "", "production", "Development", "test"])
def test_it_refuses_to_run_outside_development(tmp_path: Path, environment: str | None) -> None:
    env = {**os.environ, "ISSUER_CLIENT_SECRET": SECRET, "ISSUER_KEYS": str(tmp_path / "keys.json")}
    env.pop("ENVIRONMENT", None)
    if environment is not None:
        env["ENVIRONMENT"] = environment
    done = subprocess.run(
        [sys.executable, "-m", "dev.issuer"], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "runs with ENVIRONMENT=development only" in done.stderr
    assert not (tmp_path / "keys.json").exists(), "it has not even made its keys"
