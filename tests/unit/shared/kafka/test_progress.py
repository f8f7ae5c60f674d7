"""What a consumer tells of itself: how old what it has in hand is, and whether it gets anywhere."""

import time
import uuid
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from prometheus_client import REGISTRY

from shared.kafka.progress import Progress
from shared.runtime.health import Loop

TOPIC = "structure.requests"


class Consumer:
    """A consumer's progress, and what is seen of it."""

    def __init__(self) -> None:
        self.name, self.loop = uuid.uuid4().hex, Loop("of a test")
        self.progress = Progress(self.name, self.loop)

    def sees(self, metric: str) -> float | None:
        return REGISTRY.get_sample_value(f"structures_{metric}", {"consumer": self.name})

    @property
    def behind(self) -> float:
        return self.sees("consumer_behind_seconds") or 0.0

    @property
    def stands_still(self) -> tuple[str | None, float | None]:
        return self.loop.stuck, self.sees("consumer_stands_still")


@pytest.fixture
def consumer() -> Consumer:
    return Consumer()


def record(partition: int = 0, *, age: float = 0.0) -> Any:
    return SimpleNamespace(topic=TOPIC, partition=partition, timestamp=int((time.time() - age) * 1000))


def places(*partitions: int) -> set[TopicPartition]:
    return {TopicPartition(TOPIC, partition) for partition in partitions}


def test_it_exposes_what_has_not_happened_yet_too(consumer: Consumer) -> None:
    names = ("consumer_stands_still", "consumer_behind_seconds", "batch_retries_total")
    assert [consumer.sees(name) for name in names] == [0, 0, 0]


def test_it_is_as_far_behind_as_the_oldest_that_it_has_in_hand(consumer: Consumer) -> None:
    consumer.progress.begins([record(age=10), record(age=900), record(age=20)])
    assert 900 <= consumer.behind < 1_000
    consumer.progress.goes_on()
    consumer.progress.polled([record(age=30)], places(0))
    assert consumer.behind > 0, "there is more"
    consumer.progress.begins([record(age=30)])
    assert 30 <= consumer.behind < 130
    consumer.progress.goes_on()
    consumer.progress.polled([], places(0))
    assert consumer.behind == 0


@pytest.mark.parametrize("timestamp", [-1, 0])
def test_a_record_without_a_time_tells_nothing(consumer: Consumer, timestamp: int) -> None:
    consumer.progress.begins([SimpleNamespace(topic=TOPIC, partition=0, timestamp=timestamp)])
    assert consumer.behind == 0


def test_it_stands_still_until_a_batch_is_handled(consumer: Consumer) -> None:
    consumer.progress.begins([record()])
    consumer.progress.in_vain(ZeroDivisionError())
    consumer.progress.polled([], places(0, 1))
    consumer.progress.polled([record()], places(0, 1))
    assert consumer.stands_still == ("ZeroDivisionError", 1)
    consumer.progress.goes_on()
    assert consumer.stands_still == (None, 0)


def test_it_stands_still_no_more_once_its_partitions_are_another_s(consumer: Consumer) -> None:
    consumer.progress.begins([record(0), record(1)])
    consumer.progress.in_vain(ZeroDivisionError())
    consumer.progress.polled([], places(1, 2))
    assert consumer.stands_still == ("ZeroDivisionError", 1), "one of them is still ours"
    consumer.progress.polled([], places(2))
    assert consumer.stands_still == (None, 0)
