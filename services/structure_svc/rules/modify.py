"""« Modifier une structure »: only the modifiable fields (rule R4)."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from services.structure_svc.rules import access
from services.structure_svc.state import StructureState, as_stored, modifiable_fields
from shared.contracts.messages.structure import ModifyStructure, PublicParameters
from shared.engine.core.rules import Change, Context
from shared.errors import Failed, Rejected

REQUIRED = {"name": "name_required", "address": "address_required", "person": "person_names_required"}
"""Fields that can be changed but not emptied, each with the code of that refusal."""


def accept(request: ModifyStructure, state: StructureState, context: Context) -> Change:
    """Accept a change of modifiable fields; refuse others by name. Allowed on an inactive structure too."""
    access.require(state, context)
    if state.duplicated_to is not None:
        raise Rejected("structure_duplicated", details={"duplicated_to": state.duplicated_to})
    named = request.model_fields_set - {"structure"}
    refused = dict.fromkeys(sorted(named - set(modifiable_fields(state))), "field_not_modifiable")
    if "parameters" in refused and not state.is_public:
        refused["parameters"] = "parameters_public_only"
    refused |= {f: code for f, code in REQUIRED.items() if f in named and getattr(request, f) is None}
    if "parameters" in named and request.parameters is None:
        refused["parameters"] = "field_required"
    if refused:
        raise Rejected("field_not_modifiable" if _all_greyed(refused) else "invalid_request", fields=refused)
    change = {field: _plain(getattr(request, field)) for field in sorted(named)}
    if not _is_consistent(_merged(change, state)):
        raise Rejected("invalid_request", fields={"parameters": "moa_only_needs_moa"})
    return Change(change)


def _all_greyed(refused: Mapping[str, str]) -> bool:
    return set(refused.values()) == {"field_not_modifiable"}


def _plain(value: Any) -> Any:
    return value.model_dump(exclude_unset=True) if isinstance(value, BaseModel) else value


def apply(change: Mapping[str, Any], state: StructureState, at: int) -> StructureState:
    """Change the fields, if that is still allowed (rule R7)."""
    del at
    if state.duplicated_to is not None:
        raise Failed("structure_duplicated", details={"duplicated_to": state.duplicated_to})
    if set(change) - set(modifiable_fields(state)):
        raise Failed("field_not_modifiable")
    update = _merged(change, state)
    if not _is_consistent(update):
        raise Failed("moa_only_needs_moa")
    return state.model_copy(update=update)


def _merged(change: Mapping[str, Any], state: StructureState) -> dict[str, Any]:
    update = {field: as_stored(field, value) for field, value in change.items()}
    if "parameters" in change:
        ticked = {box: value for box, value in change["parameters"].items() if value is not None}
        update["parameters"] = (state.parameters or PublicParameters()).model_copy(update=ticked)
    return update


def _is_consistent(update: Mapping[str, Any]) -> bool:
    parameters: PublicParameters | None = update.get("parameters")
    return parameters is None or parameters.is_consistent
