"""Draws examples from a seed and tries them; what fails is told with its smallest example and how to see it again."""

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy


class StandsStill(BaseException):  # noqa: N818 - It is said as the others are.
    """The system goes on no more. No Exception, since hypothesis would shrink by trying a system that is broken."""


def tries(case: str, number: int, examples: int, drawn: SearchStrategy[Any], test: Callable[[Any], None]) -> None:
    """Try that many examples, which the seed `number` draws. Raises AssertionError with the smallest that fails."""

    @seed(number)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(drawn)
    def run(example: Any) -> None:
        test(example)

    try:
        run()
    except (Exception, StandsStill) as found:
        told = "\n".join([f"{type(found).__name__}: {found}", *getattr(found, "__notes__", ())])
        raise AssertionError(f"{told}\nagain: make fuzz CASE={case} SEED={number} TIME=1") from found
