"""Which establishment carries on from a closed one: one clear successor, or why there is none (rule R10)."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest

from services.insee_adapter.links import Link
from services.insee_adapter.succession import MOST_HOPS, MOST_NAMED, Hop, arrived, circle, next_hop
from shared.contracts.messages.common import Address
from shared.contracts.messages.insee import InseeAnswer, Restriction, Result, Succession, SuccessionResult

CLOSING, TODAY = date(2024, 6, 30), date(2026, 11, 30)
A, B, C = "30613890001278", "30613890001286", "30613890001294"
ELSEWHERE, ELSEWHERE_TOO = "10015623100019", "41816609600069"


def closed(siret: str = A, closed_on: date | None = CLOSING) -> InseeAnswer:
    return InseeAnswer(siret=siret, result=Result.CLOSED, as_of=0, closed_on=closed_on)


def link(successor: str = B, day: date | None = CLOSING, *, clear: bool = True, **more: Any) -> Link:
    return Link(successor, day, **{"continuity": clear, "head_office_moved": clear, **more})


def hop(*links: Link, at: InseeAnswer | None = None, passed: Sequence[str] = (A,), since: date | None = None) -> Any:
    return next_hop(at or closed(), links, passed=passed, since=since, today=TODAY)


def ended(result: SuccessionResult, *successors: str, passed: Sequence[str] = (A,)) -> Succession:
    return Succession(result=result, chain=tuple(passed), successors=successors)


def test_one_successor_of_the_same_unit_since_the_closing_is_clear_r10() -> None:
    assert hop(link()) == Hop(B, CLOSING)


def test_without_a_link_there_is_no_successor_r10() -> None:
    assert hop() == ended(SuccessionResult.NONE)


def test_several_that_are_equally_clear_are_no_successor_and_all_are_named_r10() -> None:
    assert hop(link(C), link(B)) == ended(SuccessionResult.SEVERAL, B, C)


@pytest.mark.parametrize("mark", ["continuity", "head_office_moved"])
def test_of_several_the_one_that_goes_on_with_the_activity_then_the_one_with_the_head_office_is_clear_r10(
    mark: str,
) -> None:
    marks: dict[str, Any] = {mark: True}
    assert hop(link(B, clear=False), link(C, clear=False, **marks)) == Hop(C, CLOSING)


def test_going_on_with_the_activity_is_clearer_than_having_the_head_office_r10() -> None:
    links = link(B, clear=False, head_office_moved=True), link(C, clear=False, continuity=True)
    assert hop(*links) == hop(*reversed(links)) == Hop(C, CLOSING)


def test_another_company_is_never_followed_however_clear_r10() -> None:
    assert hop(link(ELSEWHERE)) == ended(SuccessionResult.OTHER_UNIT, ELSEWHERE)
    assert hop(link(ELSEWHERE_TOO), link(ELSEWHERE)) == ended(SuccessionResult.OTHER_UNIT, ELSEWHERE, ELSEWHERE_TOO)


def test_the_same_company_goes_before_another_r10() -> None:
    assert hop(link(ELSEWHERE), link(B, clear=False)) == Hop(B, CLOSING)


def test_the_same_successor_named_twice_is_one_r10() -> None:
    assert hop(link(day=CLOSING + timedelta(9)), link()) == Hop(B, CLOSING + timedelta(9))


@pytest.mark.parametrize(
    ("day", "is_followed"),
    [
        (CLOSING - timedelta(2), False),
        (CLOSING - timedelta(1), True),
        (CLOSING, True),
        (CLOSING + timedelta(60), True),
        (TODAY, True),
        (TODAY + timedelta(1), False),
        (None, False),
    ],
)
def test_only_a_link_since_the_closing_and_until_today_means_it_r10(day: date | None, is_followed: bool) -> None:
    assert hop(link(day=day)) == (Hop(B, day) if is_followed else ended(SuccessionResult.NONE))


def test_what_was_handed_over_while_open_is_no_second_successor_r10() -> None:
    assert hop(link(C, date(2015, 3, 1)), link()) == Hop(B, CLOSING)


def test_without_a_known_closing_the_links_of_the_last_day_are_meant_r10() -> None:
    unknown = closed(closed_on=None)
    assert hop(link(B, date(2010, 5, 1)), link(C, date(2018, 5, 1)), at=unknown) == Hop(C, date(2018, 5, 1))
    same_day = link(B, date(2018, 5, 1)), link(C, date(2018, 5, 1))
    assert hop(*same_day, at=unknown) == ended(SuccessionResult.SEVERAL, B, C)
    assert hop(link(B, None), at=unknown) == Hop(B, None)


def test_a_chain_goes_forward_in_time_r10() -> None:
    """A link older than the one by which an establishment took over is of an earlier life of it."""
    since = date(2021, 10, 15)
    unknown = closed(B, None)
    assert hop(link(C, date(2015, 1, 1)), at=unknown, passed=(A, B), since=since) == ended(
        SuccessionResult.CLOSED, B, passed=(A, B)
    )
    assert hop(link(C, since), at=unknown, passed=(A, B), since=since) == Hop(C, since)


def test_a_successor_that_is_closed_itself_without_another_says_so_r10() -> None:
    assert hop(at=closed(B), passed=(A, B)) == ended(SuccessionResult.CLOSED, B, passed=(A, B))


@pytest.mark.parametrize("back_to", [A, B])
def test_a_way_back_is_no_way_on_r10(back_to: str) -> None:
    at = closed(C)
    assert hop(link(back_to), at=at, passed=(A, B, C)) == ended(SuccessionResult.CYCLE, back_to, passed=(A, B, C))


def test_a_chain_is_followed_so_far_and_no_farther_r10() -> None:
    passed = [f"306138900{n:05d}" for n in range(MOST_HOPS + 1)]
    at = closed(passed[-1])
    assert hop(link(), at=at, passed=passed[1:]) == Hop(B, CLOSING)
    assert hop(link(), at=at, passed=passed) == ended(SuccessionResult.TOO_LONG, B, passed=passed)


def test_of_very_many_successors_some_are_named() -> None:
    found = hop(*(link(f"306138900{n:05d}") for n in range(100)))
    assert (found.result, len(found.successors)) == (SuccessionResult.SEVERAL, MOST_NAMED)


@pytest.mark.parametrize(("result", "restriction"), [(Result.ACTIVE, None), (Result.RESTRICTED, Restriction.PARTIAL)])
def test_an_open_establishment_at_the_end_is_described_r10(result: Result, restriction: Restriction | None) -> None:
    at = InseeAnswer(
        siret=B,
        result=result,
        restriction=restriction,
        as_of=0,
        name="EXEMPLE",
        address=Address(city="LYON"),
        legal_category="5710",
        hidden=("address",),
        closes_on=date(2027, 1, 1),
        message="une phrase",
    )
    found = arrived(at, (A, B))
    assert (found.result, found.chain, found.successors) == (SuccessionResult.FOUND, (A, B), (B,))
    assert found.establishment is not None
    assert found.establishment.model_dump() == at.model_dump(include={*type(found.establishment).model_fields})


@pytest.mark.parametrize(("result", "restriction"), [(Result.NOT_FOUND, None), (Result.RESTRICTED, Restriction.UNIT)])
def test_one_of_which_insee_does_not_say_that_it_is_open_is_not_taken_for_open_r10(
    result: Result, restriction: Restriction | None
) -> None:
    at = InseeAnswer(siret=B, result=result, restriction=restriction, as_of=0)
    assert arrived(at, (A, B)) == ended(SuccessionResult.UNKNOWN, B, passed=(A, B))


def test_a_doublon_that_leads_nowhere_has_no_successor_r10() -> None:
    assert arrived(None, (A,)) == ended(SuccessionResult.UNKNOWN)


def test_a_doublon_that_leads_back_is_a_circle_r10() -> None:
    assert circle(A, (A, B)) == ended(SuccessionResult.CYCLE, A, passed=(A, B))
