"""The issuer's keys: rotated, withdrawn, made up, of one name; and an issuer that does not answer."""

import asyncio
import time
from collections.abc import Iterable

import pytest
from joserfc.jwk import RSAKey

from shared.auth.issuer_keys import IssuerKey, IssuerKeys
from shared.auth.verifier import Verifier
from shared.clock import DAY, MINUTE
from shared.errors import Rejected, Transient
from tests.support.issuer import KAFKA, HttpIssuer, ec_key
from tests.support.toy import ManualClock

GRACE = 10 * MINUTE


class Kept:
    """What outlives a process."""

    def __init__(self) -> None:
        self.keys: dict[str, IssuerKey] = {}

    async def load(self) -> list[IssuerKey]:
        return list(self.keys.values())

    async def save(self, keys: Iterable[IssuerKey]) -> None:
        self.keys |= {key.thumbprint: key for key in keys}


def process(issuer: HttpIssuer, clock: ManualClock, kept: Kept) -> tuple[Verifier, IssuerKeys]:
    keys = IssuerKeys(issuer.address, clock, kept, grace=GRACE)
    return Verifier(keys, KAFKA, clock), keys


async def refused(verifier: Verifier, token: str, *, at: int | None = None) -> str:
    with pytest.raises(Rejected) as no:
        await verifier.verify(token, at=at)
    return no.value.code


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(int(time.time() * 1000))


@pytest.mark.parametrize("withdraw", [False, True])
async def test_a_new_key_is_learnt_when_it_is_first_met(issuer: HttpIssuer, verifier: Verifier, withdraw: bool) -> None:
    old = issuer.token()
    await verifier.verify(old)
    issuer.rotate(ec_key("second"), withdraw=withdraw)
    assert await verifier.verify(issuer.token())
    assert await verifier.verify(old)
    assert issuer.fetched == 2


