"""The way from an establishment to the one that carries on, call by call (rule R10)."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pytest

from services.insee_adapter import following
from services.insee_adapter.following import Remembering, Steps
from services.insee_adapter.links import Link
from services.insee_adapter.responses import Doublon, NoAnswer
from services.insee_adapter.succession import MOST_HOPS
from shared.contracts.messages.insee import Because, InseeAnswer, Result, SuccessionResult

NOW = 1_796_000_000_000
CLOSING = date(2024, 6, 30)


def siret(nic: int, siren: str = "306138900") -> str:
    return f"{siren}{nic:05d}"


def unit(nic: int, result: Result = Result.ACTIVE, **more: Any) -> InseeAnswer:
    day = CLOSING if result is Result.CLOSED else None
    return InseeAnswer(**{"siret": siret(nic), "result": result, "as_of": NOW, "closed_on": day, **more})


class Register:
    """A register of these establishments and moves, which counts the calls and may fail one of them."""

    def __init__(self, *units: InseeAnswer, moves: Mapping[int, Sequence[int]], **doublons: Doublon) -> None:
        self.units: dict[str, InseeAnswer | Doublon] = {each.siret: each for each in units}
        self.units |= {key.removeprefix("s"): value for key, value in doublons.items()}
        self.moves = {
            siret(one): [Link(siret(to), CLOSING, continuity=True) for to in all_] for one, all_ in moves.items()
        }
        self.calls: list[str] = []
        self.fails_at: int | None = None

    def _call(self, what: str) -> None:
        self.calls.append(what)
        if len(self.calls) == self.fails_at:
            raise NoAnswer(Because.QUOTA, "…", wait=1)

    async def establishment(self, siret: str) -> InseeAnswer | Doublon:
        self._call(siret)
        return self.units.get(siret) or InseeAnswer(siret=siret, result=Result.NOT_FOUND, as_of=NOW)

    async def links(self, siret: str) -> Sequence[Link]:
        self._call(f"links of {siret}")
        return self.moves.get(siret, [])


async def followed(register: Register, nic: int = 1) -> InseeAnswer:
    return await following.look_up_successor(siret(nic), register, lambda: NOW)


async def test_an_open_establishment_costs_one_call_and_has_no_succession_r10() -> None:
    register = Register(unit(1), moves={1: [2]})
    assert await followed(register) == unit(1)
    assert register.calls == [siret(1)]


async def test_an_unknown_establishment_has_no_succession_r10() -> None:
    answer = await followed(Register(moves={}))
    assert (answer.result, answer.succession) == (Result.NOT_FOUND, None)


async def test_a_chain_is_followed_to_the_open_one_r10() -> None:
    register = Register(unit(1, Result.CLOSED), unit(2, Result.CLOSED), unit(3), moves={1: [2], 2: [3]})
    answer = await followed(register)
    assert (answer.siret, answer.result, answer.closed_on) == (siret(1), Result.CLOSED, CLOSING)
    assert answer.succession is not None
    assert (answer.succession.result, answer.succession.successors) == (SuccessionResult.FOUND, (siret(3),))
    assert answer.succession.chain == (siret(1), siret(2), siret(3))
    assert len(register.calls) == 5


@pytest.mark.parametrize(
    ("register", "result"),
    [
        (Register(unit(1, Result.CLOSED), moves={}), SuccessionResult.NONE),
        (Register(unit(1, Result.CLOSED), unit(2), unit(3), moves={1: [2, 3]}), SuccessionResult.SEVERAL),
        (Register(unit(1, Result.CLOSED), unit(2, Result.CLOSED), moves={1: [2], 2: [1]}), SuccessionResult.CYCLE),
        (Register(unit(1, Result.CLOSED), unit(2, Result.CLOSED), moves={1: [2]}), SuccessionResult.CLOSED),
        (Register(unit(1, Result.CLOSED), moves={1: [2]}), SuccessionResult.UNKNOWN),
        (
            Register(unit(1, Result.CLOSED), unit(2, Result.CLOSED), unit(3), unit(4), moves={1: [2], 2: [3, 4]}),
            SuccessionResult.SEVERAL,
        ),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
async def test_a_way_that_is_not_clear_ends_where_it_is_not_r10(register: Register, result: SuccessionResult) -> None:
    answer = await followed(register)
    assert answer.succession is not None
    assert (answer.succession.result, answer.succession.establishment) == (result, None)


async def test_a_way_without_end_costs_so_many_calls_and_no_more_r10() -> None:
    many = range(1, 100)
    register = Register(*(unit(n, Result.CLOSED) for n in many), moves={n: [n + 1] for n in many})
    answer = await followed(register)
    assert answer.succession is not None
    assert answer.succession.result is SuccessionResult.TOO_LONG
    assert len(register.calls) == 2 * (MOST_HOPS + 1)


async def test_a_doublon_leads_to_the_one_that_stands_for_it_r10() -> None:
    register = Register(unit(7), moves={}, s99999999900011=Doublon(siret(7), "doublon"))
    answer = await following.look_up_successor("99999999900011", register, lambda: NOW)
    assert (answer.result, answer.moved_to, answer.moved_to_result) == (Result.MOVED, siret(7), Result.ACTIVE)
    assert answer.succession is not None
    assert (answer.succession.result, answer.succession.chain) == (
        SuccessionResult.FOUND,
        ("99999999900011", siret(7)),
    )


async def test_from_the_closed_one_that_stands_for_a_doublon_the_way_goes_on_r10() -> None:
    register = Register(unit(1, Result.CLOSED), unit(2), moves={1: [2]}, s99999999900011=Doublon(siret(1), None))
    answer = await following.look_up_successor("99999999900011", register, lambda: NOW)
    assert answer.succession is not None
    assert answer.succession.chain == ("99999999900011", siret(1), siret(2))
    assert answer.succession.result is SuccessionResult.FOUND


async def test_a_doublon_that_leads_nowhere_or_round_and_round_says_so_r10() -> None:
    nowhere = Register(moves={}, s99999999900011=Doublon(None, "doublon"))
    circle = Register(unit(1, Result.CLOSED), moves={1: [2]}, **{f"s{siret(2)}": Doublon(siret(1), None)})
    for register, start, result in (
        (nowhere, "99999999900011", SuccessionResult.UNKNOWN),
        (circle, siret(1), SuccessionResult.CYCLE),
    ):
        answer = await following.look_up_successor(start, register, lambda: NOW)
        assert answer.succession is not None
        assert answer.succession.result is result


async def test_a_redirection_that_a_proxy_followed_is_a_doublon_too_r10() -> None:
    followed_by_proxy = InseeAnswer(siret=siret(1), result=Result.MOVED, as_of=NOW, moved_to=siret(2))
    answer = await followed(Register(followed_by_proxy, unit(2, name="EXEMPLE"), moves={}))
    assert answer.succession is not None
    assert answer.succession.establishment is not None
    assert answer.succession.establishment.name == "EXEMPLE"


@pytest.mark.parametrize("fails_at", range(1, 6))
async def test_what_was_put_back_goes_on_where_it_stopped_r10(fails_at: int) -> None:
    register = Register(unit(1, Result.CLOSED), unit(2, Result.CLOSED), unit(3), moves={1: [2], 2: [3]})
    register.fails_at = fails_at
    remembering = Remembering(register, Steps(since=0))
    with pytest.raises(NoAnswer):
        await following.look_up_successor(siret(1), remembering, lambda: NOW)
    answer = await following.look_up_successor(siret(1), remembering, lambda: NOW)
    assert answer.succession is not None
    assert answer.succession.result is SuccessionResult.FOUND
    assert len(register.calls) == 5 + 1, "only the call that failed is made again"


async def test_who_asks_for_no_successor_is_told_none() -> None:
    register = Register(unit(1, Result.CLOSED), moves={1: [2]})
    answer = await following.look_up(siret(1), register, lambda: NOW)
    assert (answer, register.calls) == (unit(1, Result.CLOSED), [siret(1)])
