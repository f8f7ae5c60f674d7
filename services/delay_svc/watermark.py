"""The watermark: which records beyond a committed offset were forwarded already. Pure.

Records are released by `due_at`, so one may come in the log after a record that isn't due. The committed offset stays
at that one. A process that knew only the offset would forward all records after it again: minutes of them, when a
writer's clock is minutes fast. Since records are released in the order of `due_at`, two numbers describe what is
finished beyond the offset. Kafka keeps them with it, as the metadata of the commit.
"""

import re
from typing import NamedTuple

_WRITTEN = re.compile(r"([0-9]{1,16}):([0-9]{1,19})", re.ASCII)


class Watermark(NamedTuple):
    """All records before the offset `end` that are due at `due_at` (ms) or earlier are finished."""

    due_at: int
    end: int

    def covers(self, offset: int, due_at: int) -> bool:
        """Return whether the watermark says that a record is finished; of records it does not cover it says nothing."""
        return offset < self.end and due_at <= self.due_at

    def __str__(self) -> str:
        """Return it as the metadata of a commit."""
        return f"{self.due_at}:{self.end}"


FOREVER = 10**16 - 1
"""The latest `due_at` (ms) that a record can have."""
NONE = Watermark(0, 0)
"""Covers nothing."""


def read(metadata: str) -> Watermark:
    """Return the watermark in the metadata of a commit; `NONE` when they are not ours, as after an operator's reset.

    That is safe: records not known to be finished are forwarded, once too often at worst.
    """
    written = _WRITTEN.fullmatch(metadata)
    return Watermark(int(written[1]), int(written[2])) if written else NONE
