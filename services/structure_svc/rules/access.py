"""Who may make requests about a structure (rules R1, R2, R3)."""

from services.structure_svc.state import StructureState
from shared.contracts.messages.common import Request, StructureRef
from shared.contracts.messages.structure import CorrectSphere
from shared.domain import access_levels
from shared.domain.access_levels import Right, team_key
from shared.engine.core.rules import Context
from shared.errors import Rejected

UNKNOWN = "structure_not_found"
"""The code for a structure that does not exist, and for one that the actor may not know."""


def admit(request: Request, context: Context) -> None:
    """Refuse an actor who may not make this request about any structure."""
    access_levels.require_active(context.copies, context.actor.id)
    if isinstance(request, CorrectSphere):
        access_levels.require_administrator(context.actor)


def copy_that_may_lag(named: StructureRef) -> str:
    """Return the key of the copy for which a request waits when its structure is absent or may not be known."""
    return f"structure:{named.identifier.key}" if named.identifier is not None else team_key(named.id or 0)


def of(state: StructureState, context: Context) -> Right:
    """Return the access level of the actor."""
    team = context.copies.get(team_key(state.id))
    return access_levels.right(team, context.actor.id, first_principal=state.principal)


def require(state: StructureState, context: Context, at_least: Right = Right.MODIFICATION) -> None:
    """Refuse an actor of a lower access level. The team's copy may lag, so the refusal waits for it a moment."""
    right = of(state, context)
    if right >= at_least:
        return
    key = team_key(state.id)
    if right is Right.STRANGER and not state.is_public and not context.actor.is_administrator:
        # An actor who tries all ids and identifiers must not learn which of them exist (rule R1).
        raise Rejected(UNKNOWN, waits_for=key, outsider=True)
    raise Rejected("forbidden", waits_for=key)
