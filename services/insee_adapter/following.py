"""Follows an establishment to the one that carries on: through doublons, and from one successor to the next.

Each step is a call, and the quota may be used up in the middle of a chain. `Steps` keeps what the calls before have
said, so that a look-up that was put back goes on where it stopped.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from services.insee_adapter import days
from services.insee_adapter.links import Link
from services.insee_adapter.reading import head_office_moved_to
from services.insee_adapter.responses import Doublon
from services.insee_adapter.succession import Hop, arrived, circle, next_hop
from shared.contracts.messages.insee import InseeAnswer, Result, Succession

T = TypeVar("T")

MOST_DOUBLONS = 3
"""How many doublons are followed, one to the next."""


class Register(Protocol):
    """INSEE's register, one call each. Both raise `NoAnswer` when it says nothing."""

    async def establishment(self, siret: str) -> InseeAnswer | Doublon:
        """Return what the register says of an establishment."""
        ...

    async def links(self, siret: str) -> Sequence[Link]:
        """Return the links of succession from an establishment."""
        ...


@dataclass
class Steps:
    """What the register has said so far in one look-up that began at `since` (ms of a steady clock)."""

    since: int
    establishments: dict[str, InseeAnswer | Doublon] = field(default_factory=dict)
    links: dict[str, Sequence[Link]] = field(default_factory=dict)


class Remembering:
    """The register, asked once for each step."""

    def __init__(self, register: Register, steps: Steps) -> None:
        self._register, self._steps = register, steps

    async def establishment(self, siret: str) -> InseeAnswer | Doublon:
        """Return what the register says, or said, of an establishment."""
        return await _once(self._steps.establishments, siret, self._register.establishment)

    async def links(self, siret: str) -> Sequence[Link]:
        """Return the links of succession from an establishment, as the register gives or gave them."""
        return await _once(self._steps.links, siret, self._register.links)


async def _once(known: dict[str, T], siret: str, ask: Callable[[str], Awaitable[T]]) -> T:
    if siret not in known:
        known[siret] = await ask(siret)
    return known[siret]


async def look_up(siret: str, register: Register, now: Callable[[], int]) -> InseeAnswer:
    """Return what the register says of an establishment; of a doublon, which one stands for it."""
    answer, _ = await _resolved(siret, register, now)
    return answer


async def look_up_successor(siret: str, register: Register, now: Callable[[], int]) -> InseeAnswer:
    """Return what the register says of an establishment, and which one carries on when it is closed or a doublon."""
    answer, at = await _standing_for(siret, register, now)
    if answer.result not in {Result.CLOSED, Result.MOVED}:
        return answer
    return answer.model_copy(update={"succession": await _followed(siret, at, register, now)})


async def _followed(siret: str, at: InseeAnswer | None, register: Register, now: Callable[[], int]) -> Succession:
    passed, since = [siret], None
    while True:
        if at is not None and at.siret != passed[-1]:  # A doublon led here.
            if at.siret in passed:
                return circle(at.siret, passed)
            passed.append(at.siret)
        if at is None or at.result is not Result.CLOSED:
            return arrived(at, passed)
        links = await register.links(at.siret)
        hop = next_hop(at, links, passed=passed, since=since, today=days.today(now()))
        if not isinstance(hop, Hop):
            return hop
        passed.append(hop.siret)
        since = hop.day
        _, at = await _standing_for(hop.siret, register, now)


async def _standing_for(
    siret: str, register: Register, now: Callable[[], int]
) -> tuple[InseeAnswer, InseeAnswer | None]:
    answer, at = await _resolved(siret, register, now)
    if at is not None and at.moved_to is not None:
        # A proxy followed the redirection: it said which establishment to use, and too little of it.
        _, at = await _resolved(at.moved_to, register, now)
    return answer, at


async def _resolved(siret: str, register: Register, now: Callable[[], int]) -> tuple[InseeAnswer, InseeAnswer | None]:
    """Return the answer for an establishment, and what the register says of the one that stands for it.

    That is itself, unless it is a doublon; None when the register leads nowhere, which is a fact all the same.
    """
    reply = first = await register.establishment(siret)
    seen = {siret}
    while isinstance(reply, Doublon):
        if reply.target is None or reply.target in seen or len(seen) > MOST_DOUBLONS:
            message = first.message if isinstance(first, Doublon) else None
            return InseeAnswer(siret=siret, result=Result.MOVED, as_of=now(), message=message), None
        seen.add(reply.target)
        reply = await register.establishment(reply.target)
    if reply.siret == siret:
        return reply, reply
    return head_office_moved_to(siret, reply), reply
