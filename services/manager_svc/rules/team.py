"""The team of a structure is created with the structure, and has the same sphere."""

from services.manager_svc.state import TeamState
from shared.contracts.messages.manager import FollowSphere, OpenTeam
from shared.engine.core.rules import Context, Effect


def open_team(request: OpenTeam, state: TeamState | None, context: Context) -> Effect[TeamState]:
    """Create the team with its first principal (rule R16); an existing team stays as it is."""
    del context
    if state is not None:
        return Effect(code="nothing_to_change")
    team = TeamState(structure_id=request.structure_id, sphere=request.sphere, principal=request.principal)
    return Effect(lambda _: team)


def follow_sphere(request: FollowSphere, state: TeamState, context: Context) -> Effect[TeamState]:
    """Copy the structure's sphere to the team."""
    del context
    return Effect(lambda now: (now or state).model_copy(update={"sphere": request.sphere}))
