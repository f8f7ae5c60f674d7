"""Topics, users and ACLs on Kafka, made with the operators' own code: a user may do what it may in production."""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)
from pydantic import SecretStr

from dev.brokers import Brokers
from ops.acls import Partner
from ops.propagation import wait_until_known
from ops.provision import carry_out, plan, plan_partner
from ops.settings import AdminSettings
from shared.clock import MINUTE
from shared.runtime.settings import KafkaSettings


def user(brokers: Brokers, name: str) -> KafkaSettings:
    """Return how a user reaches Kafka."""
    password = SecretStr(brokers.password(f"kafka/{name}"))
    return KafkaSettings(bootstrap=brokers.kafka_bootstrap, user=name, password=password)


def operator(brokers: Brokers) -> KafkaSettings:
    """Return how the administrator reaches Kafka."""
    name, password = brokers.kafka_admin
    return KafkaSettings(bootstrap=brokers.kafka_bootstrap, user=name, password=SecretStr(password))


class Writing:
    """A user's ACL to write to a topic, which can be removed and restored; it takes brokers a moment to know."""

    def __init__(self, admin: Mapping[str, Any], name: str, topic: str) -> None:
        self._admin = AdminClient(dict(admin))
        self._about = (ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, f"User:{name}", "*")
        self._denied = (AclOperation.WRITE, AclPermissionType.DENY)

    def revoke(self) -> None:
        """Deny it."""
        for done in self._admin.create_acls([AclBinding(*self._about, *self._denied)]).values():
            done.result(30)

    def grant(self) -> None:
        """Deny it no longer."""
        for done in self._admin.delete_acls([AclBindingFilter(*self._about, *self._denied)]).values():
            done.result(30)


def provision(
    brokers: Brokers,
    users: Iterable[str],
    *,
    delay: int = 30 * MINUTE,
    partitions: int = 12,
    partners: Iterable[Partner] = (),
) -> None:
    """Make every topic and ACL for a delay (ms), these users of ours, and other systems; may be called again."""
    # The operators' code is for a command: it runs loops of its own, which can't be done inside one.
    with ThreadPoolExecutor(1) as aside:
        aside.submit(_provision, brokers, list(users), delay, partitions, list(partners)).result()


def _provision(brokers: Brokers, users: list[str], delay: int, partitions: int, partners: list[Partner]) -> None:
    with TemporaryDirectory() as folder:
        for name in users:
            (Path(folder) / name).write_text(brokers.password(f"kafka/{name}"), encoding="ascii")
        settings = AdminSettings(
            kafka=operator(brokers),
            effective_delay=delay,
            topic_partitions=partitions,
            kafka_passwords=Path(folder),
        )
        client = AdminClient(settings.client())
        carry_out(client, settings, plan(client, settings))
        wait_until_known(client, settings, settings.passwords(users))
        for partner in partners:
            password = brokers.password(f"kafka/{partner.user}")
            carry_out(client, settings, plan_partner(client, settings, partner, password))
            wait_until_known(client, settings, {partner.user: password})
