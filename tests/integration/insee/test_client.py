"""The client against the simulator, over real HTTP."""

import asyncio
import dataclasses

import pytest
from prometheus_client import REGISTRY

from dev.brokers.ports import free_ports
from dev.insee.faults import Fault, Kind
from dev.insee.units import Unit, made_up_siret
from services.insee_adapter.breaker import Breaker
from services.insee_adapter.sirene import Limits
from shared.contracts.messages.common import Address
from shared.contracts.messages.insee import Because, Restriction, Result
from tests.integration.insee.clients import Unlimited, private, public
from tests.integration.insee.conftest import Insee
from tests.support.until import until

CLAMART = "21920023500014"
DOUBLON, TARGET = "53222169400013", "77887067500015"
NOBODY = "12345678200010"
IS_OPEN = "structures_insee_breaker_open"


@pytest.mark.parametrize(
    ("siret", "result"),
    [
        (CLAMART, Result.ACTIVE),
        (made_up_siret(18_001), Result.ACTIVE),
        ("83951732300011", Result.CLOSED),
        ("78365263900015", Result.CLOSED),
        (made_up_siret(15_002), Result.CLOSED),
        (made_up_siret(15_003), Result.ACTIVE),
        (made_up_siret(15_004), Result.CLOSED),
        (made_up_siret(15_005), Result.CLOSED),
        (made_up_siret(15_006), Result.ACTIVE),
        (made_up_siret(15_007), Result.ACTIVE),
        (NOBODY, Result.NOT_FOUND),
        (DOUBLON, Result.MOVED),
        ("15700033200013", Result.RESTRICTED),
        (made_up_siret(14_001), Result.RESTRICTED),
        (made_up_siret(14_005), Result.RESTRICTED),
        (made_up_siret(18_002), Result.UNAVAILABLE),
    ],
)
async def test_every_result_is_distinguished(insee: Insee, siret: str, result: Result) -> None:
    async with public(insee.address) as client:
        assert (await client.look_up(siret, Unlimited())).result is result


async def test_a_commune_is_read_in_full(insee: Insee) -> None:
    async with public(insee.address) as client:
        answer = await client.look_up(CLAMART, Unlimited())
    assert (answer.name, answer.legal_category) == ("COMMUNE DE CLAMART", "7210")
    assert answer.address == Address(line1="PLACE MAURICE GUNSBOURG", postcode="92140", city="CLAMART")


@pytest.mark.parametrize(
    ("number", "field", "says"),
    [(15_003, "closes_on", "fermeture"), (15_004, "opens_on", "ouverture"), (15_005, "opens_on", "ouverture")],
)
async def test_what_is_announced_is_returned_with_its_day(insee: Insee, number: int, field: str, says: str) -> None:
    async with public(insee.address) as client:
        answer = await client.look_up(made_up_siret(number), Unlimited())
    announced = answer.model_dump(include={"closes_on", "opens_on"}, exclude_none=True)
    assert list(announced) == [field]
    assert answer.message is not None
    assert f"{says} de cet établissement est annoncée pour le {announced[field]:%d/%m/%Y}" in answer.message


@pytest.mark.parametrize(
    ("number", "address"),
    [
        (13_005, Address(line1="7 RUE DU PONT", city="LIEGE", country="BE")),
        (20_001, Address(line1="2 RUE DU PORT", city="SAINT-HELIER", country="JE")),
        (20_002, Address(city="ORANJESTAD", country="AW")),
        (20_003, Address(line1="8 AVENUE DE LA LIBERTE", city="LUXEMBOURG", country="LU")),
        (20_004, None),
        (20_005, Address(line1="14 RUE DU FOUR", postcode="69002", city="LYON", country="FR")),
        (20_006, Address(line1="6 RUE DE LA PLAINE", postcode="97400", city="SAINT-DENIS", country="FR")),
        (20_007, None),
    ],
)
async def test_an_address_is_where_insee_means_or_given_by_hand(
    insee: Insee, number: int, address: Address | None
) -> None:
    async with public(insee.address) as client:
        answer = await client.look_up(made_up_siret(number), Unlimited())
    assert (answer.result, answer.address) == (Result.ACTIVE, address)
    assert answer.hidden == (() if address else ("address",))


@pytest.mark.parametrize(
    ("number", "name"),
    [(18_003, "SOCIETE AU NOM SANS FIN QUI CONTINUE"), (18_004, "LES AMIS DU SIGLE"), (18_005, "ALIX EXEMPLE")],
)
async def test_a_name_is_one_that_a_record_can_hold(insee: Insee, number: int, name: str) -> None:
    async with public(insee.address) as client:
        found = (await client.look_up(made_up_siret(number), Unlimited())).name
    assert found is not None
    assert found.startswith(name)
    assert len(found) <= 255


