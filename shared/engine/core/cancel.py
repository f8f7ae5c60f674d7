"""The cancellation of a request, the same for every owner. Pure."""

from typing import Any

from shared.clock import iso
from shared.engine.core.rules import Context, Effect
from shared.errors import Rejected

_ENDED = {
    "applied": "too_late",
    "cancelled": "already_cancelled",
    "rejected": "not_cancellable",
    "failed": "not_cancellable",
}


def cancel(key: str, context: Context) -> Effect[Any]:
    """Return the effect that cancels the request with this key, pending or waiting. Raises Rejected if it can't be."""
    pending = next((p for p in context.pending if p.transition.key == key), None)
    if pending is None:
        if key not in context.waiting:
            raise Rejected(_ENDED.get(context.earlier.get(key, ""), "request_not_found"))
    elif context.now >= pending.due_at:
        raise Rejected("too_late", details={"effective_at": iso(pending.due_at)})
    return Effect(code="cancellation_done", cancels=(key,))
