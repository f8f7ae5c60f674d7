"""Kafka's administration, as an operator reaches it."""

import time
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AclOperation, AdminClient

from ops import errors
from ops.settings import AdminSettings

TIMEOUT = 30
"""Seconds that a command waits for Kafka."""
_REACHED_WITHIN = 10
"""Seconds after which brokers that can't be reached are given up."""


def connect(settings: AdminSettings) -> AdminClient:
    """Return a client that has reached the brokers.

    Raises KafkaException when it can't within `_REACHED_WITHIN` s, and at once when they refuse the password.
    """
    quiet: dict[str, Any] = {"error_cb": lambda error: errors.heard(error.str()), "log_level": 0}
    client = AdminClient({**settings.client(), **quiet})
    end = time.monotonic() + _REACHED_WITHIN
    while True:
        try:
            client.list_topics(timeout=1)
        except KafkaException:
            client.poll(0.2)  # `error_cb` reports the reason, and is called from here.
            if errors.is_refused() or time.monotonic() > end:
                raise
        else:
            return client


def require_administrator(client: AdminClient, settings: AdminSettings) -> None:
    """Raise OpsError for a user who may not see Kafka's users and ACLs.

    It is asked what the user may do, which is never refused: at the answer that refuses to show users or ACLs,
    librdkafka ends the process (2.16.1: memory that is freed wrongly).
    """
    cluster = client.describe_cluster(include_authorized_operations=True).result(TIMEOUT)
    if AclOperation.DESCRIBE not in (cluster.authorized_operations or ()):
        name = settings.kafka.user
        raise errors.OpsError(f"Kafka lets the user {name} not do this: run it as Kafka's administrator.")
