"""The cases: each takes a system and a seed, tries one round, and raises AssertionError when it finds something."""

from collections.abc import Callable, Mapping
from functools import partial

from tests.fuzz import http, messages, records
from tests.fuzz.stack import Stack
from tests.fuzz.tries import reported_with_replay

CASES: Mapping[str, Callable[[Stack, int], None]] = {
    "http": partial(http.fuzz, examples=6),
    "messages": partial(messages.fuzz, examples=10),
    "topics": partial(records.fuzz, examples=8),
}


def run(name: str, stack: Stack, seed: int) -> None:
    """Try one round of a case."""
    with reported_with_replay(name, seed):
        CASES[name](stack, seed)
