"""Waits for what takes Kafka a moment, so that whoever comes after provisioning finds all of it."""

import time
from collections.abc import Mapping

from confluent_kafka.admin import AdminClient

from ops.errors import OpsError
from ops.settings import AdminSettings

_TIMEOUT = 60


def wait_for_brokers(client: AdminClient, settings: AdminSettings) -> None:
    """Wait until there are as many brokers as replicas are wanted: with fewer no topic can be made."""
    end = time.monotonic() + _TIMEOUT
    while (there := len(client.list_topics(timeout=_TIMEOUT).brokers)) < (settings.replication_factor or 1):
        if time.monotonic() > end:
            raise OpsError(f"REPLICATION_FACTOR is {settings.replication_factor}, but there are {there} brokers")
        time.sleep(0.2)


def wait_until_known(client: AdminClient, settings: AdminSettings, users: Mapping[str, str]) -> None:
    """Wait until the last of `users`, who were just made, can log in to every broker.

    Kafka has acknowledged a change before each broker knows it. They learn of changes in their order, so that a broker
    which knows the last user knows all topics, ACLs and users that were made before.
    """
    if not users:
        return
    name, password = list(users.items())[-1]
    login = {**settings.client(), "sasl.username": name, "sasl.password": password, "log_level": 0}
    for broker in client.list_topics(timeout=_TIMEOUT).brokers.values():
        AdminClient({**login, "bootstrap.servers": f"{broker.host}:{broker.port}"}).list_topics(timeout=_TIMEOUT)
