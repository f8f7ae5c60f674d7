"""The Kafka door of the read model: what is done with each topic's records. It only translates."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from gateway.read_model import guarded, projections, rows
from gateway.read_model.collections import ReadModel
from gateway.read_model.guarded import Guarded
from shared import topics
from shared.dead_letters import dead_letter
from shared.engine.store import Bus
from shared.errors import Poison
from shared.messages import cloudevents
from shared.messages.life import JournalEntry
from shared.messages.manager import TeamRecord, UserRecord
from shared.messages.structure import StructureRecord

PROCESS = "gateway"
Handler = Callable[[Sequence[Any]], Awaitable[None]]
Project = Callable[[Mapping[str, Any]], Guarded]


def feeding(model: ReadModel, bus: Bus) -> dict[str, Handler]:
    """Return the handler of each topic the read model is built from.

    A record nobody can read goes to the dead-letter topic and its neighbours go on.
    """

    def handler(collection: Any, project: Project) -> Handler:
        async def handle(records: Sequence[Any]) -> None:
            writes, dead = _read(records, project)
            if dead:
                await bus.publish(dead)
            await guarded.write(collection, writes)

        return handle

    def managers(records: Sequence[Any]) -> Awaitable[None]:
        return _managers(model, bus, records)

    table: dict[str, Handler] = {
        topics.name("structure", topics.STATE): handler(model.structures, _structure),
        topics.name("manager", topics.STATE): managers,
    }
    for owner in topics.OWNERS:
        table[topics.name(owner, topics.JOURNAL)] = handler(model.requests, _step)
    return table


async def _managers(model: ReadModel, bus: Bus, records: Sequence[Any]) -> None:
    """Take users and teams, which share a topic: the key's prefix says which."""
    users = [r for r in records if (r.key or b"").startswith(b"user:")]
    teams = [r for r in records if not (r.key or b"").startswith(b"user:")]
    for collection, part, project in ((model.users, users, _user), (model.structures, teams, _team)):
        writes, dead = _read(part, project)
        if dead:
            await bus.publish(dead)
        await guarded.write(collection, writes)


def _read(records: Sequence[Any], project: Project) -> tuple[list[Guarded], list[Any]]:
    writes, dead = [], []
    for record in records:
        try:
            writes.append(project(cloudevents.read(record).data))
        except Poison as poison:
            dead.append(dead_letter(record, poison.code, poison.reason, process=PROCESS))
        except (ValidationError, TypeError, KeyError, ValueError, AttributeError) as error:
            dead.append(dead_letter(record, "message_invalid", type(error).__name__, process=PROCESS))
    return writes, dead


def _checked(model: type[BaseModel], project: Project) -> Project:
    """Return a projection that refuses what is no such record. The record itself is kept: it may be a newer one."""

    def checked(data: Mapping[str, Any]) -> Guarded:
        model.model_validate(data)
        return project(data)

    return checked


_structure = _checked(StructureRecord, projections.structure)
_team = _checked(TeamRecord, projections.team)
_user = _checked(UserRecord, projections.user)
_step = _checked(JournalEntry, lambda data: rows.write(data, journal=True))
