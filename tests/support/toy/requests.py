"""What may be requested of a box: each type shows one thing that a rule can do."""

from typing import ClassVar

from shared.contracts.messages.common import Request


class OfBox(Request):
    """A request about a box that should exist. It is called by its id, or by its name with `@` before it."""

    box: str


class Open(Request):
    """Makes a box with a fresh id; no two boxes have the same name. May put a thing in right away."""

    type: ClassVar[str] = "box.open.v1"
    name: str
    thing: str | None = None


class OpenIf(Request):
    """Makes a box with a fresh id and a name, when the oracle says yes to the name."""

    type: ClassVar[str] = "box.open-if.v1"
    name: str


class PutTwice(OfBox):
    """Puts a thing in, at once, and requests that another be put in when the copied permissions allow it."""

    type: ClassVar[str] = "box.put-twice.v1"
    thing: str


class Make(Request):
    """Makes a box with a fresh id and no name, and puts a thing in."""

    type: ClassVar[str] = "box.make.v1"
    thing: str


class Find(Request):
    """Makes the box of this id unless it is there, and puts a thing in."""

    type: ClassVar[str] = "box.find.v1"
    box: str
    thing: str


class Put(OfBox):
    """Puts a thing in, later, as often as it is submitted. Refused when the box is closed."""

    type: ClassVar[str] = "box.put.v1"
    thing: str


class PutNow(OfBox):
    """Puts a thing in at once, as often as it is submitted."""

    type: ClassVar[str] = "box.put-now.v1"
    thing: str


class PutAfter(OfBox):
    """Puts a thing in at once, if another is or will be in."""

    type: ClassVar[str] = "box.put-after.v1"
    thing: str
    after: str


class Gather(Request):
    """Take a thing out of several boxes into one, of all or of none."""

    type: ClassVar[str] = "box.gather.v1"

    boxes: tuple[str, ...] = ()
    label: str | None = None
    into: str
    thing: str


class Take(OfBox):
    """Takes a thing out, later. Refused when it won't be there then; fails when it is no longer there."""

    type: ClassVar[str] = "box.take.v1"
    thing: str


class Label(OfBox):
    """Changes label and secret, later."""

    type: ClassVar[str] = "box.label.v1"
    label: str | None = None
    secret: str | None = None


class Rename(OfBox):
    """Changes the name, later; the new one is reserved from now on."""

    type: ClassVar[str] = "box.rename.v1"
    name: str


class RenameUnseen(OfBox):
    """Changes the name, later, to one that its target does not name, as if somebody else had said which."""

    type: ClassVar[str] = "box.rename-unseen.v1"
    name: str


class RenameHeedless(OfBox):
    """Changes the name, later, and never looks who has it."""

    type: ClassVar[str] = "box.rename-heedless.v1"
    name: str


class Empty(OfBox):
    """Takes everything out, at once."""

    type: ClassVar[str] = "box.empty.v1"


class Close(OfBox):
    """Closes the box, at once."""

    type: ClassVar[str] = "box.close.v1"


class Cancel(OfBox):
    """Cancels a pending request."""

    type: ClassVar[str] = "box.cancel.v1"
    request_id: str


class Ask(OfBox):
    """Puts a thing in at once, when the oracle says yes."""

    type: ClassVar[str] = "box.ask.v1"
    thing: str


class PutIfPermitted(OfBox):
    """Puts a thing in at once, when the copied permissions let the actor."""

    type: ClassVar[str] = "box.put-if-permitted.v1"
    thing: str


class PutOnShelf(Request):
    """Puts a thing, at once, in the box that stands on a shelf, when its copied permissions let the actor.

    Which box that is, the copy of its permissions says, which has the shelf as a name.
    """

    type: ClassVar[str] = "box.put-on-shelf.v1"
    shelf: str
    thing: str


class PutWhileOpen(OfBox):
    """Puts a thing in, later, if the house is open then. As long as nothing is known of the house, it is accepted."""

    type: ClassVar[str] = "box.put-while-open.v1"
    thing: str


class Hidden(OfBox):
    """Puts a thing in at once, when the copied permissions let the actor; the box does not exist for the others.

    « Nobody » may request nothing, of any box.
    """

    type: ClassVar[str] = "box.hidden.v1"
    thing: str


class Broken(OfBox):
    """Breaks."""

    type: ClassVar[str] = "box.broken.v1"


class HalfBroken(OfBox):
    """Puts a thing in at once, and is followed by a request that breaks."""

    type: ClassVar[str] = "box.half-broken.v1"


class Sweep(OfBox):
    """A request that no message may bring."""

    type: ClassVar[str] = "box.sweep.v1"