async def test_both_plans_say_the_same_of_a_partially_shown_person(insee: Insee) -> None:
    siret = made_up_siret(14_001)
    async with public(insee.address) as by_key, private(insee.address) as by_token:
        answers = [await client.look_up(siret, Unlimited()) for client in (by_key, by_token)]
    assert len({answer.model_copy(update={"as_of": 0}) for answer in answers}) == 1
    assert (answers[0].restriction, answers[0].hidden) == (Restriction.PARTIAL, ("name", "address"))
    assert answers[0].address == Address(city="ROCHEFENDUE")


async def test_a_doublon_is_looked_up_on_our_own_base_url(insee: Insee) -> None:
    budget = Unlimited()
    async with public(insee.address) as client:
        answer = await client.look_up(DOUBLON, budget)
    assert (answer.moved_to, answer.moved_to_result, budget.spent) == (TARGET, Result.ACTIVE, 2)


async def test_a_doublon_of_a_closed_establishment_says_so(insee: Insee) -> None:
    async with public(insee.address) as client:
        answer = await client.look_up(made_up_siret(16_002), Unlimited())
    assert (answer.moved_to, answer.moved_to_result) == (made_up_siret(15_001), Result.CLOSED)


async def test_a_doublon_of_an_establishment_that_insee_does_not_know_says_so(insee: Insee) -> None:
    async with public(insee.address) as client:
        answer = await client.look_up(made_up_siret(16_003), Unlimited())
    assert (answer.moved_to, answer.moved_to_result) == (made_up_siret(16_999), Result.NOT_FOUND)
    assert answer.refusal == "siret_moved_unknown"


async def test_doublons_that_lead_in_a_circle_end(insee: Insee) -> None:
    first, second = made_up_siret(501), made_up_siret(502)
    insee.simulator.units |= {
        first: Unit(first, doublon_of=second),
        second: Unit(second, doublon_of=first),
    }
    async with public(insee.address) as client:
        answer = await client.look_up(first, Unlimited())
    assert (answer.result, answer.moved_to, insee.calls) == (Result.MOVED, None, 2)


async def test_a_doublon_whose_target_cannot_be_looked_up_is_not_half_answered(insee: Insee) -> None:
    insee.simulator.faults.append(Fault(kind="503", siret=TARGET))
    async with public(insee.address) as client:
        assert (await client.look_up(DOUBLON, Unlimited())).result is Result.UNAVAILABLE


@pytest.mark.parametrize(
    ("kind", "because", "calls"),
    [
        ("down", Because.OUTAGE, 2),
        ("500", Because.OUTAGE, 2),
        ("502", Because.OUTAGE, 2),
        ("503", Because.OUTAGE, 2),
        ("drop", Because.OUTAGE, 2),
        ("html", Because.OUTAGE, 1),
        ("empty", Because.OUTAGE, 1),
        ("429", Because.QUOTA, 1),
        ("401", Because.REFUSED, 1),
        ("unsubscribed", Because.REFUSED, 1),
        ("wrong-path", Because.UNREADABLE, 1),
    ],
)
async def test_a_fault_is_never_taken_for_an_answer(insee: Insee, kind: Kind, because: Because, calls: int) -> None:
    insee.simulator.faults.append(Fault(kind=kind))
    async with public(insee.address) as client:
        answer = await client.look_up(CLAMART, Unlimited())
    assert (answer.result, answer.because, insee.calls) == (Result.UNAVAILABLE, because, calls)


@pytest.mark.parametrize("kind", ["503", "drop", "down"])
async def test_a_blip_is_retried_within_the_look_up(insee: Insee, kind: Kind) -> None:
    insee.simulator.faults.append(Fault(kind=kind, times=1))
    async with public(insee.address) as client:
        assert (await client.look_up(CLAMART, Unlimited())).result is Result.ACTIVE


async def test_a_slow_insee_is_given_up(insee: Insee) -> None:
    insee.simulator.faults.append(Fault(kind="slow", delay_ms=1_000))
    async with public(insee.address, limits=Limits(read_s=0.1, backoff_s=0.01)) as client:
        answer = await client.look_up(CLAMART, Unlimited())
    assert (answer.because, insee.calls) == (Because.OUTAGE, 2)


async def test_an_insee_that_is_not_there_is_an_outage() -> None:
    (port,) = free_ports(1)
    async with public(f"http://127.0.0.1:{port}") as client:
        assert (await client.look_up(CLAMART, Unlimited())).because is Because.OUTAGE


