"""Follows `structure.state`: a new structure opens its team, and a corrected sphere is taken over."""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.contracts.messages.common import Request
from shared.contracts.messages.manager import FollowSphere, OpenTeam
from shared.domain.access_levels import team_key
from shared.domain.actor import Actor
from shared.engine.core.incoming import Incoming
from shared.engine.entrypoint.handlers import OnStates
from shared.engine.entrypoint.intake import body_hash
from shared.engine.runtime.engine import Engine

OURSELVES = Actor("system:manager_svc", kind="technical")


def following(engine: Engine) -> OnStates:
    """Return what is done with the records of structures, as they arrive."""

    async def follow(records: Sequence[Mapping[str, Any]]) -> None:
        structures = [record for record in records if "identifier" in record]
        teams = await engine.store.copies([team_key(record["id"]) for record in structures])
        now = engine.clock.now()
        requests = [
            request for record in structures if (request := _request(record, teams.get(team_key(record["id"])), now))
        ]
        if requests:
            await engine.requests(requests)

    return follow


def _request(record: Mapping[str, Any], team: tuple[int, Mapping[str, Any]] | None, now: int) -> Incoming | None:
    structure_id, sphere = record["id"], record["sphere"]
    request: Request
    if team is None:
        request = OpenTeam(structure_id=structure_id, principal=record["principal"], sphere=sphere)
        request_id = f"open-{structure_id}"
    elif team[1]["sphere"] != sphere:
        request = FollowSphere(structure_id=structure_id, sphere=sphere)
        request_id = f"sphere-{structure_id}-{record['version']}"
    else:
        return None
    # An opened team is known by its structure alone, so that a later record does not seem another request.
    data = request.model_dump() if isinstance(request, FollowSphere) else {"structure_id": structure_id}
    # A record that comes late, or again, finds a later one followed: it does nothing.
    source = (f"structure:structure:{structure_id}", record["version"])
    return Incoming(request_id, OURSELVES, request, body_hash(request.type, data), now, source=source)
