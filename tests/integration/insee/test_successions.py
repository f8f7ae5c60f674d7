"""Which establishment carries on: the client against the simulator, over real HTTP (rule R10)."""

import dataclasses

import pytest

from dev.insee.faults import Fault
from dev.insee.units import Unit, made_up_siret
from services.insee_adapter.responses import NoAnswer
from shared.contracts.messages.insee import Because, InseeAnswer, Result, SuccessionResult
from tests.integration.insee.clients import Unlimited, private, public
from tests.integration.insee.conftest import Insee


async def successor(insee: Insee, siret: str, budget: Unlimited | None = None) -> InseeAnswer:
    async with public(insee.address) as client:
        return await client.look_up(siret, budget or Unlimited(), successor=True)


def nics(number: int, *wanted: int) -> tuple[str, ...]:
    return tuple(made_up_siret(number, nic) for nic in wanted)


CASES = [
    ("moved", 22_001, SuccessionResult.FOUND, nics(22_001, 2)),
    ("moved twice", 22_002, SuccessionResult.FOUND, nics(22_002, 3)),
    ("several", 22_003, SuccessionResult.SEVERAL, nics(22_003, 2, 3)),
    ("one of several clearer", 22_004, SuccessionResult.FOUND, nics(22_004, 3)),
    ("cycle", 22_005, SuccessionResult.CYCLE, nics(22_005, 1)),
    ("successor closed", 22_006, SuccessionResult.CLOSED, nics(22_006, 2)),
    ("successor kept back", 22_007, SuccessionResult.UNKNOWN, nics(22_007, 2)),
    ("successor unknown", 22_008, SuccessionResult.UNKNOWN, nics(22_008, 2)),
    ("too long", 22_009, SuccessionResult.TOO_LONG, nics(22_009, 12)),
    ("handed over a part before", 22_010, SuccessionResult.NONE, ()),
    ("succession to come", 22_011, SuccessionResult.NONE, ()),
    ("closing without a day", 22_012, SuccessionResult.FOUND, nics(22_012, 3)),
    ("no successor", 22_013, SuccessionResult.NONE, ()),
    ("partially shown", 22_014, SuccessionResult.FOUND, nics(22_014, 2)),
    ("doublon, then moved", 22_015, SuccessionResult.FOUND, nics(22_001, 2)),
    ("doublon, then another company", 22_016, SuccessionResult.OTHER_UNIT, nics(13_003, 1)),
    ("doublon", 16_001, SuccessionResult.FOUND, nics(13_001, 1)),
    ("doublon of an unknown one", 16_003, SuccessionResult.UNKNOWN, nics(16_999, 1)),
    ("another company", 15_001, SuccessionResult.OTHER_UNIT, nics(13_003, 1)),
]