async def test_a_withdrawn_key_verifies_what_came_before_it_was_for_eight_days_and_then_nothing(
    issuer: HttpIssuer, clock: ManualClock
) -> None:
    verifier, keys = process(issuer, clock, Kept())
    appended, former = clock.now(), issuer.key
    token = issuer.token(exp=appended // 1000 + 30 * 86400)
    await verifier.verify(token, at=appended)
    issuer.rotate(ec_key("second"), withdraw=True)
    clock.pass_(5 * MINUTE)
    assert await keys.refresh() is True
    unseen = issuer.signed(former, "bob")
    for _ in range(8):
        assert await verifier.verify(token, at=appended)
        clock.pass_(DAY)
    clock.pass_(MINUTE)
    await keys.refresh()
    assert await refused(verifier, token, at=appended) == "token_invalid"
    assert await refused(verifier, f"Bearer {unseen}", at=appended) == "token_invalid"


async def test_a_stolen_key_verifies_nothing_new_once_it_is_withdrawn(issuer: HttpIssuer, clock: ManualClock) -> None:
    verifier, keys = process(issuer, clock, Kept())
    known = issuer.token()
    await verifier.verify(known)
    stolen = issuer.key
    issuer.rotate(ec_key("second"), withdraw=True)
    await keys.refresh()
    clock.pass_(GRACE - MINUTE)
    assert await verifier.verify(known), "everyone has a moment to take a new token"
    clock.pass_(2 * MINUTE)
    assert await refused(verifier, known) == "token_invalid", "a token verified before is no exception"
    assert await refused(verifier, f"Bearer {issuer.signed(stolen, 'admin')}") == "token_invalid"
    elsewhere = f"Bearer {issuer.signed(stolen, 'admin', aud='elsewhere')}"
    assert await refused(verifier, elsewhere) == "token_invalid", "nor whose client sent it"


async def test_a_key_published_again_is_as_good_as_before(issuer: HttpIssuer, clock: ManualClock) -> None:
    verifier, keys = process(issuer, clock, Kept())
    token, published = issuer.token(), list(issuer.published)
    await verifier.verify(token)
    issuer.rotate(ec_key("second"), withdraw=True)
    assert await keys.refresh() is True
    issuer.published += published
    assert await keys.refresh() is False
    clock.pass_(2 * GRACE)
    assert await verifier.verify(token)


async def test_a_process_started_after_the_rotation_knows_the_former_key_and_when_it_was_withdrawn(
    issuer: HttpIssuer, clock: ManualClock
) -> None:
    kept = Kept()
    first, keys = process(issuer, clock, kept)
    old, stolen, appended = issuer.token(), issuer.key, clock.now()
    await first.verify(old)
    issuer.rotate(ec_key("second"), withdraw=True)
    await keys.refresh()
    clock.pass_(7 * DAY)
    second, _ = process(issuer, clock, kept)
    assert await second.verify(old, at=appended)
    forged = f"Bearer {issuer.signed(stolen, exp=clock.now() // 1000 + 60)}"
    assert await refused(second, forged) == "token_invalid"


async def test_names_made_up_do_not_hammer_the_issuer(issuer: HttpIssuer, verifier: Verifier) -> None:
    """A batch fetches once, however many names it brings; another one fetches again, but not within a second."""
    received = time.monotonic()
    for number in range(200):
        with pytest.raises(Rejected):
            await verifier.verify(issuer.token(header={"kid": f"made-up-{number}"}), received=received)
    assert issuer.fetched == 1
    started = time.monotonic()
    for number in range(3):
        assert await refused(verifier, issuer.token(header={"kid": f"again-{number}"})) == "token_invalid"
    assert issuer.fetched == 4
    assert time.monotonic() - started > 2, "fetches are a second apart"


async def test_callers_with_made_up_names_share_one_fetch_and_hold_up_nobody_else(
    issuer: HttpIssuer, verifier: Verifier
) -> None:
    await verifier.verify(issuer.token())
    refusals = [asyncio.create_task(refused(verifier, issuer.token(header={"kid": f"x{n}"}))) for n in range(50)]
    await asyncio.sleep(0)
    assert await verifier.verify(issuer.token("bob"))
    assert issuer.fetched == 1, "whose key is known does not wait for those"
    assert set(await asyncio.gather(*refusals)) == {"token_invalid"}
    assert issuer.fetched == 2


async def test_a_rotation_right_after_a_fetch_refuses_nobody(issuer: HttpIssuer, verifier: Verifier) -> None:
    await refused(verifier, issuer.token(header={"kid": "made-up"}))
    issuer.rotate(ec_key("second"), withdraw=True)
    assert await verifier.verify(issuer.token())


async def test_an_issuer_that_is_silent_is_waited_for_when_its_keys_are_needed_and_only_then(
    issuer: HttpIssuer, verifier: Verifier
) -> None:
    await verifier.verify(issuer.token())
    issuer.silent = True
    assert await verifier.verify(issuer.token("bob"))
    issuer.rotate(ec_key("second"), withdraw=True)
    token, fetched, started = issuer.token(), issuer.fetched, time.monotonic()
    for _ in range(20):
        with pytest.raises(Transient):
            await verifier.verify(token)
    assert issuer.failed_fetches <= 1 + time.monotonic() - started, "a silent issuer is not hammered either"
    issuer.silent = False
    await asyncio.sleep(1)
    assert await verifier.verify(token)
    assert issuer.fetched == fetched + 1


async def test_a_process_that_starts_while_the_issuer_is_silent_uses_the_keys_kept(
    issuer: HttpIssuer, clock: ManualClock
) -> None:
    kept = Kept()
    first, _ = process(issuer, clock, kept)
    await first.verify(issuer.token())
    issuer.silent = True
    second, keys = process(issuer, clock, kept)
    assert await second.verify(issuer.token("bob"))
    with pytest.raises(Transient):
        await keys.ready()


@pytest.mark.parametrize("answer", ["nothing", "no list", "another name"])
async def test_an_issuer_that_answers_nonsense_withdraws_nothing(
    issuer: HttpIssuer, clock: ManualClock, answer: str
) -> None:
    verifier, keys = process(issuer, clock, Kept())
    token = issuer.token()
    await verifier.verify(token)
    if answer == "another name":
        issuer.calls_itself = "https://elsewhere.example"
    else:
        issuer.published = [] if answer == "nothing" else None  # type: ignore[assignment]  # It is an issuer's error.
    with pytest.raises(Transient):
        await keys.refresh()
    clock.pass_(DAY)
    assert await verifier.verify(issuer.token(exp=clock.now() // 1000 + 60))


async def test_keys_of_one_name_are_distinguished(issuer: HttpIssuer, verifier: Verifier) -> None:
    ec, rsa = ec_key("same"), RSAKey.generate_key(2048, {"kid": "same"}, private=True)
    other = ec_key("same")
    issuer.published = [key.as_dict(private=False) for key in (rsa, ec, other)]
    for key, algorithm in ((ec, "ES256"), (rsa, "RS256"), (other, "ES256"), (rsa, "PS256")):
        assert await verifier.verify(f"Bearer {issuer.signed(key, header={'alg': algorithm})}")


async def test_a_name_used_again_for_another_key_does_not_undo_the_first(
    issuer: HttpIssuer, clock: ManualClock
) -> None:
    verifier, keys = process(issuer, clock, Kept())
    old, appended = issuer.token(), clock.now()
    await verifier.verify(old)
    issuer.rotate(ec_key("first"), withdraw=True)
    await keys.refresh()
    assert await verifier.verify(issuer.token())
    assert await verifier.verify(old, at=appended)
    clock.pass_(GRACE + MINUTE)
    assert await refused(verifier, old) == "token_invalid"


async def test_a_withdrawal_is_noticed_without_any_request(issuer: HttpIssuer, keys: IssuerKeys) -> None:
    await keys.ready()
    noticed = asyncio.Event()
    async with keys.kept_fresh(10, noticed.set):
        issuer.silent = True  # A turn that fails is not the last one.
        await asyncio.sleep(1.2)
        issuer.rotate(ec_key("second"), withdraw=True)
        issuer.silent = False
        await asyncio.wait_for(noticed.wait(), 30)
    fetched = issuer.fetched
    await asyncio.sleep(1.2)
    assert issuer.fetched == fetched, "it ends with its context"


async def test_private_halves_are_never_kept(issuer: HttpIssuer, clock: ManualClock) -> None:
    kept = Kept()
    issuer.published = [issuer.key.as_dict(private=True)]
    verifier, _ = process(issuer, clock, kept)
    assert await verifier.verify(issuer.token())
    assert [sorted(key.jwk) for key in kept.keys.values()] == [["alg", "crv", "kid", "kty", "x", "y"]]
