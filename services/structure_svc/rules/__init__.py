"""The table of rules. A new request type is a message, a file here and a line in the table below."""

from collections.abc import Iterable, Mapping

from services.structure_svc import state
from services.structure_svc.rules import (
    access,
    activate,
    cancel,
    correct_sphere,
    create,
    deactivate,
    modify,
    update_from_insee,
)
from services.structure_svc.state import StructureState
from shared.clock import DAY
from shared.contracts.messages.common import Request
from shared.contracts.messages.life import request_key
from shared.contracts.messages.structure import (
    ActivateStructure,
    CancelRequest,
    CorrectSphere,
    CreateStructure,
    DeactivateStructure,
    ModifyStructure,
    UpdateFromInsee,
)
from shared.domain.access_levels import Right, team_key, user_key
from shared.domain.actor import Actor
from shared.engine.core.rules import Owner, Rule, Target, at_once, delayed

RULES: Mapping[type[Request], Rule] = {
    CreateStructure: at_once(create.accept),
    ModifyStructure: delayed(modify.accept, modify.apply),
    ActivateStructure: delayed(activate.accept, activate.apply),
    DeactivateStructure: delayed(deactivate.accept, deactivate.apply),
    UpdateFromInsee: delayed(update_from_insee.accept, update_from_insee.apply),
    CancelRequest: at_once(cancel.accept),
    CorrectSphere: at_once(correct_sphere.accept),
}


def target(request: Request, actor: Actor, known: Mapping[str, str]) -> Target:
    """Return which structure a request is about.

    The wait for one that does not exist is the same as for a copy of a team that may lag, so that the time of an answer
    does not show whether a structure exists.
    """
    del known
    reference = request.reference(actor.id)
    if isinstance(request, CreateStructure):
        return Target(keys=request.identifier.keys, fresh=state.KIND, reference=reference)
    named = request.structure  # type: ignore[attr-defined] # Every other request of this owner names its structure.
    return Target(
        id=state.document_id(named.id) if named.id is not None else None,
        keys=named.identifier.keys if named.identifier is not None else (),
        missing=access.UNKNOWN,
        lags=access.copy_that_may_lag(named),
        reference=reference,
        cancels=next(iter(refers(request, actor)), None),
    )


def copies(request: Request, document: str | None, current: StructureState | None, actor: Actor) -> Iterable[str]:
    """Return the keys of the copies that a request's rule needs."""
    del document
    yield user_key(actor.id)
    if current is not None:
        yield team_key(current.id)
    if isinstance(request, CreateStructure) and request.principal is not None:
        yield user_key(request.principal)


def refers(request: Request, actor: Actor) -> Iterable[str]:
    """Return the keys of the requests to which a request refers."""
    if isinstance(request, CancelRequest):
        yield request_key(request.actor or actor.id, request.request_id)


def owner(insee_max_wait: int) -> Owner[StructureState]:
    """Return the owner of structures, for the engine; `insee_max_wait` (ms) is how long INSEE may be unreachable."""
    return Owner(
        name="structure",
        rules=RULES,
        state=lambda _kind: StructureState,
        target=target,
        keys=state.keys,
        reference=state.reference,
        present=state.present,
        admit=access.admit,
        copies=copies,
        refers=refers,
        has_reserved_place=lambda state, context: access.of(state, context) is Right.PRINCIPAL,
        waits={create.QUEUED: DAY, create.UNREACHABLE: insee_max_wait},
    )
