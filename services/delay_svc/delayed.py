"""Delayed records: when each is due and where it goes. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shared.clock import MINUTE
from shared.errors import Poison
from shared.kafka.partitioner import key_hash

DUE_AT = "due_at"
"""Header: when the record is due, ms since the epoch, in ASCII digits."""
TARGET = "target"
"""Header: the topic it is forwarded to; it is left out of what is forwarded."""
TARGET_ENDS_WITH = ".due"

MARGIN = 10 * MINUTE
"""Ms by which a record may be due later than its append plus its topic's delay, since clocks differ."""
LONGEST = 64 * 1024
"""Bytes of key and value at most; a larger record is no trigger."""


@dataclass(frozen=True, slots=True)
class Delayed:
    """A delayed record. `due_at` is in ms; `spread` modulo the target's partitions is its partition there.

    `ahead` is by how many ms it is due later than its append plus its topic's delay: that much its writer's clock was
    ahead of the broker's.
    """

    due_at: int
    target: str
    spread: int
    ahead: int
    record: Any

    @property
    def headers(self) -> Sequence[tuple[str, bytes]]:
        """Return the headers to forward: all but the target."""
        return [header for header in self.record.headers if header[0] != TARGET]


def read(record: Any, delay: int) -> Delayed:
    """Read a record of the topic whose delay is `delay` (ms). Raises Poison when it can't be forwarded.

    A record that is due already is valid. One that is due later than the delay allows is not: it would take room in its
    window for too long.
    """
    headers = dict(record.headers)
    due_at = _due_at(headers.get(DUE_AT))
    ahead = due_at - record.timestamp - delay
    if ahead > MARGIN:
        raise Poison("due_at_too_far", "L'échéance est plus lointaine que ce que permet le délai de ce topic.")
    target = _target(headers.get(TARGET))
    if len(record.key or b"") + len(record.value or b"") > LONGEST:
        raise Poison("message_too_large", "La clé et la valeur dépassent ensemble 64 Kio.")
    # Records without a key keep at least the order of the partition they come from.
    spread = record.partition if record.key is None else key_hash(record.key)
    return Delayed(due_at, target, spread, ahead, record)


def _due_at(value: bytes | None) -> int:
    # Sixteen digits of milliseconds reach the year 300,000. More are refused: int() of a megabyte of digits is slow.
    if value is None or not value.isdigit() or len(value) > 16:
        raise Poison("due_at_invalid", "L'en-tête « due_at » manque ou n'est pas un instant en millisecondes.")
    return int(value)


def _target(value: bytes | None) -> str:
    if value is None:
        raise Poison("target_invalid", "L'en-tête « target » manque.")
    # A topic's name is ASCII; other bytes become characters that no topic's name contains.
    target = value.decode("ascii", "replace")
    if not target.endswith(TARGET_ENDS_WITH):
        raise Poison("target_invalid", "L'en-tête « target » ne désigne pas un topic d'échéances (« .due »).")
    return target
