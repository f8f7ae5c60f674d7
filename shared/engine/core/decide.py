"""Decides one request on a draft: the only place where a rule's answer becomes transitions. Pure: no I/O, no clock."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from shared.clock import iso
from shared.contracts.messages.common import Request
from shared.engine.core.already_pending import already_pending
from shared.engine.core.document import Draft, changes, diff, size
from shared.engine.core.incoming import Incoming
from shared.engine.core.rules import Apply, Change, Context, Effect, LookUp, Pending, RequiresLookup, Target
from shared.engine.core.transition import Transition
from shared.errors import Failed, Rejected

COPY = "copy"
"""The wait for a local copy that may lag."""


@dataclass(frozen=True, slots=True)
class Wait:
    """The request can't be decided yet: what it waits for, until when, and the look-up to publish meanwhile."""

    waits_for: str
    code: str
    deadline: int | None
    """None: it is looked at again by itself, as a joint decision is."""
    look_up: LookUp | None = None
    look_up_at: int | None = None
    reference: Mapping[str, Any] | None = None
    """The reference published meanwhile; None for the document's own."""


@dataclass(frozen=True, slots=True)
class Timing:
    """The durations of an owner, in ms: the delay of requests, and how long each kind of wait lasts at most."""

    delay: int
    waits: Mapping[str, int]


def decide(draft: Draft, incoming: Incoming, context: Context, timing: Timing) -> Wait | None:
    """Decide a request on the draft; return what it waits for when it can't be decided yet.

    Any other exception of a rule than Rejected is raised on: the caller handles it.
    """
    rule = draft.owner.rules[type(incoming.request)]
    try:
        draft.owner.admit(incoming.request, context)
        result = rule.accept(incoming.request, draft.projected(), context)
        if isinstance(result, RequiresLookup):
            return lookup_wait(draft, incoming, result, context, timing)
        if isinstance(result, Change):
            _take_change(draft, incoming, result, context, timing)
        else:
            at_once(draft, incoming, result, context, timing)
    except Rejected as no:
        return reject(draft, incoming, no, context.now, timing, context.reference)
    return None


def absent(draft: Draft, incoming: Incoming, target: Target, context: Context, timing: Timing) -> Wait | None:
    """Refuse a request about a document that does not exist, as one about a document that the actor may not know."""
    no = Rejected(target.missing, waits_for=target.lags, outsider=True)
    try:
        draft.owner.admit(incoming.request, context)
    except Rejected as not_allowed:
        no = not_allowed
    return reject(draft, incoming, no, context.now, timing, target.reference)


def reject(
    draft: Draft,
    incoming: Incoming,
    no: Rejected,
    now: int,
    timing: Timing,
    reference: Mapping[str, Any],
) -> Wait | None:
    """Refuse, unless the refusal may only be due to a copy that lags and there is still time for it to change.

    `reference` is what the request itself names. Nothing else is published when there is no document, or none that this
    actor may know.
    """
    named = reference if no.outsider else None
    if no.waits_for is not None and not incoming.follows:
        deadline = incoming.waited.setdefault(f"{COPY}:{no.waits_for}", now) + timing.waits[COPY]
        if now < deadline:
            return Wait(no.waits_for, "waiting_copy", deadline, reference=named)
    more = {"fields": no.fields, "details": no.details, "reference": dict(reference), "outsider": no.outsider or None}
    draft.add(incoming.transition(draft.owner.name, "rejected", no.code, now, **more), reference=named)
    return None


def lookup_wait(
    draft: Draft, incoming: Incoming, required: RequiresLookup, context: Context, timing: Timing
) -> Wait | None:
    """Return the wait for a look-up; None once it has lasted too long, and the request is refused on the draft."""
    now = context.now
    deadline = incoming.waited.setdefault(required.wait, now) + timing.waits[required.wait]
    if now >= deadline or incoming.follows:
        return reject(draft, incoming, Rejected(required.timeout_code), now, timing, context.reference)
    return Wait(required.key, required.code, deadline, required.look_up, now + required.retry_after)


def takes_effect(draft: Draft, incoming: Incoming, now: int, timing: Timing) -> int:
    """Return when a change that is accepted now takes effect: never before one accepted earlier (rule R6)."""
    due_at = max(now, incoming.received_at) + timing.delay
    return max(due_at, draft.pending[-1].due_at) if draft.pending else due_at


