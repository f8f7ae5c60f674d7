"""What every owner says to whoever asks again for what is accepted already. Pure."""

from shared.clock import iso
from shared.engine.core.rules import Context, Pending
from shared.errors import Rejected


def pending_of(request_type: str, context: Context) -> Pending | None:
    """Return the last pending change of this document that a request of this type made."""
    return next((p for p in reversed(context.pending) if p.transition.type == request_type), None)


def already_pending(pending: Pending) -> Rejected:
    """Return the refusal of what a pending change will do (rule R5): it names that request, and not who asked."""
    about = {"request_id": pending.transition.request_id, "effective_at": iso(pending.due_at)}
    return Rejected("already_pending", details=about)
