"""Topics, users and rights on Kafka, made with the operators' own code: a user may do what it may in production."""

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from confluent_kafka.admin import AdminClient
from pydantic import SecretStr

from dev.brokers import Brokers
from ops.provision import carry_out, plan
from ops.settings import AdminSettings
from ops.settle import wait_until_known
from shared.clock import MINUTE
from shared.settings import KafkaSettings


def user(brokers: Brokers, name: str) -> KafkaSettings:
    """Return how a user reaches Kafka."""
    password = SecretStr(brokers.password(f"kafka/{name}"))
    return KafkaSettings(bootstrap=brokers.kafka_bootstrap, user=name, password=password)


def operator(brokers: Brokers) -> KafkaSettings:
    """Return how the administrator reaches Kafka."""
    name, password = brokers.kafka_admin
    return KafkaSettings(bootstrap=brokers.kafka_bootstrap, user=name, password=SecretStr(password))


def provision(
    brokers: Brokers,
    users: Iterable[str],
    *,
    delay: int = 30 * MINUTE,
    partitions: int = 12,
    partners: Iterable[str] = ("partner",),
) -> None:
    """Make every topic and right for a delay (ms) and other systems, and these users; may be called again."""
    with TemporaryDirectory() as folder:
        for name in users:
            (Path(folder) / name).write_text(brokers.password(f"kafka/{name}"), encoding="ascii")
        settings = AdminSettings(
            kafka=operator(brokers),
            effective_delay=delay,
            topic_partitions=partitions,
            kafka_partners=",".join(partners),
            kafka_passwords=Path(folder),
        )
        client = AdminClient(settings.client())
        carry_out(client, plan(client, settings))
        wait_until_known(client, settings, settings.users())
