"""« Modifier une structure »: only the fields that are not greyed (rule R4)."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from services.structure_svc.rules import rights
from services.structure_svc.state import StructureState, modifiable_fields
from shared.engine.rules import Change, Context
from shared.engine.stored import construct
from shared.errors import Failed, Rejected
from shared.messages.structure import ModifyStructure, PublicParameters

REQUIRED = {"name": "name_required", "address": "address_required", "person": "person_names_required"}
"""Fields that can be changed and not emptied, with the code that says so."""


def accept(request: ModifyStructure, state: StructureState, context: Context) -> Change:
    """Accept a change of the fields named; refuse the others by name. Allowed on an inactive structure too."""
    rights.require(state, context)
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
    try:
        _merged(change, state)
    except ValidationError as error:
        raise Rejected("invalid_request", fields={"parameters": "moa_only_needs_moa"}) from error
    return Change(change)


def _all_greyed(refused: Mapping[str, str]) -> bool:
    return set(refused.values()) == {"field_not_modifiable"}


def _plain(value: Any) -> Any:
    return value.model_dump(exclude_unset=True) if isinstance(value, BaseModel) else value


def apply(change: Mapping[str, Any], state: StructureState, at: int) -> StructureState:
    """Change the fields, if they still may be (rule R7)."""
    del at
    if state.duplicated_to is not None:
        raise Failed("structure_duplicated", details={"duplicated_to": state.duplicated_to})
    if set(change) - set(modifiable_fields(state)):
        raise Failed("field_not_modifiable")
    try:
        return state.model_copy(update=_merged(change, state))
    except ValidationError as error:
        raise Failed("moa_only_needs_moa") from error


def _merged(change: Mapping[str, Any], state: StructureState) -> dict[str, Any]:
    # What was accepted is not judged again by validators that may have tightened since.
    values = construct(ModifyStructure, {**change, "structure": {"id": state.id}})
    update = {field: getattr(values, field) for field in change}
    if "parameters" in change:
        current = state.parameters.model_dump() if state.parameters else {}
        ticked = {box: value for box, value in change["parameters"].items() if value is not None}
        update["parameters"] = PublicParameters.model_validate({**current, **ticked})
    return update
