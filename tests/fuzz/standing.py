"""Reads what topics hold: real records to spoil, and the one that a consumer group stands before."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from shared.contracts import topics

Settings = Mapping[str, Any]
_LONGEST_SHOWN = 2_000


@dataclass(frozen=True)
class Record:
    """A record as it is stored."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]

    @classmethod
    def of(cls, message: Any) -> "Record":
        """Return what a message of librdkafka is."""
        headers = tuple((name, value or b"") for name, value in message.headers() or ())
        return cls(message.topic(), message.key(), message.value(), headers)


def _described(message: Any) -> str:
    # Its headers are not read: librdkafka's Python dies of a name that is no text.
    return f"key {message.key()!r}, value {message.value()!r}"[:_LONGEST_SHOWN]


def everything(settings: Settings, names: list[str]) -> Iterator[Record]:
    """Yield all records that topics hold now."""
    admin = AdminClient(dict(settings))
    known = admin.list_topics(timeout=20).topics
    places = [TopicPartition(name, number) for name in names for number in known[name].partitions]
    ends = {
        place: end.result().offset
        for place, end in admin.list_offsets({p: OffsetSpec.latest() for p in places}).items()
    }
    for place, end in ends.items():
        yield from (Record.of(message) for message in _between(settings, place, 0, end))


def _between(settings: Settings, place: TopicPartition, start: int, end: int) -> Iterator[Any]:
    consumer = Consumer(
        {**settings, "group.id": "fuzz", "auto.offset.reset": "earliest", "enable.auto.commit": False, "log_level": 0}
    )
    try:
        consumer.assign([TopicPartition(place.topic, place.partition, start)])
        at, until = start - 1, time.monotonic() + 20
        while at + 1 < end and time.monotonic() < until:
            message = consumer.poll(1.0)
            if message is None or message.error():
                continue
            at = message.offset()
            yield message
    finally:
        consumer.close()


def standing(settings: Settings) -> str:
    """Say before which records our groups stand: where, and the first of them."""
    admin = AdminClient(dict(settings))
    groups = [
        g.group_id for g in admin.list_consumer_groups().result().valid if g.group_id.startswith(topics.PROCESSES)
    ]
    lines = []
    for group in groups:
        committed = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group].result()
        for place in committed.topic_partitions:
            at = TopicPartition(place.topic, place.partition)
            end = admin.list_offsets({at: OffsetSpec.latest()})[at].result().offset
            if 0 <= place.offset < end:
                first = next(_between(settings, at, place.offset, place.offset + 1), None)
                where = f"{place.topic}/{place.partition}/{place.offset} of {end}"
                lines.append(f"{group} stands at {where}, before\n  {_described(first) if first else 'nothing'}")
    return "\n".join(lines) or "no group is behind"
