"""Decides which establishment carries on from one that is closed, by INSEE's links of succession. Pure.

The links come from declarations, so they say less than they seem to: an establishment may hand over a part of its
activity without closing, have several successors on one day or one of another company, and links may lead in a circle.
Only what is clear is followed: a link since the closing, to one establishment of the same legal unit. A doublon is no
succession: the register itself says which establishment stands for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from services.insee_adapter.links import Link
from shared.contracts.messages.insee import Establishment, InseeAnswer, Restriction, Result, Succession
from shared.contracts.messages.insee import SuccessionResult as Ends

MOST_HOPS = 10
"""How far a chain is followed; each establishment on it costs two calls."""
MOST_NAMED = 20

_SIREN = 9
_A_DAY = timedelta(1)


@dataclass(frozen=True, slots=True)
class Hop:
    """The establishment that took over, and since when."""

    siret: str
    day: date | None


def next_hop(
    closed: InseeAnswer, links: Sequence[Link], *, passed: Sequence[str], since: date | None, today: date
) -> Hop | Succession:
    """Return the one clear successor of a closed establishment, or how the way ends there.

    `passed` are the establishments on the way so far, this one included; `since` is when this one took over.
    """
    candidates = _since_the_closing(closed, links, since, today)
    if not candidates:
        if len(passed) == 1:
            return Succession(result=Ends.NONE, chain=tuple(passed))
        return _ends(Ends.CLOSED, passed, [closed.siret])
    best = max(_clarity(closed, link) for link in candidates)
    is_same_unit, *_ = best
    if not is_same_unit:
        return _ends(Ends.OTHER_UNIT, passed, [link.successor for link in candidates])
    clearest = [link for link in candidates if _clarity(closed, link) == best]
    named = {link.successor for link in clearest}
    if len(named) > 1:
        return _ends(Ends.SEVERAL, passed, named)
    (siret,) = named
    if siret in passed:
        return _ends(Ends.CYCLE, passed, named)
    if len(passed) > MOST_HOPS:
        return _ends(Ends.TOO_LONG, passed, named)
    return Hop(siret, max((link.day for link in clearest if link.day), default=since))


def arrived(at: InseeAnswer | None, passed: Sequence[str]) -> Succession:
    """Return where the way ended: at an establishment that is not closed, or at none that INSEE names."""
    if at is None:
        return Succession(result=Ends.UNKNOWN, chain=tuple(passed))
    # Of a unit that is kept back as a whole not even the state is published.
    if at.result not in {Result.ACTIVE, Result.RESTRICTED} or at.restriction is Restriction.UNIT:
        return _ends(Ends.UNKNOWN, passed, [at.siret])
    described = Establishment.model_validate(at.model_dump(include=set(Establishment.model_fields)))
    return _ends(Ends.FOUND, passed, [at.siret]).model_copy(update={"establishment": described})


def circle(siret: str, passed: Sequence[str]) -> Succession:
    """Return that the way came back to an establishment that it passed already."""
    return _ends(Ends.CYCLE, passed, [siret])


def _since_the_closing(closed: InseeAnswer, links: Sequence[Link], since: date | None, today: date) -> Sequence[Link]:
    """Return the links that can mean the closing: older ones handed over a part, later ones are still to come.

    INSEE dates a link by the last day open or by the first day closed. When it does not know since when an
    establishment is closed, those of the last day of all are meant.
    """
    known = [link for link in links if link.day is None or link.day <= today]
    if since is not None:
        known = [link for link in known if link.day is not None and link.day >= since]
    if closed.closed_on is not None:
        return [link for link in known if link.day is not None and link.day >= closed.closed_on - _A_DAY]
    last = max((link.day for link in known if link.day), default=None)
    return [link for link in known if link.day == last]


def _clarity(closed: InseeAnswer, link: Link) -> tuple[bool, bool, bool]:
    same_unit = link.successor[:_SIREN] == closed.siret[:_SIREN]
    return same_unit, link.continuity, link.head_office_moved


def _ends(result: Ends, passed: Sequence[str], named: Sequence[str] | set[str]) -> Succession:
    return Succession(result=result, chain=tuple(passed), successors=tuple(sorted(set(named)))[:MOST_NAMED])
