"""A toy owner, so that the engine's tests know nothing of structures: boxes in which things are put.

Each request type shows one thing a rule can do; `RULES` is the list.
"""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import orjson

from shared.auth import Actor
from shared.clock import MINUTE
from shared.engine.cancel import cancel
from shared.engine.decide import COPY, Timing
from shared.engine.incoming import Incoming
from shared.engine.intake import body_hash
from shared.engine.rules import (
    Change,
    Context,
    Effect,
    LookUp,
    Needs,
    Owner,
    Rule,
    Target,
    View,
    at_once,
    delayed,
)
from shared.errors import Failed, Rejected
from shared.messages.common import Request, Stored
from shared.messages.life import request_key

NOW = 1_800_000_000_000
DELAY = 30 * MINUTE
ORACLE_WAIT, SILENT_WAIT = "oracle", "oracle_silent"
ASK_AGAIN = 5 * MINUTE
ALICE = Actor("alice")


class Lining(Stored):
    """A value inside a value."""

    colour: str


class BoxState(Stored):
    """What is stored of a box. `things` are in the order in which they were put in."""

    name: str | None = None
    label: str | None = None
    secret: str | None = None
    lining: Lining | None = None
    things: tuple[str, ...] = ()
    closed: bool = False


class OfBox(Request):
    """A request about a box that should exist."""

    box: str


class Open(Request):
    """Makes a box with a fresh id; no two boxes have the same name. May put a thing in right away."""

    type: ClassVar[str] = "box.open.v1"
    name: str
    thing: str | None = None


class Find(Request):
    """Makes the box of this id unless it is there, and puts a thing in."""

    type: ClassVar[str] = "box.find.v1"
    box: str
    thing: str


class Put(OfBox):
    """Puts a thing in, later. Refused when it will be there already, or when the box will be closed."""

    type: ClassVar[str] = "box.put.v1"
    thing: str


class PutNow(OfBox):
    """Puts a thing in at once, as often as it is asked."""

    type: ClassVar[str] = "box.put-now.v1"
    thing: str


class PutAfter(OfBox):
    """Puts a thing in at once, if another is or will be in."""

    type: ClassVar[str] = "box.put-after.v1"
    thing: str
    after: str


class Take(OfBox):
    """Takes a thing out, later; when it is no longer there, that fails."""

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


class Guarded(OfBox):
    """Puts a thing in at once, when the keeper's copy says that the actor may."""

    type: ClassVar[str] = "box.guarded.v1"
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


BOMB = "bomb"
"""A thing which, once it is in the box, breaks every `Put` that falls due."""
UNSPEAKABLE = "unspeakable"
"""A box whose very target breaks."""


def box_id(box: str) -> str:
    """Return the id of a box's document."""
    return f"box:{box}"


def name_key(name: str) -> str:
    """Return the unique key of a name."""
    return f"name:{name}"


def keeper_key(box: str) -> str:
    """Return the key of the copy that says who may do what with a box."""
    return f"keeper:box:{box}"


def oracle_key(thing: str) -> str:
    """Return the key under which the oracle's answer about a thing arrives."""
    return f"oracle:{thing}"


def _with(state: BoxState | None, thing: str) -> BoxState:
    state = state or BoxState()
    return state.model_copy(update={"things": (*state.things, thing)})


def _put_now(thing: str) -> Effect[BoxState]:
    return Effect(lambda now: _with(now, thing))


def _open(request: Open, state: None, context: Context) -> Effect[BoxState]:
    del state
    if name_key(request.name) in context.holders:
        raise Rejected("identifier_taken")
    then = None
    if request.thing is not None:
        then = (f"{context.request_id}.put", Put(box=str(context.new_id), thing=request.thing))
    return Effect(lambda _: BoxState(name=request.name), code="created", then=then)


def _put(request: Put, state: BoxState, context: Context) -> Change:
    del context
    if state.closed:
        raise Rejected("forbidden")
    if request.thing in state.things:
        raise Rejected("already_pending")
    return Change({"thing": request.thing})


def _put_due(change: Mapping[str, Any], state: BoxState, at: int) -> BoxState:
    del at
    if BOMB in state.things:
        raise ZeroDivisionError("a change that breaks when it is due")
    return _with(state, change["thing"])


def _put_after(request: PutAfter, state: BoxState, context: Context) -> Effect[BoxState]:
    del context
    if request.after not in state.things:
        raise Rejected("not_found")
    return _put_now(request.thing)


def _take(request: Take, state: BoxState, context: Context) -> Change:
    del context
    if request.thing not in state.things:
        raise Rejected("not_found")
    return Change({"thing": request.thing})


def _take_due(change: Mapping[str, Any], state: BoxState, at: int) -> BoxState:
    del at
    if change["thing"] not in state.things:
        raise Failed("not_found")
    return state.model_copy(update={"things": tuple(t for t in state.things if t != change["thing"])})


def _label(request: Label, state: BoxState, context: Context) -> Change:
    del state, context
    return Change({field: getattr(request, field) for field in sorted(request.model_fields_set - {"box"})})


def _label_due(change: Mapping[str, Any], state: BoxState, at: int) -> BoxState:
    del at
    return state.model_copy(update=dict(change))


