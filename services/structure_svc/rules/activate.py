"""« Activer une structure »: only an inactive one, deactivated before or never activated."""

from collections.abc import Mapping
from typing import Any

from services.structure_svc.rules import access
from services.structure_svc.state import StructureState
from shared.contracts.messages.structure import ActivateStructure
from shared.engine.core.already_pending import already_pending, pending_of
from shared.engine.core.rules import Change, Context
from shared.errors import Failed, Rejected


def accept(request: ActivateStructure, state: StructureState, context: Context) -> Change:
    """Accept if the structure will be inactive once all pending changes have applied (rule R5)."""
    access.require(state, context)
    if state.duplicated_to is not None:
        raise Rejected("superseded", details={"duplicated_to": state.duplicated_to})
    if state.status == "active":
        before = pending_of(request.type, context)
        raise already_pending(before) if before else Rejected("already_active")
    return Change({})


def apply(change: Mapping[str, Any], state: StructureState, at: int) -> StructureState:
    """Activate it, if that is still possible (rule R7)."""
    del change
    if state.duplicated_to is not None:
        raise Failed("superseded", details={"duplicated_to": state.duplicated_to})
    if state.status == "active":
        raise Failed("already_active")
    return state.model_copy(update={"status": "active", "first_activated_at": state.first_activated_at or at})
