"""An administrator corrects the sphere that INSEE's legal category gave (rule R22)."""

from services.structure_svc.state import StructureState, sphere_by_insee
from shared.contracts.messages.structure import CorrectSphere, PublicParameters
from shared.engine.core.rules import Context, Effect


def accept(request: CorrectSphere, state: StructureState, context: Context) -> Effect[StructureState]:
    """Take effect at once. The parameters come and go with the public sphere.

    An administrator who keeps the sphere decides too: INSEE's legal category, which speaks for another, has been seen.
    """
    del context
    if request.sphere == state.sphere and sphere_by_insee(state) is None:
        return Effect(code="nothing_to_change")

    def corrected(current: StructureState | None) -> StructureState:
        assert current is not None  # noqa: S101 - the request names a structure that exists.
        parameters = None if request.sphere == "private" else current.parameters or PublicParameters()
        decided = {"sphere": request.sphere, "sphere_decided_for": current.legal_category}
        return current.model_copy(update={**decided, "parameters": parameters})

    return Effect(corrected)
