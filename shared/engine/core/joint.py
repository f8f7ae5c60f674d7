"""Decides one request over several documents: what it does to each, or why it can't. Pure: no I/O, no clock.

The decision itself is a document of its own, which holds the outcome. What it does to each of the others is a part of
it, under the request id `<id>#<document>`: it stands in the journal of that document and has no outcome. So every
document has its whole history, and whoever sent the request one answer.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from shared.engine.core.decide import Timing, Wait, at_once, lookup_wait, reject
from shared.engine.core.document import Document, Draft
from shared.engine.core.incoming import Incoming
from shared.engine.core.rules import Context, Joint, Owner, RequiresLookup
from shared.errors import Rejected

DECISION = "decision"


def decide_jointly(
    owner: Owner[Any], documents: Sequence[Document], incoming: Incoming, context: Context, timing: Timing
) -> list[Draft] | Wait:
    """Return the drafts to write together, the decision last; or what the request waits for.

    Whatever a rule raises besides Rejected is the caller's to classify.
    """
    drafts = {document.id: Draft(owner, document) for document in documents if document.state is not None}
    decision = Draft(owner, Document(f"{DECISION}:{incoming.key}"))
    decision.idempotency_key = incoming.key
    context = replace(context, pending_of={id_: tuple(draft.pending) for id_, draft in drafts.items()})
    try:
        owner.admit(incoming.request, context)
        accept = owner.rules[type(incoming.request)].jointly
        assert accept is not None  # noqa: S101 - only such requests are decided here.
        result = accept(incoming.request, {id_: draft.state for id_, draft in drafts.items()}, context)
        if isinstance(result, RequiresLookup):
            return lookup_wait(decision, incoming, result, context, timing) or [decision]
    except Rejected as no:
        return reject(decision, incoming, no, context.now, timing, context.reference) or [decision]
    return [*_parts(owner, drafts, incoming, result, context, timing), _decided(decision, incoming, result, context)]


def _parts(
    owner: Owner[Any],
    drafts: dict[str, Draft],
    incoming: Incoming,
    result: Joint[Any],
    context: Context,
    timing: Timing,
) -> list[Draft]:
    parts = []
    for id_, effect in result.effects.items():
        draft = drafts.get(id_) or Draft(owner, Document(id_))
        request_id = f"{incoming.request_id}#{id_}"
        part = replace(incoming, request_id=request_id, part_of=incoming.request_id, record=None)
        of_part = replace(context, request_id=request_id, document=id_, pending=tuple(draft.pending))
        at_once(draft, part, effect, of_part, timing)
        parts.append(draft)
    return parts


def _decided(decision: Draft, incoming: Incoming, result: Joint[Any], context: Context) -> Draft:
    at = max(context.now, incoming.received_at)
    decision.add(
        incoming.transition(
            decision.owner.name,
            "applied",
            result.code,
            context.now,
            accepted_at=at,
            effective_at=at,
            details=result.details,
            reference=context.reference,
        )
    )
    return decision
