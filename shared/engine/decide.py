"""Decides one request on a draft: the only place where a rule's answer becomes steps. Pure: no I/O, no clock."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from shared.engine.document import Draft, told
from shared.engine.incoming import Incoming
from shared.engine.rules import Change, Context, Effect, LookUp, Needs, Pending, Target
from shared.engine.step import Step
from shared.errors import Rejected
from shared.messages.common import Request

COPY = "copy"
"""The wait for a local copy that may lag."""


@dataclass(frozen=True, slots=True)
class Wait:
    """The request can't be decided yet: what it waits for, until when, and what is asked meanwhile."""

    waits_for: str
    code: str
    deadline: int
    ask: LookUp | None = None
    ask_at: int | None = None
    reference: Mapping[str, Any] | None = None
    """What is told of the document meanwhile; None for all that a reference tells."""


@dataclass(frozen=True, slots=True)
class Timing:
    """The durations of an owner, in ms: the delay of requests, and how long each kind of wait lasts at most."""

    delay: int
    waits: Mapping[str, int]


def decide(draft: Draft, incoming: Incoming, context: Context, timing: Timing) -> Wait | None:
    """Decide a request on the draft; return what it waits for when it can't be decided yet.

    Whatever a rule raises besides Rejected is the caller's to classify.
    """
    rule = draft.owner.rules[type(incoming.request)]
    try:
        draft.owner.admit(incoming.request, context)
        result = rule.accept(incoming.request, draft.projected(), context)
    except Rejected as no:
        return reject(draft, incoming, no, context.now, timing)
    if isinstance(result, Needs):
        return _wait(draft, incoming, result, context.now, timing)
    if isinstance(result, Change):
        _accept(draft, incoming, result, context, timing)
        return None
    _do(draft, incoming, result, context, timing)
    return None


def absent(draft: Draft, incoming: Incoming, target: Target, context: Context, timing: Timing) -> Wait | None:
    """Refuse a request about nothing that exists, as one about what whoever asks may not know is refused."""
    no = Rejected(target.missing, waits_for=target.lags, outsider=True)
    try:
        draft.owner.admit(incoming.request, context)
    except Rejected as not_theirs_to_ask:
        no = not_theirs_to_ask
    return reject(draft, incoming, no, context.now, timing)


def reject(draft: Draft, incoming: Incoming, no: Rejected, now: int, timing: Timing) -> Wait | None:
    """Refuse, unless the refusal may only come from a copy that lags and there is still time for it to move."""
    named = draft.owner.target(incoming.request, incoming.actor).reference if no.outsider else None
    if no.waits_for is not None:
        deadline = incoming.waited.setdefault(f"{COPY}:{no.waits_for}", now) + timing.waits[COPY]
        if now < deadline:
            return Wait(no.waits_for, "waiting_copy", deadline, reference=named)
    told = {"fields": no.fields, "details": no.details, "reference": named, "outsider": no.outsider or None}
    draft.add(incoming.step(draft.owner.name, "rejected", no.code, now, **told), reference=named)
    return None


def _wait(draft: Draft, incoming: Incoming, needs: Needs, now: int, timing: Timing) -> Wait | None:
    deadline = incoming.waited.setdefault(needs.wait, now) + timing.waits[needs.wait]
    if now >= deadline:
        return reject(draft, incoming, Rejected(needs.otherwise), now, timing)
    return Wait(needs.key, needs.code, deadline, needs.ask, now + needs.again_after)


def _accept(draft: Draft, incoming: Incoming, change: Change, context: Context, timing: Timing) -> None:
    rule = draft.owner.rules[type(incoming.request)]
    assert rule.apply is not None  # noqa: S101 - `delayed` gives every rule that returns a Change its apply.
    accepted_at = max(context.now, incoming.received_at)
    due_at = accepted_at + timing.delay
    if draft.pending:
        due_at = max(due_at, draft.pending[-1].due_at)  # Rule R6: never before one accepted earlier.
    state = draft.projected()
    projected = rule.apply(change.values, state, due_at)
    before, after = told(state, projected, draft.owner.private)
    if not before and not after:
        draft.add(incoming.step(draft.owner.name, "applied", "nothing_to_change", context.now, accepted_at=accepted_at))
        return
    step = draft.add(
        incoming.step(
            draft.owner.name,
            "accepted",
            change.code,
            context.now,
            accepted_at=accepted_at,
            effective_at=due_at,
            before=before,
            after=after,
        )
    )
    draft.await_due(Pending(step, change.values, change.reserves, poke_at=0), projected)


def _do(draft: Draft, incoming: Incoming, effect: Effect[Any], context: Context, timing: Timing) -> None:
    now = context.now
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    if effect.to is not None:
        state = effect.to(draft.state)
        before, after = told(draft.state, state, draft.owner.private)
        if draft.state is None:
            draft.decided = incoming.key
        if before or after or draft.state is None:
            draft.put(state)
    for key in effect.cancels:
        for pending in [p for p in draft.pending if p.step.key == key]:
            draft.drop(pending)
            draft.add(ended(pending.step, "cancelled", effect.cancels_code, now))
    draft.add(
        incoming.step(
            draft.owner.name,
            "applied",
            effect.code,
            now,
            accepted_at=max(now, incoming.received_at),
            effective_at=max(now, incoming.received_at),
            before=before,
            after=after,
            follow_up=effect.then[0] if effect.then else None,
        )
    )
    if effect.then:
        _follow(draft, incoming, effect.then[0], effect.then[1], context, timing)


def _follow(
    draft: Draft, incoming: Incoming, request_id: str, request: Request, context: Context, timing: Timing
) -> None:
    second = replace(incoming, request_id=request_id, request=request, body_hash="", waited={}, known={}, record=None)
    around = replace(context, request_id=request_id, document=draft.document.id, pending=tuple(draft.pending))
    wait = decide(draft, second, around, timing)
    if wait is not None:
        raise AssertionError(f"{request.__class__.__name__} follows another request: it can't wait")


def ended(step: Step, status: Any, code: str, at: int, **more: Any) -> Step:
    """Return the step in which a pending change ends."""
    return step.but(status=status, code=code, at=at, **more)
