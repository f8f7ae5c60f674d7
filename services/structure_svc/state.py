"""The stored state of a structure, and its record on `structure.state`."""

from collections.abc import Mapping
from typing import Any, Literal

import orjson

from shared.clock import Instant, iso
from shared.contracts.messages.common import Address, Identifier, PersonName, Stored
from shared.contracts.messages.structure import BillingMandate, FormerIdentifier, PublicParameters, Sphere
from shared.engine.core.rules import Pending, View
from shared.engine.storage.models import construct

KIND = "structure"

ALWAYS = ("label", "email", "phone", "billing_mandate")
"""Fields that the managers of any structure may change."""


class StructureState(Stored):
    """A structure as it is now. Instants are in ms."""

    id: int
    identifier: Identifier
    former_identifiers: tuple[FormerIdentifier, ...] = ()
    sphere: Sphere
    legal_category: str | None = None
    sphere_decided_for: str | None = None
    """The legal category for which an administrator decided the sphere, whatever INSEE says."""
    status: Literal["inactive", "active"] = "inactive"
    first_activated_at: Instant | None = None
    created_at: Instant
    name: str | None = None
    label: str | None = None
    person: PersonName | None = None
    address: Address | None = None
    email: str | None = None
    phone: str | None = None
    parameters: PublicParameters | None = None
    billing_mandate: BillingMandate | None = None
    hidden_by_insee: tuple[str, ...] = ()
    duplicated_from: int | None = None
    duplicated_to: int | None = None
    creator: str
    principal: str

    @property
    def is_public(self) -> bool:
        """Tell whether the structure belongs to the public sphere."""
        return self.sphere != "private"

    @property
    def from_insee(self) -> bool:
        """Tell whether name and address come from INSEE."""
        return self.identifier.type == "SIRET"


def sphere_of(category: str | None) -> Sphere:
    """Return the sphere for which INSEE's legal category speaks (rule R22)."""
    category = category or ""
    if category.startswith("71"):
        return "state"
    return "public_non_state" if category.startswith(("7", "41")) else "private"


def sphere_by_insee(state: StructureState) -> Sphere | None:
    """Return the sphere for which INSEE's legal category speaks, where it is another and no administrator decided."""
    category = state.legal_category
    if category is None or category == state.sphere_decided_for or sphere_of(category) == state.sphere:
        return None
    return sphere_of(category)


def with_identifier(state: StructureState, identifier: Identifier, at: Instant) -> dict[str, Any]:
    """Return the fields of a structure that has another identifier from `at` (ms) on, and keeps the former."""
    formers = state.former_identifiers
    since = formers[-1].until if formers else state.created_at
    former = FormerIdentifier(type=state.identifier.type, value=state.identifier.value, since=since, until=at)
    return {"identifier": identifier, "former_identifiers": (*formers, former)}


_PARTS: Mapping[str, type[Stored]] = {
    "address": Address,
    "person": PersonName,
    "billing_mandate": BillingMandate,
    "identifier": Identifier,
}


def as_stored(field: str, value: Any) -> Any:
    """Return a field's value in a change, in its stored form. It was validated when the request was accepted."""
    model = _PARTS.get(field)
    return value if model is None or value is None else construct(model, value)


def document_id(structure_id: int) -> str:
    """Return the id of a structure's document."""
    return f"{KIND}:{structure_id}"


def keys(state: StructureState) -> tuple[str, ...]:
    """Return the identifiers that no other structure may have: the current and the former ones (rule R8).

    Each is in its stored form; look-ups search for its older forms too.
    """
    return (state.identifier.key, *(former.key for former in state.former_identifiers))


def reference(state: StructureState) -> Mapping[str, Any]:
    """Return the reference to a structure in outcomes."""
    identifier = {"type": state.identifier.type, "value": state.identifier.value}
    return {"structure": {"id": state.id, "identifier": identifier}}


def modifiable_fields(state: StructureState) -> tuple[str, ...]:
    """Return the fields that a modification may name (rule R4)."""
    if state.duplicated_to is not None:
        return ()
    fields = list(ALWAYS)
    if state.is_public:
        fields.append("parameters")
    if state.from_insee:
        fields += [name for name in ("name", "address") if name in state.hidden_by_insee]
    else:
        fields += ["person" if state.identifier.type == "PARTICULIER" else "name", "address"]
    return tuple(sorted(fields))


def possible_requests(projected: StructureState, *, pending: bool) -> tuple[str, ...]:
    """Return the requests that are possible on the state once all pending changes have applied (rules R5, R23)."""
    possible = []
    if projected.duplicated_to is None:
        possible.append("modify")
        possible.append("activate" if projected.status == "inactive" else "deactivate")
        if projected.from_insee:
            possible.append("update-from-insee")
    if pending:
        possible.append("cancel")
    return tuple(sorted((*possible, "correct-sphere")))


def _pending(pending: Pending) -> Mapping[str, Any]:
    transition = pending.transition
    return {
        "request_id": transition.request_id,
        "actor": transition.actor,
        "type": transition.type,
        "accepted_at": iso(transition.accepted_at or transition.at),
        "effective_at": iso(pending.due_at),
        "fields": sorted(transition.after),
    }


def present(view: View[StructureState]) -> bytes:
    """Return the record published on `structure.state` (shared.contracts.messages.structure.StructureRecord)."""
    state, projected = view.state, view.projected
    record = state.model_dump(mode="json", exclude_none=True, exclude={"hidden_by_insee", "sphere_decided_for"})
    if (spoken := sphere_by_insee(state)) is not None:
        record["sphere_by_insee"] = spoken
    record["version"] = view.version
    record["pending"] = [_pending(pending) for pending in view.pending]
    record["modifiable_fields"] = modifiable_fields(projected)
    record["possible_requests"] = possible_requests(projected, pending=bool(view.pending))
    return orjson.dumps(record)