async def test_a_used_up_quota_is_reported_to_all_and_lasts_until_its_reset(insee: Insee) -> None:
    insee.simulator.window.limit = 2
    budget = Unlimited()
    async with public(insee.address) as client:
        answers = [await client.look_up(CLAMART, budget) for _ in range(3)]
    assert [answer.because for answer in answers] == [None, None, Because.QUOTA]
    assert len(budget.waits) == 2, "the last call of the window says that nothing is left, and the refused one too"
    assert all(50_000 < wait <= 60_000 for wait in budget.waits)
    assert 50 < (answers[2].retry_after or 0) <= 60


async def test_a_wrong_key_is_refused_not_an_outage_of_insee(insee: Insee) -> None:
    async with public(insee.address, key="wrong") as client:
        assert (await client.look_up(CLAMART, Unlimited())).because is Because.REFUSED


async def test_a_token_serves_many_calls_and_is_fetched_once(insee: Insee) -> None:
    async with private(insee.address) as client:
        answers = await asyncio.gather(*(client.look_up(CLAMART, Unlimited()) for _ in range(5)))
    assert {answer.result for answer in answers} == {Result.ACTIVE}
    assert insee.simulator.tokens_asked == 1


async def test_a_revoked_token_is_renewed_once(insee: Insee) -> None:
    async with private(insee.address) as client:
        await client.look_up(CLAMART, Unlimited())
        insee.simulator.tokens.clear()
        answer = await client.look_up(CLAMART, Unlimited())
    assert (answer.result, insee.simulator.tokens_asked) == (Result.ACTIVE, 2)


async def test_a_token_that_is_always_refused_is_not_renewed_for_ever(insee: Insee) -> None:
    insee.simulator.faults.append(Fault(kind="401"))
    async with private(insee.address) as client:
        answer = await client.look_up(CLAMART, Unlimited())
    assert (answer.because, insee.simulator.tokens_asked, insee.calls) == (Because.REFUSED, 2, 2)


async def test_a_token_is_renewed_before_it_expires(insee: Insee) -> None:
    insee.simulator.token_seconds = 61
    async with private(insee.address) as client:
        await client.look_up(CLAMART, Unlimited())
        await asyncio.sleep(1.1)
        await client.look_up(CLAMART, Unlimited())
    assert insee.simulator.tokens_asked == 2


async def test_an_expired_password_is_refused(insee: Insee) -> None:
    async with private(insee.address, password="old") as client:
        answer = await client.look_up(CLAMART, Unlimited())
    assert (answer.because, insee.calls) == (Because.REFUSED, 0)


async def test_after_consecutive_failures_insee_is_left_alone_then_tried_again(insee: Insee) -> None:
    insee.simulator.faults.append(Fault(kind="500"))
    async with public(insee.address, breaker=Breaker(threshold=4, rest=300)) as client:
        for _ in range(2):
            await client.look_up(CLAMART, Unlimited())
        assert client.left_alone()
        answer = await client.look_up(CLAMART, Unlimited())
        assert (answer.result, answer.because, insee.calls) == (Result.UNAVAILABLE, Because.OUTAGE, 4)
        assert REGISTRY.get_sample_value(IS_OPEN) == 1
        await until(lambda: not client.left_alone())
        insee.simulator.faults[:] = [Fault(kind="429")]
        assert (await client.look_up(CLAMART, Unlimited())).because is Because.QUOTA
        assert REGISTRY.get_sample_value(IS_OPEN) == 1, "that says nothing of INSEE's health"
        insee.simulator.faults.clear()
        assert (await client.look_up(CLAMART, Unlimited())).result is Result.ACTIVE
        assert REGISTRY.get_sample_value(IS_OPEN) == 0


@pytest.mark.parametrize("siret", [NOBODY, made_up_siret(18_002), "15700033200013"])
async def test_odd_answers_do_not_make_insee_be_left_alone(insee: Insee, siret: str) -> None:
    async with public(insee.address, breaker=Breaker(threshold=2, rest=60_000)) as client:
        for _ in range(5):
            await client.look_up(siret, Unlimited())
        assert not client.left_alone()


async def test_an_establishment_that_closes_is_closed_from_then_on(insee: Insee) -> None:
    async with public(insee.address) as client:
        assert (await client.look_up(CLAMART, Unlimited())).result is Result.ACTIVE
        unit = insee.simulator.units[CLAMART]
        insee.simulator.units[CLAMART] = dataclasses.replace(unit, state="F", closed_on="2026-01-01")
        assert (await client.look_up(CLAMART, Unlimited())).result is Result.CLOSED
