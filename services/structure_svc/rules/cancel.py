"""Cancels a pending request, by whoever could have made it."""

from services.structure_svc.rules import rights
from services.structure_svc.state import StructureState
from shared.engine.cancel import cancel
from shared.engine.rules import Context, Effect
from shared.messages.life import request_key
from shared.messages.structure import CancelRequest


def accept(request: CancelRequest, state: StructureState, context: Context) -> Effect[StructureState]:
    """Cancel before it takes effect; at or after its time it is too late, applied yet or not (rule R7)."""
    rights.require(state, context)
    return cancel(request_key(request.actor or context.actor.id, request.request_id), context)
