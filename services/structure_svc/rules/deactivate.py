"""« Désactiver une structure »: only an active one."""

from collections.abc import Mapping
from typing import Any

from services.structure_svc.rules import access
from services.structure_svc.state import StructureState
from shared.contracts.messages.structure import DeactivateStructure
from shared.engine.core.already_pending import already_pending, pending_of
from shared.engine.core.rules import Change, Context
from shared.errors import Failed, Rejected


def accept(request: DeactivateStructure, state: StructureState, context: Context) -> Change:
    """Accept if the structure will be active once all pending changes have applied (rule R5)."""
    access.require(state, context)
    if state.status == "inactive":
        before = pending_of(request.type, context)
        raise already_pending(before) if before else Rejected("already_inactive")
    return Change({})


def apply(change: Mapping[str, Any], state: StructureState, at: int) -> StructureState:
    """Deactivate it, if that is still possible (rule R7)."""
    del change, at
    if state.status == "inactive":
        raise Failed("already_inactive")
    return state.model_copy(update={"status": "inactive"})
