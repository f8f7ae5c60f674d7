"""The engine goes unharmed through all interleavings up to a bound, and an engine broken in one place does not.

Longer: `make explore`.
"""

import pytest

from tests.explorer.breaks import BREAKS
from tests.explorer.cases import CASES, CROWDS, NAMED_WHILE_MADE
from tests.explorer.moves import Moves
from tests.explorer.search import at_random, everywhere

MOST = 50_000
"""Moves of each case: all of the smallest with two preemptions, the beginning of the others."""


@pytest.mark.parametrize("name", CASES)
def test_no_interleaving_makes_the_engine_break_a_guarantee(name: str) -> None:
    moves = Moves(CASES[name])
    found = everywhere(moves, preemptions=2, most=MOST)
    assert not found.wrong, str(found)
    found = at_random(moves, 0, walks=20)
    assert not found.wrong, str(found)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", CROWDS)
def test_no_way_through_a_crowd_makes_the_engine_break_a_guarantee(name: str, seed: int) -> None:
    found = at_random(Moves(CROWDS[name]), seed, walks=40)
    assert not found.wrong, f"seed {seed}: {found}"


@pytest.mark.parametrize("name", BREAKS)
def test_what_is_broken_is_found(name: str) -> None:
    broken = BREAKS[name]
    found = everywhere(Moves(CASES[broken.case], broken), preemptions=2, most=1_000_000)
    assert broken.shows in {wrong.partition(":")[0] for wrong in found.wrong}, str(found)
    assert found.way


def test_the_known_limit_is_as_it_is_described() -> None:
    """One answer too many and no effect too many. Whoever closes it makes this a case like the others."""
    found = everywhere(Moves(NAMED_WHILE_MADE), preemptions=2)
    assert found.wrong == ("both: r1 has the outcomes applied, rejected",)


def test_what_is_broken_is_found_at_random_too_and_a_seed_goes_the_same_way_again() -> None:
    broken = BREAKS["a repeat is known by its record alone"]
    found, again = (at_random(Moves(CROWDS["one box"], broken), 1, walks=200) for _ in range(2))
    assert found.wrong
    assert (found.wrong, found.way) == (again.wrong, again.way)
