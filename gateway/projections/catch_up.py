"""Checks whether the read model has caught up with the topics: a gateway that builds a new one is not ready before."""

from collections.abc import Mapping
from typing import Any

from aiokafka import TopicPartition

from shared.errors import Transient


class CatchUp:
    """Compares the groups' committed offsets with the ends of the topics when this process started.

    `feeds` are FastStream's started subscribers, by topic. Once caught up, a gateway stays ready: the usual lag of a
    consumer is no reason to take it out of service.
    """

    def __init__(self, feeds: Mapping[str, Any]) -> None:
        self._feeds = feeds
        self._goals: dict[str, dict[Any, int]] = {}

    async def start(self) -> None:
        """Note the present ends of the topics."""
        for topic, subscriber in self._feeds.items():
            consumer = subscriber.consumer
            partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
            ends = await consumer.end_offsets(partitions)
            self._goals[topic] = {partition: end for partition, end in ends.items() if end}

    async def behind(self) -> int:
        """Return how many partitions are not yet read up to their end at the start."""
        for topic, goals in self._goals.items():
            consumer = self._feeds[topic].consumer
            for partition, goal in list(goals.items()):
                if (await consumer.committed(partition) or 0) >= goal:
                    del goals[partition]
        return sum(len(goals) for goals in self._goals.values())

    async def check(self) -> None:
        """Raise Transient while a partition is behind, for readiness."""
        if left := await self.behind():
            raise Transient(f"{left} partitions to read")
