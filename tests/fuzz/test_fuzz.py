"""A short run of each case, the same each time: FUZZ_SEED draws another one. `make fuzz` goes on for longer."""

import os

import pytest

from tests.fuzz.cases import CASES, run
from tests.fuzz.stack import Stack

SEED = int(os.environ.get("FUZZ_SEED", "1"))


@pytest.mark.timeout(600)  # What fails is made smaller, which takes a while; what holds takes some seconds.
@pytest.mark.parametrize("name", CASES)
def test_what_nobody_thought_of_stops_nothing(stack: Stack, name: str) -> None:
    run(name, stack, SEED)
