"""Tokens as attackers make them: each is refused with its code, and none of them breaks or delays anything else."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from joserfc.util import urlsafe_b64decode, urlsafe_b64encode

from shared.auth.verifier import LONGEST_TOKEN, Verifier, actor_of
from shared.errors import Rejected
from tests.support.issuer import HTTP, KAFKA, HttpIssuer, ec_key

Make = Callable[[HttpIssuer], str | None]
_STRANGER = ec_key("first")
_RSA = RSAKey.generate_key(2048, {"kid": "rsa"}, private=True)


def _segments(token: str) -> list[str]:
    return token.removeprefix("Bearer ").split(".")


def _b64(value: bytes) -> str:
    return urlsafe_b64encode(value).decode()


def _other_signature(issuer: HttpIssuer) -> str:
    head, body, _ = _segments(issuer.token())
    return f"Bearer {head}.{body}.{_segments(issuer.token('bob'))[2]}"


def _changed_claims(issuer: HttpIssuer) -> str:
    head, body, signature = _segments(issuer.token("alice"))
    claims = json.loads(urlsafe_b64decode(body.encode()))
    return f"Bearer {head}.{_b64(json.dumps({**claims, 'sub': 'admin'}).encode())}.{signature}"


def _unsigned(issuer: HttpIssuer) -> str:
    return f"Bearer {issuer.signed(None, header={'alg': 'none'})}"


def _unsigned_with_signature(issuer: HttpIssuer) -> str:
    head, body, _ = _segments(issuer.signed(None, header={"alg": "none"}))
    return f"Bearer {head}.{body}.{_segments(issuer.token())[2]}"


def _public_key_as_secret(issuer: HttpIssuer) -> str:
    """The classic: the public key, which anybody has, taken for the secret of an HMAC."""
    return f"Bearer {issuer.signed(issuer.key.as_pem(private=False), header={'alg': 'HS256'})}"


def _own_key_in_header(issuer: HttpIssuer) -> str:
    header = {"jwk": _STRANGER.as_dict(private=False), "jku": f"{issuer.address}/jku", "x5u": f"{issuer.address}/x5u"}
    return f"Bearer {issuer.signed(_STRANGER, header=header)}"


def _as_plain_json(issuer: HttpIssuer) -> str:
    head, body, signature = _segments(issuer.token())
    return "Bearer " + json.dumps({"protected": head, "payload": body, "signature": signature})


def _nested_header(issuer: HttpIssuer) -> str:
    _, body, signature = _segments(issuer.token())
    return f"Bearer {_b64(b'[' * 9000)}.{body}.{signature}"


def _critical(issuer: HttpIssuer) -> str:
    """A signature good in itself, whose header says that it must be read in a way we do not know."""
    head = _b64(json.dumps({"alg": "ES256", "kid": "first", "crit": ["b64"], "b64": False}).encode())
    _, body, signature = issuer.signed(issuer.key).split(".")
    return f"{head}.{body}.{signature}"


INVALID: dict[str, Make] = {
    "no token at all": lambda _: "Bearer x",
    "two dots and nothing": lambda _: "Bearer ..",
    "signed with another's key of the same name": lambda i: f"Bearer {i.signed(_STRANGER)}",
    "signature of another token": _other_signature,
    "claims changed": _changed_claims,
    "alg none": _unsigned,
    "alg none with a signature": _unsigned_with_signature,
    "alg of another kind of key": lambda i: f"Bearer {i.signed(_RSA, header={'alg': 'RS256', 'kid': i.key.kid})}",
    "HMAC with the public key": _public_key_as_secret,
    "key, or its address, brought along": _own_key_in_header,
    "name of key unknown": lambda i: i.token(header={"kid": "made-up"}),
    "name of key missing": lambda i: i.token(header={"kid": ...}),
    "name of key a path": lambda i: i.token(header={"kid": "../../dev/null"}),
    "critical header": lambda i: f"Bearer {_critical(i)}",
    "logout token": lambda i: i.token(header={"typ": "logout+jwt"}),
    "JSON serialization": _as_plain_json,
    "encrypted": lambda i: i.token() + ".a.b",
    "header nested nine thousand deep": _nested_header,
    "line break inside": lambda i: i.token().replace(".", ".\n", 1),
    "line break behind": lambda i: i.token() + "\n",
    "padding": lambda i: i.token() + "==",
    "not ASCII": lambda i: i.token() + "é",
    "two tokens": lambda i: f"{i.token()}, {i.token('bob')}",
    "huge": lambda i: i.token(more="x" * LONGEST_TOKEN),
    "other issuer": lambda i: i.token(iss="https://elsewhere.example"),
    "issuer with a slash more": lambda i: i.token(iss=i.address + "/"),
    "issuer missing": lambda i: i.token(iss=...),
    "not yet valid": lambda i: i.token(nbf=4_000_000_000),
}


UNUSABLE: dict[str, tuple[Any, ...]] = {
    "exp": (..., None, True, "4000000000", [4e9], float("nan"), float("inf"), -1, 10**12, 10**400, {}),
    "nbf": (None, True, "0", float("nan"), float("inf"), float("-inf"), 10**400, -1),
    "sub": (
        *(..., None, "", 1, ["alice"], "alice\u00a0", "alice\n", "ali\x00ce", "alice\u200b", "\u202ealice"),
        *("alice\ud83d", "x" * 256),
    ),
}


def _named(value: Any) -> str:
    return ascii(value)[:20]


@pytest.mark.parametrize("make", INVALID.values(), ids=INVALID.keys())
async def test_what_authenticates_nobody_is_refused(issuer: HttpIssuer, verifier: Verifier, make: Make) -> None:
    with pytest.raises(Rejected) as refused:
        await verifier.verify(make(issuer))
    assert (refused.value.code, refused.value.client) == ("token_invalid", None)
    assert issuer.elsewhere == 0, "an address that only a token names is never requested"
    assert (await verifier.verify(issuer.token("bob")))["sub"] == "bob"


@pytest.mark.parametrize(("claim", "value"), [(c, v) for c, many in UNUSABLE.items() for v in many], ids=_named)
async def test_a_claim_that_is_none(issuer: HttpIssuer, verifier: Verifier, claim: str, value: Any) -> None:
    with pytest.raises(Rejected) as refused:
        await verifier.verify(issuer.token(value) if claim == "sub" else issuer.token(**{claim: value}))
    assert refused.value.code == "token_invalid"


@pytest.mark.parametrize("subject", ["auth0|5f7c", "a b", "https://idp.example/x?y#z", "..", "%2F", "é", "x" * 255])
async def test_any_subject_of_an_issuer_is_somebody(issuer: HttpIssuer, verifier: Verifier, subject: str) -> None:
    assert actor_of(await verifier.verify(issuer.token(subject))).id == subject


@pytest.mark.parametrize("header", [None, "", " ", "Bearer", "Bearer ", "Basic YTpi", "Token x", "bear er x", "\x00"])
async def test_no_token(verifier: Verifier, header: str | None) -> None:
    with pytest.raises(Rejected) as refused:
        await verifier.verify(header)
    assert refused.value.code == "token_missing"


@pytest.mark.parametrize("audience", [HTTP, [HTTP], [], {}, None, ..., "structures", [KAFKA + " "], [[KAFKA]], 5])
async def test_a_token_for_somebody_else(issuer: HttpIssuer, verifier: Verifier, audience: Any) -> None:
    with pytest.raises(Rejected) as refused:
        await verifier.verify(issuer.token(aud=audience, client_id="facturier"))
    assert (refused.value.code, refused.value.client) == ("token_audience", "facturier")


@pytest.mark.parametrize(
    ("claims", "client"),
    [
        ({"client_id": "facturier", "azp": "other"}, "facturier"),
        ({"azp": "facturier.2"}, "facturier.2"),
        ({}, "alice"),
        ({"client_id": "https://facturier.example"}, None),
        ({"client_id": "x" * 201}, None),
        ({"client_id": ["facturier"]}, None),
        ({"client_id": 5, "azp": "facturier"}, None),
    ],
)
async def test_whose_token_it_is(
    issuer: HttpIssuer, verifier: Verifier, claims: dict[str, Any], client: str | None
) -> None:
    """A client whose name no topic can carry receives nothing, and is otherwise as any other."""
    assert actor_of(await verifier.verify(issuer.token(**claims))).client == client


@pytest.mark.parametrize("audience", [KAFKA, [KAFKA], [HTTP, 5, None, KAFKA]])
async def test_a_token_for_us(issuer: HttpIssuer, verifier: Verifier, audience: Any) -> None:
    assert (await verifier.verify(issuer.token(aud=audience)))["sub"] == "alice"


async def test_expiry_counts_at_the_append_and_not_when_the_message_is_read(
    issuer: HttpIssuer, verifier: Verifier
) -> None:
    token = issuer.token(exp=1_000_000_000, nbf=999_999_000, azp="facturier")
    assert await verifier.verify(token, at=999_999_999_000)
    for at, code in ((1_000_000_010_000, "token_expired"), (999_998_990_000, "token_invalid")):
        with pytest.raises(Rejected) as refused:  # The token is known by now, and dated anew each time.
            await verifier.verify(token, at=at)
        assert refused.value.code == code
    with pytest.raises(Rejected) as refused:
        await verifier.verify(token)
    assert (refused.value.code, refused.value.client) == ("token_expired", "facturier")


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        ("RS256", _RSA),
        ("PS256", _RSA),
        ("ES256", ec_key("ec")),
        ("EdDSA", OKPKey.generate_key("Ed25519", {"kid": "ed"}, private=True)),
        ("Ed25519", OKPKey.generate_key("Ed25519", {"kid": "ed"}, private=True)),
    ],
)
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # Signing by that name is what this test is about.
async def test_the_algorithms_of_issuers(issuer: HttpIssuer, verifier: Verifier, algorithm: str, key: Any) -> None:
    issuer.rotate(key, withdraw=True)
    token = issuer.token(header={"alg": algorithm, "typ": "at+JWT", "x5t": "whatever", "unknown": 1})
    assert (await verifier.verify(token))["sub"] == "alice"


@pytest.mark.parametrize(
    "key",
    [
        ECKey.generate_key("P-384", {"kid": "p384"}, private=True).as_dict(private=False),
        ec_key("enc").as_dict(private=False) | {"use": "enc"},
        ec_key("alg").as_dict(private=False) | {"alg": "ES384"},
        OctKey.generate_key(256, {"kid": "oct"}).as_dict(private=True),
        {"kty": "AKP", "kid": "new", "pub": "x"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "kid": "off the curve"},
        {"kty": ["RSA"], "kid": "x"},
        "rubbish",
        None,
    ],
    ids=[
        "other curve",
        "not for signing",
        "other algorithm",
        "secret",
        "unknown type",
        "off the curve",
        "wrong type",
        "text",
        "nothing",
    ],
)
async def test_a_published_key_that_is_no_use_harms_no_other(issuer: HttpIssuer, verifier: Verifier, key: Any) -> None:
    issuer.published.insert(0, key)
    assert (await verifier.verify(issuer.token()))["sub"] == "alice"


async def test_a_key_is_used_for_its_own_algorithm_alone(issuer: HttpIssuer, verifier: Verifier) -> None:
    issuer.rotate(RSAKey.generate_key(2048, {"kid": "rs", "alg": "RS256"}, private=True), withdraw=False)
    assert await verifier.verify(issuer.token(header={"alg": "RS256"}))
    with pytest.raises(Rejected):
        await verifier.verify(issuer.token(header={"alg": "PS256"}))


async def test_of_the_claims_only_what_is_used_is_remembered(issuer: HttpIssuer, verifier: Verifier) -> None:
    claims = await verifier.verify(issuer.token(scope="structures:admin", secret="x", email="a@example.fr"))
    assert set(claims) == {"sub", "exp", "scope", "email"}
    assert actor_of(claims).is_administrator


@pytest.mark.parametrize("scope", [["structures:admin"], {"structures:admin": 1}, "structures:admins", None, 1])
async def test_a_scope_is_a_word_in_a_text(issuer: HttpIssuer, verifier: Verifier, scope: Any) -> None:
    assert not actor_of(await verifier.verify(issuer.token(scope=scope))).is_administrator


@pytest.mark.parametrize("name", ["Zoé\ud83d", "Zo\x00é", "x" * 255, "\u202eeoZ", 5, ["Zoé"], " "])
async def test_a_name_nobody_can_write_down_is_left_out(issuer: HttpIssuer, verifier: Verifier, name: Any) -> None:
    actor = actor_of(await verifier.verify(issuer.token(given_name=name, family_name=" Étranger ")))
    assert (actor.first_name, actor.last_name) == (None, "Étranger")
