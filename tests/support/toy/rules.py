"""The rules of boxes; `RULES` is the table."""

from collections.abc import Mapping
from typing import Any

from shared.clock import MINUTE
from shared.contracts.messages.common import Request
from shared.contracts.messages.life import request_key
from shared.engine.core.cancel import cancel
from shared.engine.core.rules import (
    Change,
    Context,
    Effect,
    Joint,
    LookUp,
    RequiresLookup,
    Rule,
    at_once,
    delayed,
    jointly,
)
from shared.errors import Failed, MayLag, Rejected
from tests.support.toy.requests import (
    Ask,
    Broken,
    Cancel,
    Close,
    Empty,
    Find,
    Gather,
    HalfBroken,
    Hidden,
    Label,
    Make,
    Open,
    OpenIf,
    Put,
    PutAfter,
    PutIfPermitted,
    PutNow,
    PutOnShelf,
    PutTwice,
    PutWhileOpen,
    Rename,
    RenameHeedless,
    RenameUnseen,
    Sweep,
    Take,
)
from tests.support.toy.state import BoxState

ORACLE_WAIT, SILENT_WAIT = "oracle", "oracle_silent"
RETRY_AFTER = 5 * MINUTE
NOBODY = "nobody"
UNSURE = "unsure"
"""A thing about which the oracle is asked before it is gathered."""
MOST_GATHERED = 20
HOUSE = "house:house:1"
"""The key of the copy that says whether the house is open, and which changes of that are pending."""
BOMB = "bomb"
"""A thing which, once it is in the box, breaks every `Put` that falls due."""


def name_key(name: str) -> str:
    """Return the unique key of a name."""
    return f"name:{name}"


def permissions_key(box: str) -> str:
    """Return the key of the copy that says who may do what with a box."""
    return f"permissions:box:{box}"


def shelf_name(shelf: str) -> str:
    """Return the name that the copy of a box's permissions has by the shelf on which the box stands."""
    return f"permissions:shelf:{shelf}"


def oracle_key(thing: str) -> str:
    """Return the key under which the oracle's answer about a thing arrives."""
    return f"oracle:{thing}"


def _with(state: BoxState | None, thing: str) -> BoxState:
    state = state or BoxState()
    return state.model_copy(update={"things": (*state.things, thing)})


def _put_now(request: Make | Find | PutNow | PutAfter | Ask | PutIfPermitted | Hidden, *_: Any) -> Effect[BoxState]:
    return Effect(lambda now: _with(now, request.thing))


def _open(request: Open, state: None, context: Context) -> Effect[BoxState]:
    del state
    if name_key(request.name) in context.holders:
        raise Rejected("identifier_taken")
    then = None
    if request.thing is not None:
        then = (f"{context.request_id}.put", Put(box=str(context.new_id), thing=request.thing))
    return Effect(lambda _: BoxState(name=request.name), code="created", then=then)


def _open_if(request: OpenIf, state: None, context: Context) -> Effect[BoxState] | RequiresLookup:
    del state
    if name_key(request.name) in context.holders:
        raise Rejected("identifier_taken")
    said = _oracle(request.name, context)
    return said or Effect(lambda _: BoxState(name=request.name), code="created")


def _put_twice(request: PutTwice, state: BoxState, context: Context) -> Effect[BoxState]:
    del state
    second = (f"{context.request_id}.second", PutIfPermitted(box=request.box, thing="second"))
    return Effect(lambda now: _with(now, request.thing), then=second)


def _put(request: Put, state: BoxState, context: Context) -> Change:
    del context
    if state.closed:
        raise Rejected("forbidden")
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
    return _put_now(request)


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


def _set_due(change: Mapping[str, Any], state: BoxState, at: int) -> BoxState:
    del at
    return state.model_copy(update=dict(change))


def _rename(request: Rename | RenameUnseen, state: BoxState, context: Context) -> Change:
    del state
    if context.holders.get(name_key(request.name), context.document) != context.document:
        raise Rejected("identifier_taken")
    return _heedless(request)


def _heedless(request: Rename | RenameUnseen | RenameHeedless, *_: Any) -> Change:
    return Change({"name": request.name}, reserves=(name_key(request.name),))


def _empty(request: Empty, state: BoxState, context: Context) -> Effect[BoxState]:
    del request, state, context
    return Effect(lambda now: (now or BoxState()).model_copy(update={"things": ()}))


def _close(request: Close | Sweep, state: BoxState, context: Context) -> Effect[BoxState]:
    del request, state, context
    return Effect(lambda now: (now or BoxState()).model_copy(update={"closed": True}))


def _cancel(request: Cancel, state: BoxState | None, context: Context) -> Effect[BoxState]:
    del state
    return cancel(request_key(context.actor.id, request.request_id), context)


def _put_if_allowed(request: Ask, state: BoxState, context: Context) -> Effect[BoxState] | RequiresLookup:
    del state
    return _oracle(request.thing, context) or _put_now(request)


