"""An administrator corrects the sphere that INSEE's legal category gave (rule R22)."""

from services.structure_svc.state import StructureState
from shared.contracts.messages.structure import CorrectSphere, PublicParameters
from shared.engine.core.rules import Context, Effect


def accept(request: CorrectSphere, state: StructureState, context: Context) -> Effect[StructureState]:
    """Take effect at once. The public parameters are added or removed with the public sphere."""
    del context
    if request.sphere == state.sphere:
        return Effect(code="nothing_to_change")

    def corrected(current: StructureState | None) -> StructureState:
        assert current is not None  # noqa: S101 - the request names a structure that exists.
        parameters = None if request.sphere == "private" else current.parameters or PublicParameters()
        return current.model_copy(update={"sphere": request.sphere, "parameters": parameters})

    return Effect(corrected)
