"""How an owner reacts to the records of another: a pure table, a record and copies in, requests out."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from shared.contracts.messages.common import Request

Record = Mapping[str, Any]
"""A record as its owner publishes it."""
Copies = Mapping[str, Record]
"""The owner's copies of records of others, by key."""


@dataclass(frozen=True, slots=True)
class Reaction:
    """A request that the owner makes itself.

    Its id is derived from the record it reacts to, and must contain all that distinguishes it from other requests: the
    same id again is a repeat, whatever else a later record says.
    """

    request_id: str
    request: Request


@dataclass(frozen=True, slots=True)
class Reacts:
    """How an owner reacts to the records of another: which copies it reads, and which requests it then makes."""

    copies: Callable[[Record], Iterable[str]]
    requests: Callable[[Record, Copies], Iterable[Reaction]]
