"""Messages of `insee.requests` and `insee.outcomes`: what INSEE's register (Sirene) says of an establishment.

Nothing here repeats INSEE's own format: that is the adapter's business. Dates are days, instants are milliseconds.
"""

from datetime import date
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from shared.clock import DAY, Instant
from shared.contracts.messages.common import Address, Stored
from shared.domain.subjects import LONGEST

Siret = Annotated[str, Field(pattern="^[0-9]{14}$", examples=["13002526500013"])]


class Result(StrEnum):
    """What a look-up found.

    ACTIVE        open today, and INSEE hides nothing; what it has no value for is in `hidden`
    CLOSED        closed today (« Fermé »), hidden fields or not
    NOT_FOUND     INSEE knows no such establishment
    MOVED         entered twice in the register (« doublon »): `moved_to` is the one to use
    RESTRICTED    INSEE does not publish all of it (see `Restriction`)
    UNAVAILABLE   INSEE did not answer, for the reason `because`: nothing is known
    """

    ACTIVE = "ACTIVE"
    CLOSED = "CLOSED"
    NOT_FOUND = "NOT_FOUND"
    MOVED = "MOVED"
    RESTRICTED = "RESTRICTED"
    UNAVAILABLE = "UNAVAILABLE"


class Restriction(StrEnum):
    """How much INSEE hides of a RESTRICTED establishment.

    PARTIAL   « diffusion partielle »: open, and the fields of `hidden` are to be given by hand
    UNIT      the whole unit is hidden (defence, police): it exists, and not even its state is published
    """

    PARTIAL = "PARTIAL"
    UNIT = "UNIT"


class Because(StrEnum):
    """Why there is no answer.

    QUOTA        too many calls for now, ours or those of others with the same key: INSEE itself is reachable
    REFUSED      INSEE refuses our key, token or subscription: an operator has to look
    OUTAGE       INSEE is down or too slow, or the circuit breaker is open after several failures
    UNREADABLE   INSEE answered something that can't be understood
    """

    QUOTA = "QUOTA"
    REFUSED = "REFUSED"
    OUTAGE = "OUTAGE"
    UNREADABLE = "UNREADABLE"


class SuccessionResult(StrEnum):
    """Where INSEE's links of succession lead from an establishment that is closed or a doublon.

    FOUND        to one establishment, which is open: it is the one to use
    NONE         nowhere: INSEE names no successor since the closing
    SEVERAL      to several, none of which is clearer than the others
    OTHER_UNIT   only to establishments of another legal unit (SIREN): somebody else carries on
    CYCLE        back to an establishment that they passed already
    TOO_LONG     farther than they are followed
    CLOSED       to an establishment that is closed too, and for which INSEE names no successor
    UNKNOWN      to an establishment of which INSEE does not say whether it is open, or to none that it names
    """

    FOUND = "FOUND"
    NONE = "NONE"
    SEVERAL = "SEVERAL"
    OTHER_UNIT = "OTHER_UNIT"
    CYCLE = "CYCLE"
    TOO_LONG = "TOO_LONG"
    CLOSED = "CLOSED"
    UNKNOWN = "UNKNOWN"


class InseeLookUp(Stored):
    """Asks what INSEE says of a SIRET; `insee.requests`, keyed by `key`."""

    type: ClassVar[str] = "insee.look-up.v1"

    siret: Siret
    actor: str = Field(
        "", max_length=LONGEST, description="whose look-up it is: the quota is shared fairly between actors"
    )
    fresh: bool = Field(default=False, description="ask INSEE itself, whatever the cache holds")
    successor: bool = Field(
        default=False, description="of one that is closed or a doublon, say too which establishment carries on"
    )
    max_wait: int | None = Field(
        None,
        ge=0,
        le=7 * DAY,
        description="ms an unreachable INSEE is retried before the last UNAVAILABLE; the adapter's by default",
    )

    @property
    def key(self) -> str:
        """Return the key of the look-up and of its answer."""
        return f"{self.siret}{_SUCCESSOR}" if self.successor else self.siret


_SUCCESSOR = "+successor"


def asked_by(key: str) -> tuple[str, bool]:
    """Return the SIRET that the key of a look-up names, and whether its successor is looked up too."""
    return key.removesuffix(_SUCCESSOR), key.endswith(_SUCCESSOR)


class Establishment(Stored):
    """An establishment as INSEE describes it."""

    siret: Siret
    name: str | None = Field(None, description="raison sociale, or first and last name of a person")
    address: Address | None = Field(
        None, description="None when INSEE gives none that can be read, such as in a country that is not known"
    )
    legal_category: str | None = Field(None, description="INSEE's four digits, such as 7210 for a commune")
    hidden: tuple[str, ...] = Field(
        (),
        description="which of `name` and `address` are given by hand: INSEE hides them, wholly or partly, "
        "has none, or writes what can't be read",
    )
    restriction: Restriction | None = None
    closes_on: date | None = Field(
        None, description="first day closed of an establishment open today whose closing is announced"
    )


class Succession(Stored):
    """Which establishment carries on, as far as INSEE's register says it."""

    result: SuccessionResult
    chain: tuple[Siret, ...] = Field((), description="the establishments on the way, from the one that was asked for")
    successors: tuple[Siret, ...] = Field(
        (), description="what INSEE names where the way ends; 20 at most. One alone is no advice unless it is FOUND"
    )
    establishment: Establishment | None = Field(None, description="the one to use, when it is FOUND")


class InseeAnswer(Establishment):
    """What INSEE says of a SIRET; `insee.outcomes`, keyed by its look-up's `key`: the SIRET, and `+successor` if asked.

    An UNAVAILABLE with `retry_after` is published once and is not final: the adapter goes on trying and another answer
    follows. Without `retry_after`, the adapter has given up.
    """

    type: ClassVar[str] = "insee.answer.v1"

    result: Result
    as_of: Instant = Field(description="when INSEE was asked; earlier than now when the answer comes from the cache")
    closed_on: date | None = Field(None, description="first day closed; None also when INSEE does not know")
    opens_on: date | None = Field(
        None, description="first day open of an establishment closed today whose opening is announced"
    )
    moved_to: Siret | None = Field(None, description="the establishment to use; None when INSEE's answer names none")
    moved_to_result: Result | None = Field(
        None, description="what INSEE says of that one; `closes_on` and `opens_on` are its days then"
    )
    succession: Succession | None = Field(
        None, description="which one carries on: of one that is CLOSED or MOVED, when that was asked"
    )
    head_office: Siret | None = Field(
        None, description="the head office today of the unit of one that is closed: no successor, but a place to ask"
    )
    message: str | None = Field(None, description="INSEE's own sentence or ours, such as what is announced; French")
    because: Because | None = None
    retry_after: int | None = Field(None, description="seconds until the adapter's next try")

    @property
    def refusal(self) -> str | None:
        """Return the code that refuses a creation with this SIRET; None if it is allowed, or nothing is known."""
        if self.result == Result.NOT_FOUND:
            return "siret_not_found"
        if self.result == Result.CLOSED:
            return "siret_closed"
        if self.result != Result.MOVED:
            return None
        if self.moved_to is None or self.moved_to_result == Result.NOT_FOUND:
            return "siret_moved_unknown"
        return "siret_moved_closed" if self.moved_to_result == Result.CLOSED else "siret_moved"
