"""Cancels a pending request, for any actor who could have made it."""

from services.structure_svc.rules import access
from services.structure_svc.state import StructureState
from shared.contracts.messages.life import request_key
from shared.contracts.messages.structure import CancelRequest
from shared.engine.core.cancel import cancel
from shared.engine.core.rules import Context, Effect
from shared.errors import Rejected


def accept(request: CancelRequest, state: StructureState | None, context: Context) -> Effect[StructureState]:
    """Cancel before the request is due; from then on it is too late, whether it has been applied or not (rule R7).

    A waiting creation has no structure yet: only its actor and administrators may cancel it.
    """
    actor = context.actor
    if state is not None:
        access.require(state, context)
    elif (request.actor or actor.id) != actor.id and not actor.is_administrator:
        # Nobody else may learn that a creation waits.
        raise Rejected(access.UNKNOWN, waits_for=access.copy_that_may_lag(request.structure), outsider=True)
    return cancel(request_key(request.actor or context.actor.id, request.request_id), context)
