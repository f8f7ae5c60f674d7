"""The entry point of the read model from Kafka: a handler for each topic. It only translates."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from gateway.projections.registry import BY_OWNER
from gateway.read_model import request_records, versioned_upsert
from gateway.read_model.schema import ReadModel
from gateway.read_model.versioned_upsert import VersionedUpsert
from shared.contracts import topics
from shared.contracts.messages import records
from shared.contracts.messages.cloudevents import Message
from shared.engine.storage.protocol import Bus
from shared.errors import Poison
from shared.kafka.dead_letters import dead_letter
from shared.runtime.logging import get_logger

log = get_logger(__name__)

PROCESS = "gateway"
Handler = Callable[[Sequence[Any]], Awaitable[None]]
Project = Callable[[Any], tuple[str, VersionedUpsert]]
"""Returns the collection of the read model to which a record goes, and its write. Raises Poison when it is invalid."""


def feeding(model: ReadModel, bus: Bus) -> dict[str, Handler]:
    """Return the handler of each topic from which the read model is built.

    A record that can't be read, or that MongoDB can't store, goes to the dead-letter topic and the others go on.
    """

    def handler(project: Project) -> Handler:
        async def handle(batch: Sequence[Any]) -> None:
            found, dead = _read(batch, project)
            if dead:
                await bus.publish(dead)
            unkept = []
            for collection, of_it in found.items():
                refused = await versioned_upsert.write(model.collection(collection), [write for write, _ in of_it])
                unkept += [_dead(of_it[place][1], f"MongoDB can't keep it: {why}") for place, why in refused.items()]
            if unkept:
                await bus.publish(unkept)

        return handle

    states = {topics.name(owner, topics.STATE): handler(_states(owner)) for owner in BY_OWNER}
    return states | {topics.name(owner, topics.JOURNAL): handler(_journal) for owner in topics.OWNERS}


def _states(owner: str) -> Project:
    def project(record: Any) -> tuple[str, VersionedUpsert]:
        state = records.state(owner, record)
        known = BY_OWNER[owner].get(state.kind)
        if known is None:
            raise Poison("message_invalid", "no record of this kind is known")
        collection, of_kind = known
        return collection, of_kind(state.data)

    return project


def _journal(record: Any) -> tuple[str, VersionedUpsert]:
    return "requests", request_records.write(records.entry(record), journal=True)


def _read(batch: Sequence[Any], project: Project) -> tuple[dict[str, list[tuple[VersionedUpsert, Any]]], list[Message]]:
    """Return the writes of a batch by collection, each with its record, and the dead letters of the others."""
    found: dict[str, list[tuple[VersionedUpsert, Any]]] = {}
    dead = []
    for record in batch:
        try:
            collection, write = project(record)
            found.setdefault(collection, []).append((write, record))
        except Poison as poison:
            dead.append(_dead(record, poison.reason, poison.code))
        except Exception as error:  # noqa: BLE001 - an invalid record must not harm the others.
            dead.append(_dead(record, type(error).__name__))
    return found, dead


def _dead(record: Any, reason: str, code: str = "message_invalid") -> Message:
    place = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
    log.error("dead_lettered", code=code, reason=reason, **place)
    return dead_letter(record, code, reason, process=PROCESS)
