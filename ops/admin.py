"""Kafka's administration, as an operator reaches it."""

from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from ops import errors
from ops.settings import AdminSettings

TIMEOUT = 30
"""Seconds that a command waits for Kafka."""


def connect(settings: AdminSettings) -> AdminClient:
    """Return a client that has reached the brokers. Raises KafkaException when it can't within `TIMEOUT`."""
    told: dict[str, Any] = {"error_cb": lambda error: errors.heard(error.str()), "log_level": 0}
    client = AdminClient({**settings.client(), **told})
    try:
        client.list_topics(timeout=TIMEOUT)
    except KafkaException:
        client.poll(0.5)  # The reason is told by `error_cb`, which is called from here.
        raise
    return client
