"""A toy owner, so that the engine's tests know nothing of structures: boxes in which things are put."""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from shared.clock import MINUTE
from shared.contracts.messages.common import Request
from shared.contracts.messages.life import request_key
from shared.domain.actor import Actor
from shared.engine.core.decide import COPY, Timing
from shared.engine.core.incoming import Incoming
from shared.engine.core.rules import Limits, Owner, Target, View
from shared.engine.entrypoint.intake import body_hash
from tests.support.toy.requests import (
    Cancel,
    Find,
    Gather,
    Hidden,
    Make,
    OfBox,
    Open,
    OpenIf,
    PutIfPermitted,
    PutOnShelf,
    PutWhileOpen,
    Rename,
    Sweep,
)
from tests.support.toy.rules import HOUSE, ORACLE_WAIT, RULES, SILENT_WAIT, admit, name_key, permissions_key, shelf_name
from tests.support.toy.state import BoxState

NOW = 1_800_000_000_000
DELAY = 30 * MINUTE
ALICE, BOB = Actor("alice"), Actor("bob")
UNSPEAKABLE = "unspeakable"
"""A box whose very target breaks."""
UNSHOWABLE = "unshowable"
"""The label of a box that can't be shown."""
PRIVILEGED = Actor("privileged")
"""The one for whom some place is kept among the pending changes."""


def box_id(box: str) -> str:
    """Return the id of a box's document."""
    return f"box:{box}"


def _target(request: Request, actor: Actor, known: Mapping[str, str]) -> Target:
    if isinstance(request, Open | OpenIf):
        return Target(keys=(name_key(request.name),), fresh="box", reference={"name": request.name})
    if isinstance(request, Make):
        return Target(fresh="box")
    if isinstance(request, Gather):
        ids = tuple(map(box_id, (*request.boxes, request.into)))
        refs = (f"label:{request.label}",) if request.label is not None else ()
        return Target(ids=ids, refs=refs, reference={"into": request.into})
    if isinstance(request, PutOnShelf):
        name = shelf_name(request.shelf)
        if name not in known:
            return Target(lags=name, reference={"shelf": request.shelf})
        return Target(id=known[name].removeprefix("permissions:"), copies=(known[name],))
    assert isinstance(request, OfBox | Find)
    if request.box == UNSPEAKABLE:
        raise ZeroDivisionError("a target that breaks")
    if isinstance(request, Find):
        return Target(id=box_id(request.box), may_create=True)
    cancels = next(iter(_refers(request, actor)), None)
    if request.box.startswith("@"):  # A box called by its name.
        return Target(keys=(name_key(request.box[1:]),), cancels=cancels)
    lags = permissions_key(request.box) if isinstance(request, PutIfPermitted | Hidden) else None
    keys = (name_key(request.name),) if isinstance(request, Rename) else ()
    return Target(id=box_id(request.box), keys=keys, lags=lags, reference={"box": request.box}, cancels=cancels)


def _copies(request: Request, document: str | None, state: BoxState | None, actor: Actor) -> Iterable[str]:
    del document, actor
    if isinstance(request, PutIfPermitted | Hidden) and state is not None:
        yield permissions_key(request.box)
    if isinstance(request, PutWhileOpen):
        yield HOUSE


def _names(request: Request) -> Iterable[str]:
    if isinstance(request, PutOnShelf):
        yield shelf_name(request.shelf)


def _refers(request: Request, actor: Actor) -> Iterable[str]:
    if isinstance(request, Cancel):
        yield request_key(actor.id, request.request_id)


def _present(view: View[BoxState]) -> bytes:
    if view.state.label == UNSHOWABLE:
        raise ZeroDivisionError("a box that can't be shown")
    record = view.state.model_dump(mode="json", exclude_none=True, exclude={"secret"})
    version_and_pending = {"version": view.version, "pending": [p.transition.request_id for p in view.pending]}
    return orjson.dumps(record | version_and_pending | {"will_hold": list(view.projected.things)})


OWNER: Owner[BoxState] = Owner(
    name="box",
    rules=RULES,
    state=lambda _kind: BoxState,
    target=_target,
    keys=lambda state: (name_key(state.name),) if state.name is not None else (),
    refs=lambda state: (f"label:{state.label}",) if state.label is not None else (),
    reference=lambda state: {"box": {"name": state.name}},
    present=_present,
    admit=admit,
    names=_names,
    copies=_copies,
    due_copies=lambda _: (HOUSE,),
    refers=_refers,
    private=frozenset({"secret"}),
    waits={ORACLE_WAIT: 60 * MINUTE, SILENT_WAIT: 10 * MINUTE},
    internal=frozenset({Sweep}),
    limits=Limits(documents=20),
    has_reserved_place=lambda _, context: context.actor == PRIVILEGED,
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
