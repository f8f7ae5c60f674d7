"""Who may ask something of a structure (rules R2, R3)."""

from services.structure_svc.state import StructureState
from shared import rights
from shared.engine.rules import Context
from shared.errors import Rejected
from shared.rights import Right, team_key


def of(state: StructureState, context: Context) -> Right:
    """Return the rung on which the actor stands."""
    team = context.copies.get(team_key(state.id))
    return rights.right(team, context.actor.id, first_principal=state.principal)


def require(state: StructureState, context: Context, at_least: Right = Right.MODIFICATION) -> None:
    """Refuse an actor who stands lower than that. The team's copy may lag: the refusal waits for it a moment."""
    rights.require_active(context.copies, context.actor.id)
    right = of(state, context)
    if right < at_least:
        # An id is a small number: whoever tries them all must not learn whose they are (rule R1).
        raise Rejected(
            "forbidden", waits_for=team_key(state.id), outsider=right is Right.STRANGER and not state.is_public
        )


def require_administrator(context: Context) -> None:
    """Refuse whoever is no administrator."""
    rights.require_active(context.copies, context.actor.id)
    if not context.actor.is_administrator:
        raise Rejected("administrator_only", outsider=True)
