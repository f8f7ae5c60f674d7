"""Reactions to `structure.state`: a new structure opens its team, and a corrected sphere is copied to it."""

from collections.abc import Iterable

from shared.contracts.messages.manager import FollowSphere, OpenTeam
from shared.domain.access_levels import team_key
from shared.engine.core.reactions import Copies, Reaction, Reacts, Record


def copies(record: Record) -> Iterable[str]:
    """Return the key of a structure's team; other kinds of records have none."""
    if "identifier" in record:
        yield team_key(record["id"])


def requests(record: Record, copies: Copies) -> Iterable[Reaction]:
    """Return the requests that react to a structure's record. A record older than the last one has none."""
    if "identifier" not in record:
        return
    structure_id, sphere = record["id"], record["sphere"]
    team = copies.get(team_key(structure_id))
    if team is None:
        opened = OpenTeam(structure_id=structure_id, principal=record["principal"], sphere=sphere)
        yield Reaction(f"open-{structure_id}", opened)
    elif team["sphere"] != sphere:
        followed = FollowSphere(structure_id=structure_id, sphere=sphere)
        yield Reaction(f"sphere-{structure_id}-{record['version']}", followed)


REACTIONS = {"structure": Reacts(copies, requests)}