@pytest.mark.parametrize(("number", "result", "successors"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
async def test_every_case_is_distinguished_r10(
    insee: Insee, number: int, result: SuccessionResult, successors: tuple[str, ...]
) -> None:
    answer = await successor(insee, made_up_siret(number))
    assert answer.succession is not None
    assert (answer.succession.result, answer.succession.successors) == (result, successors)
    assert (answer.succession.establishment is not None) == (result is SuccessionResult.FOUND)


@pytest.mark.parametrize(
    ("siret", "result", "successors"),
    [
        ("30613890001278", SuccessionResult.FOUND, ("30613890001294",)),
        ("30613890001286", SuccessionResult.FOUND, ("30613890001294",)),
        ("38119429900024", SuccessionResult.CLOSED, ("38119429900016",)),
        ("38119429900016", SuccessionResult.NONE, ()),
        ("04638003600015", SuccessionResult.OTHER_UNIT, ("10015623100019",)),
        ("53222169400013", SuccessionResult.FOUND, ("77887067500015",)),
        ("83951732300011", SuccessionResult.NONE, ()),
    ],
)
async def test_real_successions_are_read_as_insee_means_them_r10(
    insee: Insee, siret: str, result: SuccessionResult, successors: tuple[str, ...]
) -> None:
    answer = await successor(insee, siret)
    assert answer.succession is not None
    assert (answer.succession.result, answer.succession.successors) == (result, successors)


async def test_the_one_that_carries_on_is_described_as_if_it_had_been_looked_up_r10(insee: Insee) -> None:
    answer = await successor(insee, made_up_siret(22_014))
    assert answer.result is Result.CLOSED
    assert answer.succession is not None
    found = answer.succession.establishment
    assert found is not None
    async with private(insee.address) as client:
        itself = await client.look_up(found.siret, Unlimited())
    assert itself.result is Result.RESTRICTED
    assert found.model_dump() == itself.model_dump(include={*type(found).model_fields})


@pytest.mark.parametrize(
    ("siret", "calls"),
    [
        ("21920023500014", 1),
        ("12345678200010", 1),
        ("83951732300011", 2),
        (made_up_siret(22_001), 3),
        (made_up_siret(22_002), 5),
        (made_up_siret(22_015), 4),
        (made_up_siret(22_009), 22),
    ],
    ids=["open", "unknown", "closed", "moved", "moved twice", "doublon, then moved", "too long"],
)
async def test_each_call_spends_of_the_budget_and_their_number_is_bounded_r10(
    insee: Insee, siret: str, calls: int
) -> None:
    budget = Unlimited()
    await successor(insee, siret, budget)
    assert (budget.spent, insee.calls) == (calls, calls)


async def test_the_head_office_of_today_is_named_beside_a_closing_without_successor_r10(insee: Insee) -> None:
    answer = await successor(insee, made_up_siret(22_013))
    assert answer.head_office == made_up_siret(22_013, 2)


async def test_an_insee_that_fails_in_the_middle_of_a_chain_is_no_missing_successor_r10(insee: Insee) -> None:
    last = made_up_siret(22_002, 3)
    insee.simulator.faults.append(Fault(kind="503", siret=last))
    async with public(insee.address) as client:
        answer = await client.look_up(made_up_siret(22_002), Unlimited(), successor=True)
        assert (answer.result, answer.because, answer.succession) == (Result.UNAVAILABLE, Because.OUTAGE, None)
        insee.simulator.faults.clear()
        budget = Unlimited()
        answer = await client.look_up(made_up_siret(22_002), budget, successor=True)
        assert answer.succession is not None
        assert answer.succession.successors == (last,)
        assert budget.spent == 1, "it goes on where it stopped"
        again = Unlimited()
        await client.look_up(made_up_siret(22_002), again, successor=True)
        assert again.spent == 5, "what was answered is asked anew"


async def test_links_that_can_not_be_had_are_no_missing_successor_r10(insee: Insee) -> None:
    insee.simulator.faults.append(Fault(kind="wrong-path", siret=f"Predecesseur%3A{made_up_siret(22_001)}"))
    answer = await successor(insee, made_up_siret(22_001))
    assert (answer.result, answer.because) == (Result.UNAVAILABLE, Because.UNREADABLE)


async def test_a_quota_used_up_in_the_middle_lets_every_try_get_further_r10(insee: Insee) -> None:
    class OneCall(Unlimited):
        def call(self):  # type: ignore[no-untyped-def]
            if self.spent:
                raise NoAnswer(Because.QUOTA, "…", wait=1)
            return super().call()

    async with public(insee.address) as client:
        answers = [await client.look_up(made_up_siret(22_002), OneCall(), successor=True) for _ in range(5)]
    assert [answer.because for answer in answers] == [Because.QUOTA] * 4 + [None]
    assert insee.calls == 5


async def test_a_reopened_establishment_is_the_one_to_use_whatever_its_links_say_r10(insee: Insee) -> None:
    siret = made_up_siret(22_001)
    unit = insee.simulator.units[siret]
    insee.simulator.units[siret] = dataclasses.replace(unit, reopened_on="2025-01-01")
    answer = await successor(insee, siret)
    assert (answer.result, answer.succession) == (Result.ACTIVE, None)


async def test_doublons_that_lead_in_a_circle_end_r10(insee: Insee) -> None:
    first, second = made_up_siret(501), made_up_siret(502)
    insee.simulator.units |= {first: Unit(first, doublon_of=second), second: Unit(second, doublon_of=first)}
    answer = await successor(insee, first)
    assert answer.succession is not None
    assert (answer.succession.result, insee.calls) == (SuccessionResult.UNKNOWN, 2)
