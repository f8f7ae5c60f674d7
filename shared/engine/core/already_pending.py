"""The refusal of a request for a change that is pending already, the same for every owner. Pure."""

from shared.clock import iso
from shared.engine.core.rules import Context, Pending
from shared.errors import Rejected


def pending_of(request_type: str, context: Context) -> Pending | None:
    """Return the last pending change of this document that a request of this type made."""
    return next((p for p in reversed(context.pending) if p.transition.type == request_type), None)


def already_pending(pending: Pending) -> Rejected:
    """Return the refusal of a change that is pending already (rule R5): it names that request, not its actor."""
    about = {"request_id": pending.transition.request_id, "effective_at": iso(pending.due_at)}
    return Rejected("already_pending", details=about)