def _rename(request: Rename, state: BoxState, context: Context) -> Change:
    del state
    if context.holders.get(name_key(request.name), context.document) != context.document:
        raise Rejected("identifier_taken")
    return Change({"name": request.name}, reserves=(name_key(request.name),))


def _close(request: Close, state: BoxState, context: Context) -> Effect[BoxState]:
    del request, state, context
    return Effect(lambda now: (now or BoxState()).model_copy(update={"closed": True}))


def _cancel(request: Cancel, state: BoxState, context: Context) -> Effect[BoxState]:
    del state
    return cancel(request_key(context.actor.id, request.request_id), context)


def _ask(request: Ask, state: BoxState, context: Context) -> Effect[BoxState] | Needs:
    del state
    key = oracle_key(request.thing)
    said = context.answers.get(key, {}).get("said")
    if said == "yes":
        return _put_now(request.thing)
    if said == "no":
        raise Rejected("forbidden")
    return Needs(
        key=key,
        ask=LookUp("oracle.requests", "oracle.ask.v1", request.thing, {"thing": request.thing}),
        wait=SILENT_WAIT if said == "later" else ORACLE_WAIT,
        code="waiting_insee",
        otherwise="insee_unavailable",
        again_after=ASK_AGAIN,
    )


def _guarded(request: Guarded, state: BoxState, context: Context) -> Effect[BoxState]:
    del state
    key = keeper_key(request.box)
    if context.actor.id not in context.copies.get(key, {}).get("may", ()):
        raise Rejected("forbidden", waits_for=key)
    return _put_now(request.thing)


def _broken(request: Broken, state: BoxState, context: Context) -> Effect[BoxState]:
    del request, state, context
    raise ZeroDivisionError("this rule always breaks")


def _half_broken(request: HalfBroken, state: BoxState, context: Context) -> Effect[BoxState]:
    del state
    second = (f"{context.request_id}.second", Broken(box=request.box))
    return Effect(lambda now: _with(now, "half"), then=second)


RULES: Mapping[type[Request], Rule] = {
    Open: at_once(_open),
    Find: at_once(lambda request, _state, _context: _put_now(request.thing)),
    Put: delayed(_put, _put_due),
    PutNow: at_once(lambda request, _state, _context: _put_now(request.thing)),
    PutAfter: at_once(_put_after),
    Take: delayed(_take, _take_due),
    Label: delayed(_label, _label_due),
    Rename: delayed(_rename, _label_due),
    Close: at_once(_close),
    Cancel: at_once(_cancel),
    Ask: at_once(_ask),
    Guarded: at_once(_guarded),
    Broken: at_once(_broken),
    HalfBroken: at_once(_half_broken),
    Sweep: at_once(_close),
}


def _target(request: Request, actor: Actor) -> Target:
    del actor
    if isinstance(request, Open):
        return Target(keys=(name_key(request.name),), fresh="box", reference={"name": request.name})
    assert isinstance(request, OfBox | Find)
    if request.box == UNSPEAKABLE:
        raise ZeroDivisionError("a target that breaks")
    if isinstance(request, Find):
        return Target(id=box_id(request.box), may_create=True)
    lags = keeper_key(request.box) if isinstance(request, Guarded) else None
    if request.box.startswith("@"):  # A box called by its name.
        return Target(keys=(name_key(request.box[1:]),))
    keys = (name_key(request.name),) if isinstance(request, Rename) else ()
    return Target(id=box_id(request.box), keys=keys, lags=lags, reference={"box": request.box})


def _copies(request: Request, document: str | None, state: BoxState | None, actor: Actor) -> Iterable[str]:
    del document, actor
    if isinstance(request, Guarded) and state is not None:
        yield keeper_key(request.box)


def _refers(request: Request, actor: Actor) -> Iterable[str]:
    if isinstance(request, Cancel):
        yield request_key(actor.id, request.request_id)


def _present(view: View[BoxState]) -> bytes:
    record = view.state.model_dump(mode="json", exclude_none=True, exclude={"secret"})
    return orjson.dumps(
        record
        | {
            "version": view.version,
            "pending": [p.step.request_id for p in view.pending],
            "will_hold": list(view.projected.things),
        }
    )


OWNER: Owner[BoxState] = Owner(
    name="box",
    rules=RULES,
    state=lambda _kind: BoxState,
    target=_target,
    keys=lambda state: (name_key(state.name),) if state.name is not None else (),
    reference=lambda state: {"box": {"name": state.name}},
    present=_present,
    copies=_copies,
    refers=_refers,
    private=frozenset({"secret"}),
    waits={ORACLE_WAIT: 60 * MINUTE, SILENT_WAIT: 10 * MINUTE},
    internal=frozenset({Sweep}),
)
TIMING = Timing(DELAY, {COPY: 2_000, **OWNER.waits})


def incoming(request: Request, request_id: str = "r1", *, actor: Actor = ALICE, at: int = NOW, **more: Any) -> Incoming:
    """Return a request as the intake hands it on; `at` is the broker's append time."""
    hashed = body_hash(request.type, request.model_dump(mode="json", exclude_unset=True))
    return Incoming(request_id, actor, request, hashed, at, **more)


class ManualClock:
    """A clock that the test moves."""

    def __init__(self, now: int = NOW) -> None:
        self.time = now

    def now(self) -> int:
        return self.time

    def pass_(self, ms: int) -> None:
        """Let time pass."""
        self.time += ms
