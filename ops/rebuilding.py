"""Rebuilds a generation of the gateway's read model from the topics, while gateways go on serving the old content.

It is built aside, then takes the place of the old one, one collection after the other: MongoDB renames a collection in
one step, so that a reader finds either the old content or the new one, in whatever replica. Gateways notice nothing:
they go on writing to the same name, and a write of what is there already changes nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.projections.consumer import Handler, feeding
from gateway.read_model.schema import COLLECTIONS, ReadModel
from ops import reading
from shared.clock import MINUTE, Clock, iso
from shared.contracts.messages.cloudevents import Message
from shared.mongo.client import NAMESPACE_EXISTS, OperationFailure
from shared.runtime.settings import KafkaSettings

_ASIDE = "rebuild"
_RECENT = 10 * MINUTE
"""Age of the requests whose first step, which is on no topic, is copied."""
Advance = Callable[[int, int], None]
"""Takes how many records were read, of how many."""


@dataclass
class Built:
    """What came out: records read, and those of them that nobody could read."""

    records: int = 0
    unreadable: int = 0

    async def publish(self, messages: Sequence[Message]) -> None:
        """Take what would be dead-lettered: the gateway has done that when it read the record first."""
        self.unreadable += len(messages)


async def rebuild(kafka: KafkaSettings, database: Any, generation: str, clock: Clock, advance: Advance) -> Built:
    """Rebuild a generation. Raises what Kafka and MongoDB raise; interrupted, it may simply be run again."""
    built = Built()
    live, aside = ReadModel(database, generation), ReadModel(database, f"{generation}_{_ASIDE}")
    since = clock.now() - _RECENT
    await aside.drop()
    try:
        await aside.prepare()
        for name in COLLECTIONS:
            await _ensure(database, aside.collection(name).name)
        handlers = feeding(aside, built)
        async with reading.opened(kafka, *handlers) as consumer:
            await _feed(consumer, handlers, built, advance)
            await _feed(consumer, handlers, built, advance)  # What came meanwhile, so that little is left for later.
            await _copy_received(live, aside, since)
            await _switch(database, aside, live)
            # What gateways wrote to the old content since it was read: its records are in the topics by now.
            await _feed(consumer, feeding(live, built), built, advance)
    finally:
        await aside.drop()
    return built


async def _feed(consumer: Any, handlers: Mapping[str, Handler], built: Built, advance: Advance) -> None:
    """Read up to where the topics end now."""
    goals = await reading.ends(consumer)
    total = built.records + sum([goal - await consumer.position(partition) for partition, goal in goals.items()])
    async for batches in reading.until(consumer, goals):
        for partition, records in batches.items():
            await handlers[partition.topic](records)
            built.records += len(records)
        advance(min(built.records, total), total)


async def _copy_received(live: ReadModel, aside: ReadModel, since: int) -> None:
    """Copy what no topic holds of recent requests: that they were received, and the hash of what was asked."""
    kept = {
        "body_hash": {"$ifNull": ["$body_hash", "$$new.body_hash"]},
        "steps.received": {"$ifNull": ["$steps.received", "$$new.steps.received"]},
    }
    merge = {"into": aside.collection("requests").name, "whenMatched": [{"$set": kept}], "whenNotMatched": "insert"}
    ours = [{"steps.received": {"$exists": True}}, {"body_hash": {"$exists": True}}]
    recent = {"record.received_at": {"$gte": iso(since)}, "$or": ours}
    await live.collection("requests").aggregate([{"$match": recent}, {"$merge": merge}]).to_list(None)


async def _switch(database: Any, aside: ReadModel, live: ReadModel) -> None:
    for name in COLLECTIONS:
        await database[aside.collection(name).name].rename(live.collection(name).name, dropTarget=True)


async def _ensure(database: Any, collection: str) -> None:
    try:
        await database.command({"create": collection})
    except OperationFailure as error:
        if error.code != NAMESPACE_EXISTS:
            raise
