"""Draws examples from a seed and tries them; what fails is reported with its smallest example and its replay."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy

_EXAMPLE = "the example, as small as it could be made:"
_LONGEST_SHOWN = 10_000


class StandsStill(BaseException):
    """The system goes on no more. No Exception, since hypothesis would shrink by trying a system that is broken."""


@contextmanager
def reported_with_replay(case: str, number: int) -> Iterator[None]:
    """Make whatever is found an AssertionError that reports the example, the seed, and the command."""
    try:
        yield
    except (Exception, StandsStill) as found:
        notes = [note for note in getattr(found, "__notes__", ()) if note.startswith(_EXAMPLE)]
        report = "\n".join([f"{type(found).__name__}: {found}", *notes])
        raise AssertionError(f"{report}\nagain: make fuzz CASE={case} SEED={number} TIME=1") from found


def tries(number: int, examples: int, drawn: SearchStrategy[Any], test: Callable[[Any], None]) -> None:
    """Try that many examples, which the seed `number` draws. Raises what the smallest that fails does."""

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
        try:
            test(example)
        except (Exception, StandsStill) as error:  # Hypothesis reports the calls that made it, which are of no help.
            error.add_note(f"{_EXAMPLE} {example!r}"[:_LONGEST_SHOWN])
            raise

    run()
