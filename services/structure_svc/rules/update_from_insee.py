"""« Mettre à jour depuis l'INSEE »: name, address and legal category as INSEE has them; the SIRET, if it evolved."""

from collections.abc import Mapping
from typing import Any

from services.structure_svc.rules import access, insee
from services.structure_svc.state import StructureState, as_stored, with_identifier
from shared.contracts.messages.common import Identifier
from shared.contracts.messages.structure import UpdateFromInsee
from shared.engine.core.rules import Change, Context, RequiresLookup
from shared.errors import Failed, Rejected


def accept(request: UpdateFromInsee, state: StructureState, context: Context) -> Change | RequiresLookup:
    """Accept what differs, once INSEE has answered; that is asked now, and not again when it takes effect (rule R10).

    A new SIRET is reserved from now on (rule R8).
    """
    del request
    access.require(state, context)
    if state.duplicated_to is not None:
        raise Rejected("structure_duplicated", details={"duplicated_to": state.duplicated_to})
    if not state.from_insee:
        raise Rejected("siret_only")
    found = insee.look_up_current(state.identifier.value, context)
    if isinstance(found, RequiresLookup):
        return found
    hidden = insee.hidden(found)
    values: dict[str, Any] = {
        "of": state.identifier.value,
        "identifier": Identifier(type="SIRET", value=found.siret).named,
        "hidden_by_insee": list(hidden),
        **found.model_dump(mode="json", include={"name", "address", "legal_category"} - set(hidden), exclude_none=True),
    }
    if found.siret == state.identifier.value:
        return Change(values, unchanged_code="already_up_to_date")
    key = f"SIRET:{found.siret}"
    if context.holders.get(key, context.document) != context.document:
        raise Rejected("successor_taken", details={"successors": [found.siret]})
    return Change(values, code="accepted_with_new_siret", reserves=(key,))


def apply(change: Mapping[str, Any], state: StructureState, at: int) -> StructureState:
    """Take over what INSEE said, if the structure still is the one of which it said so (rule R7).

    The sphere stays: a legal category that speaks for another is shown to administrators (rule R22).
    """
    if state.duplicated_to is not None:
        raise Failed("structure_duplicated", details={"duplicated_to": state.duplicated_to})
    if state.identifier.value != change["of"]:
        raise Failed("siret_changed_since")
    update = {field: as_stored(field, value) for field, value in change.items() if field != "of"}
    update["hidden_by_insee"] = tuple(change["hidden_by_insee"])
    if update["identifier"] != state.identifier:
        update |= with_identifier(state, update["identifier"], at)
    return state.model_copy(update=update)
