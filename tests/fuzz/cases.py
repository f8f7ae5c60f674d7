"""The cases: each takes a system and a seed, tries one round, and raises AssertionError when it finds something."""

from collections.abc import Callable, Mapping
from functools import partial

from tests.fuzz import messages
from tests.fuzz.world import World

CASES: Mapping[str, Callable[[World, int], None]] = {
    "messages": partial(messages.fuzz, examples=10),
}