def _take_change(draft: Draft, incoming: Incoming, change: Change, context: Context, timing: Timing) -> None:
    rule = draft.owner.rules[type(incoming.request)]
    assert rule.apply is not None  # noqa: S101 - `delayed` gives every rule that returns a Change its apply.
    accepted_at = max(context.now, incoming.received_at)
    due_at = takes_effect(draft, incoming, context.now, timing)
    state = draft.projected()
    projected = rule.apply(change.values, state, due_at)
    before, after = diff(state, projected, draft.owner.private)
    if not before and not after:
        _refuse_what_is_pending_already(draft, rule.apply, change.values, due_at)
        draft.add(
            incoming.transition(
                draft.owner.name, "applied", change.unchanged_code, context.now, accepted_at=accepted_at
            )
        )
        return
    transition = incoming.transition(
        draft.owner.name,
        "accepted",
        change.code,
        context.now,
        accepted_at=accepted_at,
        effective_at=due_at,
        before=before,
        after=after,
    )
    weight = size(transition) + len(orjson.dumps(change.values))
    _require_room(draft, incoming, context, weight)
    transition = draft.add(transition)
    draft.await_due(Pending(transition, change.values, change.reserves, due_at, due_at, weight), projected)


def _refuse_what_is_pending_already(draft: Draft, apply: Apply, values: Mapping[str, Any], due_at: int) -> None:
    """Refuse a change that differs from nothing only because the same is pending: that one may still be cancelled."""
    try:
        differs = set(changes(draft.state, apply(values, draft.state, due_at)))
    except Failed:
        differs = set()  # On the present state the change can't be made: it depends on all that is pending.
    else:
        if not differs:
            return
    stands_on = [p for p in draft.pending if not differs or differs & {*p.transition.before, *p.transition.after}]
    raise already_pending((stands_on or draft.pending)[-1])


def _require_room(draft: Draft, incoming: Incoming, context: Context, weight: int) -> None:
    """Refuse a change that would exceed the limits of the document, or leave no room for other actors."""
    limits = draft.owner.limits
    if weight > limits.change_bytes:
        raise Rejected("request_too_large")
    mine = [p for p in draft.pending if p.transition.actor == incoming.actor.id]
    for limit, held, of_mine in (
        (limits.pending, len(draft.pending) + 1, len(mine) + 1),
        (limits.pending_bytes, sum(p.size for p in draft.pending) + weight, sum(p.size for p in mine) + weight),
    ):
        if of_mine > limits.of_actor(limit) or held > limits.of_all(limit):
            reserved = draft.owner.has_reserved_place(draft.state, context)
            if held > limit or not reserved:
                first = iso(draft.pending[0].due_at) if draft.pending else None
                raise Rejected("too_many_pending", details={"max": limits.pending, "retry_at": first})


def at_once(draft: Draft, incoming: Incoming, effect: Effect[Any], context: Context, timing: Timing) -> None:
    """Let an effect take effect on a draft, now."""
    now = context.now
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    if effect.to is not None:
        state = effect.to(draft.state)
        before, after = diff(draft.state, state, draft.owner.private)
        if draft.state is None:
            draft.idempotency_key = incoming.key
        if before or after or draft.state is None:
            draft.put(state)
    for key in effect.cancels:
        for pending in [p for p in draft.pending if p.transition.key == key]:
            draft.drop(pending)
            draft.add(ended(pending.transition, "cancelled", effect.cancels_code, now))
        if (waits := context.waiting.get(key)) is not None:
            draft.add(ended(waits, "cancelled", effect.cancels_code, now), reference={})
            if draft.state is None:
                # The id under which that request would be decided: only one of the two writes can succeed.
                draft.idempotency_key = key
    draft.add(
        incoming.transition(
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
    """Decide the follow-up at once: it is written with the first request, which can't wait for it."""
    second = replace(
        incoming, request_id=request_id, request=request, body_hash="", waited={}, known={}, record=None, follows=True
    )
    of_second = replace(context, request_id=request_id, document=draft.document.id, pending=tuple(draft.pending))
    decide(draft, second, of_second, timing)


def ended(transition: Transition, status: Any, code: str, at: int, **more: Any) -> Transition:
    """Return the transition that ends a pending change."""
    return transition.replace(status=status, code=code, at=at, **more)
