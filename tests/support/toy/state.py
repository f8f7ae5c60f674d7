"""What is stored of a box."""

from shared.contracts.messages.common import Stored


class Lining(Stored):
    """A value inside a value."""

    colour: str


class BoxState(Stored):
    """A box. `things` are in the order in which they were put in."""

    name: str | None = None
    label: str | None = None
    secret: str | None = None
    lining: Lining | None = None
    things: tuple[str, ...] = ()
    closed: bool = False