def _oracle(thing: str, context: Context) -> RequiresLookup | None:
    """Return the look-up that is required before the oracle has said yes. Raises Rejected when it says no."""
    key = oracle_key(thing)
    said = context.answers.get(key, {}).get("said")
    if said == "yes":
        return None
    if said == "no":
        raise Rejected("forbidden")
    return RequiresLookup(
        key=key,
        look_up=LookUp("oracle.requests", "oracle.ask.v1", thing, {"thing": thing}),
        wait=SILENT_WAIT if said == "later" else ORACLE_WAIT,
        code="waiting_insee",
        timeout_code="insee_unavailable",
        retry_after=RETRY_AFTER,
    )


def _put_if_permitted(request: PutIfPermitted, state: BoxState, context: Context) -> Effect[BoxState]:
    del state
    key = permissions_key(request.box)
    if context.actor.id not in context.copies.get(key, {}).get("may", ()):
        raise Rejected("forbidden", waits_for=key)
    return _put_now(request)


def _put_on_shelf(request: PutOnShelf, state: BoxState, context: Context) -> Effect[BoxState]:
    del state
    key = context.known[shelf_name(request.shelf)]
    if context.actor.id not in context.copies.get(key, {}).get("may", ()):
        raise Rejected("forbidden", waits_for=key)
    return Effect(lambda now: _with(now, request.thing))


def _is_open(house: Mapping[str, Any], at: int) -> bool:
    """Tell whether the house is open at an instant: as it is now, with the changes applied that are due by then."""
    return bool([house["open"], *(change["open"] for change in house.get("pending", ()) if change["at"] <= at)][-1])


def _put_while_open(request: PutWhileOpen, state: BoxState, context: Context) -> Change:
    del state
    if HOUSE in context.copies and not _is_open(context.copies[HOUSE], context.due_at):
        raise Rejected("forbidden", waits_for=HOUSE)
    return Change({"thing": request.thing})


def still_open(change: Mapping[str, Any], state: BoxState, at: int, copies: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse what is due while the house is closed. One of which nothing is known may only be late."""
    del change, state
    if HOUSE not in copies:
        raise MayLag(HOUSE)
    if not _is_open(copies[HOUSE], at):
        raise Failed("forbidden")


def admit(request: Request, context: Context) -> None:
    """Refuse « nobody » before it is known what the request is about."""
    if isinstance(request, Hidden) and context.actor.id == NOBODY:
        raise Rejected("user_inactive", outsider=True)


def _hidden(request: Hidden, state: BoxState, context: Context) -> Effect[BoxState]:
    del state
    key = permissions_key(request.box)
    if context.actor.id not in context.copies.get(key, {}).get("may", ()):
        raise Rejected("not_found", waits_for=key, outsider=True)
    return _put_now(request)


def _broken(request: Broken, state: BoxState, context: Context) -> Effect[BoxState]:
    del request, state, context
    raise ZeroDivisionError("this rule always breaks")


def _half_broken(request: HalfBroken, state: BoxState, context: Context) -> Effect[BoxState]:
    del state
    second = (f"{context.request_id}.second", Broken(box=request.box))
    return Effect(lambda now: _with(now, "half"), then=second)


def _gather(request: Gather, states: Mapping[str, BoxState], context: Context) -> Joint[BoxState] | RequiresLookup:
    if len(states) > MOST_GATHERED:
        raise Rejected("too_many")
    if (lookup := _oracle(request.thing, context)) is not None and request.thing == UNSURE:
        return lookup
    into = f"box:{request.into}"
    sources = {id_: state for id_, state in states.items() if id_ != into}
    wanted = {*(f"box:{box}" for box in request.boxes), into}
    wrong = dict.fromkeys(sorted(wanted - states.keys()), "not_found")
    wrong |= {id_: "not_there" for id_, state in sources.items() if request.thing not in state.things}
    if wrong:
        raise Rejected("not_there", details={"boxes": wrong})
    effects = {id_: Effect(lambda now: _without(now, request.thing)) for id_ in sources}
    return Joint({**effects, into: Effect(lambda now: _with(now, request.thing))}, details={"count": len(sources)})


def _without(state: BoxState | None, thing: str) -> BoxState:
    assert state is not None
    return state.model_copy(update={"things": tuple(t for t in state.things if t != thing)})


RULES: Mapping[type[Request], Rule] = {
    Gather: jointly(_gather),
    Open: at_once(_open),
    OpenIf: at_once(_open_if),
    PutTwice: at_once(_put_twice),
    Make: at_once(_put_now),
    Find: at_once(_put_now),
    Put: delayed(_put, _put_due),
    PutNow: at_once(_put_now),
    PutAfter: at_once(_put_after),
    Take: delayed(_take, _take_due),
    Label: delayed(_label, _set_due),
    Rename: delayed(_rename, _set_due),
    RenameUnseen: delayed(_rename, _set_due),
    RenameHeedless: delayed(_heedless, _set_due),
    Empty: at_once(_empty),
    Close: at_once(_close),
    Cancel: at_once(_cancel),
    Ask: at_once(_put_if_allowed),
    PutIfPermitted: at_once(_put_if_permitted),
    PutOnShelf: at_once(_put_on_shelf),
    PutWhileOpen: delayed(_put_while_open, _put_due, still_open),
    Hidden: at_once(_hidden),
    Broken: at_once(_broken),
    HalfBroken: at_once(_half_broken),
    Sweep: at_once(_close),
}
