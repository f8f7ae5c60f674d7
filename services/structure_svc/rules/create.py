"""« Créer une structure »: the person who creates it is its principal (rules R8, R9, R11, R16, R22)."""

import uuid
from collections.abc import Mapping
from typing import Any

from services.structure_svc.rules import insee
from services.structure_svc.rules.insee import QUEUED, UNREACHABLE
from services.structure_svc.state import StructureState
from shared.contracts.messages.common import StructureRef
from shared.contracts.messages.insee import InseeAnswer
from shared.contracts.messages.structure import ActivateStructure, CreateStructure, PublicParameters
from shared.domain import access_levels
from shared.domain.access_levels import user_key
from shared.engine.core.rules import Context, Effect, RequiresLookup
from shared.errors import Rejected

__all__ = ["QUEUED", "UNREACHABLE", "accept"]

_REQUIRED = {"name": "name_required", "address": "address_required"}
_ACTIVATION = uuid.UUID("6f9d3bd2-5d0c-4c2b-8f43-5c5f4f2c0a11")
"""UUID namespace of the ids of activations that follow a creation."""


def accept(request: CreateStructure, state: None, context: Context) -> Effect[StructureState] | RequiresLookup:
    """Create an inactive structure; for a SIRET, once INSEE has answered that it is active."""
    del state
    if any(key in context.holders for key in request.identifier.keys):
        raise Rejected("identifier_taken", fields={"identifier": "identifier_taken"})
    answer: InseeAnswer | None = None
    if request.identifier.type == "SIRET":
        found = insee.look_up(request.identifier.value, context)
        if isinstance(found, RequiresLookup):
            return found
        answer = found
    sphere, category = insee.sphere(answer)
    if sphere == "state" and not context.actor.is_administrator:
        raise Rejected("state_needs_administrator")
    principal = _principal(request, context, sphere)
    by_hand = _by_hand(request, answer, sphere)
    structure = StructureState(
        id=context.new_id or 0,
        identifier=request.identifier,
        sphere=sphere,
        legal_category=category,
        created_at=context.now,
        hidden_by_insee=insee.hidden(answer) if answer else (),
        label=request.label,
        email=request.email,
        phone=request.phone,
        billing_mandate=request.billing_mandate,
        creator=context.actor.id,
        principal=principal,
        **by_hand,
    )
    then = None
    if request.activate:
        second = str(uuid.uuid5(_ACTIVATION, f"{context.actor.id}|{context.request_id}"))
        then = (second, ActivateStructure(structure=StructureRef(id=structure.id)))
    return Effect(lambda _: structure, code="created", then=then)


def _principal(request: CreateStructure, context: Context, sphere: str) -> str:
    """Return the principal: the creator, or the person whom an actor allowed to do so names (R16, R19, R22)."""
    actor = context.actor
    may_name = actor.kind == "technical" or actor.is_administrator
    principal = request.principal
    if principal is None:
        if actor.kind == "technical" or sphere == "state":
            raise Rejected("principal_required", fields={"principal": "field_required"})
        principal = actor.id
    elif principal != actor.id:
        if not may_name:
            raise Rejected("principal_not_yours", fields={"principal": "principal_not_yours"})
        _require_person(principal, context)
    elif actor.kind == "technical":
        raise Rejected("principal_not_person", fields={"principal": "principal_not_person"})
    if sphere == "public_non_state" and not context.copies.get(user_key(principal), {}).get("pigp"):
        raise Rejected("pigp_required", waits_for=user_key(principal))
    return principal


def _require_person(user: str, context: Context) -> None:
    copy = context.copies.get(user_key(user))
    if copy is None:
        raise Rejected("user_not_found", fields={"principal": "user_not_found"}, waits_for=user_key(user))
    if copy.get("kind") != "person":
        raise Rejected("principal_not_person", fields={"principal": "principal_not_person"})
    access_levels.require_active(context.copies, user)


def _by_hand(request: CreateStructure, answer: InseeAnswer | None, sphere: str) -> Mapping[str, Any]:
    """Return name, address, person and parameters, from INSEE or from the actor; refuse those that are not allowed."""
    problems: dict[str, str] = {}
    values: dict[str, Any] = {"name": request.name, "address": request.address, "person": request.person}
    hidden = insee.hidden(answer) if answer else ("name", "address")
    person = request.identifier.type == "PARTICULIER"
    needed = [field for field in ("name", "address") if field in hidden and not (person and field == "name")]
    for field in ("name", "address"):
        if answer and field not in hidden:
            if values[field] is not None:
                problems[field] = "given_by_insee"
            values[field] = getattr(answer, field)
    problems |= {field: _REQUIRED[field] for field in needed if values[field] is None}
    if person and request.person is None:
        problems["person"] = "person_names_required"
    if not person and request.person is not None:
        problems["person"] = "person_names_forbidden"
    if person and request.name is not None:
        problems["name"] = "name_forbidden"
    if sphere != "private":
        values["parameters"] = request.parameters or PublicParameters()
    elif request.parameters is not None:
        problems["parameters"] = "parameters_public_only"
    if problems:
        raise Rejected("invalid_request", fields=problems)
    return values
