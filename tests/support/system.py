"""What tests use of the running system."""

import time
from collections.abc import Callable
from typing import Any

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from dev.run.system import KAFKA_AUDIENCE, System
from shared.contracts import topics

__all__ = ["KAFKA_AUDIENCE", "System", "behind", "until"]


def until(holds: Callable[[], Any], seconds: float = 30, *, what: str = "it") -> Any:
    """Return the first true answer of `holds`; fail when there is none in time."""
    end = time.monotonic() + seconds
    while not (answer := holds()):
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not happen within {seconds:.0f} s")
        time.sleep(0.05)
    return answer


def behind(system: System) -> dict[str, int]:
    """Return the consumer groups of our processes that have records to read, and how many."""
    name, password = system.brokers.kafka_admin
    admin = AdminClient({**system.partner(), "sasl.username": name, "sasl.password": password})
    groups = [
        g.group_id for g in admin.list_consumer_groups().result().valid if g.group_id.startswith(topics.PROCESSES)
    ]
    committed = {
        group: admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group].result().topic_partitions
        for group in groups
    }
    places = {TopicPartition(p.topic, p.partition) for found in committed.values() for p in found}
    ends = {
        place: end.result().offset
        for place, end in admin.list_offsets(dict.fromkeys(places, OffsetSpec.latest())).items()
    }
    lags = {
        group: sum(ends[TopicPartition(p.topic, p.partition)] - p.offset for p in found)
        for group, found in committed.items()
    }
    return {group: lag for group, lag in lags.items() if lag}
