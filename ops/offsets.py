"""How far each group has read, and sending a group back: Kafka's offsets, which are no data of anybody."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from ops.admin import TIMEOUT
from ops.errors import OpsError

Place = tuple[str, int]
"""A topic and a partition."""


_DELAY = ("delay_svc", "delay.")


@dataclass(frozen=True)
class Group:
    """A consumer group: how many processes are in it, and the next record of each partition it will read."""

    name: str
    members: int
    committed: Mapping[Place, int]


def group_names(client: AdminClient, processes: Collection[str]) -> list[str]:
    """Return the groups that are named after these processes."""
    found = client.list_consumer_groups(request_timeout=TIMEOUT).result()
    return sorted(group.group_id for group in found.valid if group.group_id.partition(".")[0] in processes)


def groups(client: AdminClient, names: Sequence[str]) -> list[Group]:
    """Return these groups."""
    if not names:
        return []
    described = client.describe_consumer_groups(list(names), request_timeout=TIMEOUT)
    found = []
    for name in names:
        asked = client.list_consumer_group_offsets([ConsumerGroupTopicPartitions(name)], request_timeout=TIMEOUT)
        partitions = asked[name].result().topic_partitions
        committed = {(p.topic, p.partition): p.offset for p in partitions if p.offset >= 0}
        found.append(Group(name, len(described[name].result().members), committed))
    return found


def offsets(client: AdminClient, places: Iterable[Place], spec: OffsetSpec) -> dict[Place, int]:
    """Return an offset of each partition, such as its end; -1 where no record is as late as was asked."""
    asked = {TopicPartition(*place): spec for place in places}
    if not asked:
        return {}
    found = client.list_offsets(asked, request_timeout=TIMEOUT)
    return {(p.topic, p.partition): future.result().offset for p, future in found.items()}


def lag(client: AdminClient, processes: Collection[str]) -> list[dict[str, Any]]:
    """Return, for each group and topic, how many records it has still to read, and in which partition most.

    Where a group has committed nothing yet, it will read from the beginning.
    """
    found = groups(client, group_names(client, processes))
    partitions = {name: list(topic.partitions) for name, topic in client.list_topics(timeout=TIMEOUT).topics.items()}
    places = [(group, topic) for group in found for topic in _topics(group, partitions)]
    asked = {(topic, number) for _, topic in places for number in partitions.get(topic, ())}
    ends, starts = offsets(client, asked, OffsetSpec.latest()), offsets(client, asked, OffsetSpec.earliest())
    rows = []
    for group, topic in places:
        behind = {
            number: ends[topic, number] - max(starts[topic, number], group.committed.get((topic, number), 0))
            for number in partitions.get(topic, ())
        }
        worst = max(behind, key=lambda number: behind[number], default=None)
        rows.append(
            {
                "group": group.name,
                "topic": topic,
                "members": group.members,
                "lag": sum(behind.values()),
                "worst_partition": worst if worst is not None and behind[worst] else None,
                "lag_there": behind[worst] if worst is not None else 0,
            }
        )
    return rows


def _topics(group: Group, known: Collection[str]) -> list[str]:
    """Return the topics of a group: those it has read, and those it is named after."""
    named = {topic for topic in known if group.name.endswith(f".{topic}") or (group.name, topic[:6]) == _DELAY}
    return sorted({topic for topic, _ in group.committed} | named)


def earlier(client: AdminClient, group: Group, since: int | None) -> dict[Place, tuple[int, int]]:
    """Return the partitions in which a group would go back, with where it stands and where it would stand.

    `since` is an instant (ms): the first record appended then or later is read again; None is the very beginning.
    """
    spec = OffsetSpec.earliest() if since is None else OffsetSpec.for_timestamp(since)
    goals = offsets(client, group.committed, spec)
    return {place: (at, goals[place]) for place, at in sorted(group.committed.items()) if 0 <= goals[place] < at}


def send_back(client: AdminClient, group: Group, changes: Mapping[Place, tuple[int, int]]) -> None:
    """Let a group read from earlier offsets. Raises OpsError while a process is in it, which would undo this."""
    if group.members:
        raise OpsError(f"{group.members} processes read as {group.name}: stop them all, then run this again")
    there = [TopicPartition(topic, number, goal) for (topic, number), (_, goal) in changes.items()]
    asked = [ConsumerGroupTopicPartitions(group.name, there)]
    client.alter_consumer_group_offsets(asked, request_timeout=TIMEOUT)[group.name].result()
