"""The Kafka door of the read model: what is done with each topic's records. It only translates."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from gateway.read_model import guarded, projections, rows
from gateway.read_model.collections import ReadModel
from gateway.read_model.guarded import Guarded
from shared import topics
from shared.dead_letters import dead_letter
from shared.engine.store import Bus
from shared.errors import Poison
from shared.messages import records
from shared.messages.cloudevents import Message

PROCESS = "gateway"
Handler = Callable[[Sequence[Any]], Awaitable[None]]
Project = Callable[[Any], tuple[str, Guarded]]
"""Returns which collection of the read model a record goes to, and its write. Raises Poison when it is none."""

_PROJECTIONS: Mapping[tuple[str, str], tuple[str, Callable[[Mapping[str, Any]], Guarded]]] = {
    ("structure", "structure"): ("structures", projections.structure),
    ("manager", "structure"): ("structures", projections.team),
    ("manager", "user"): ("users", projections.user),
}
"""By owner and kind of record."""


def feeding(model: ReadModel, bus: Bus) -> dict[str, Handler]:
    """Return the handler of each topic the read model is built from.

    A record nobody can read goes to the dead-letter topic and its neighbours go on.
    """

    def handler(project: Project) -> Handler:
        async def handle(batch: Sequence[Any]) -> None:
            writes, dead = _read(batch, project)
            if dead:
                await bus.publish(dead)
            for collection, of_it in writes.items():
                await guarded.write(getattr(model, collection), of_it)

        return handle

    states = {topics.name(owner, topics.STATE): handler(_states(owner)) for owner in ("structure", "manager")}
    return states | {topics.name(owner, topics.JOURNAL): handler(_journal) for owner in topics.OWNERS}


def _states(owner: str) -> Project:
    def project(record: Any) -> tuple[str, Guarded]:
        state = records.state(owner, record)
        known = _PROJECTIONS.get((owner, state.kind))
        if known is None:
            raise Poison("message_invalid", "no record of this kind is known")
        collection, of_kind = known
        return collection, of_kind(state.data)

    return project


def _journal(record: Any) -> tuple[str, Guarded]:
    return "requests", rows.write(records.entry(record), journal=True)


def _read(batch: Sequence[Any], project: Project) -> tuple[dict[str, list[Guarded]], list[Message]]:
    writes: dict[str, list[Guarded]] = {}
    dead = []
    for record in batch:
        try:
            collection, write = project(record)
            writes.setdefault(collection, []).append(write)
        except Poison as poison:
            dead.append(dead_letter(record, poison.code, poison.reason, process=PROCESS))
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            dead.append(dead_letter(record, "message_invalid", type(error).__name__, process=PROCESS))
    return writes, dead
