"""What a commit says besides its position: what behind it was forwarded already. Pure.

What is released by `due_at` can stand behind a record that isn't due: the position stays before that one, and whoever
went on from the position alone would forward again all that came after it, minutes of it when a writer's clock is
minutes fast. Since what is due first is released first, two numbers tell what is finished behind the position; Kafka
keeps them with the offset, as the metadata of the commit.
"""

import re
from typing import NamedTuple

_WRITTEN = re.compile(r"([0-9]{1,16}):([0-9]{1,19})", re.ASCII)


class Watermark(NamedTuple):
    """All records before the offset `end` that are due at `due_at` (ms) or earlier are finished."""

    due_at: int
    end: int

    def covers(self, offset: int, due_at: int) -> bool:
        """Return whether a record is finished by what this says; of those it does not cover nothing is said."""
        return offset < self.end and due_at <= self.due_at

    def __str__(self) -> str:
        """Return it as the metadata of a commit."""
        return f"{self.due_at}:{self.end}"


FOREVER = 10**16 - 1
"""Ms, the latest that a record can be due."""
NONE = Watermark(0, 0)
"""Covers nothing."""


def read(metadata: str) -> Watermark:
    """Return what the metadata of a commit says; nothing when they are not ours, as after an operator moved the offset.

    That is safe: what is not known to be finished is forwarded, once too often at worst.
    """
    written = _WRITTEN.fullmatch(metadata)
    return Watermark(int(written[1]), int(written[2])) if written else NONE
