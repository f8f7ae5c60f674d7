"""Which brokers the tests run on: containers where a Docker engine answers, processes of this machine otherwise.

The tests are the same on both, and so are the brokers' settings, users and ACLs. `TEST_BROKERS=local` or
`TEST_BROKERS=containers` chooses. `tests/integration/test_local_brokers.py` is about the local ones by nature.
"""

import gc
import os
import warnings
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramMechanism,
    UserScramCredentialDeletion,
)
from docker.errors import DockerException
from pydantic import SecretStr
from testcontainers.core.docker_client import DockerClient

from dev.brokers import Brokers, LocalBrokers, Ports
from dev.brokers.kafka import ADMIN, Tls
from dev.brokers.mongo import client_of
from ops import quotas
from shared.runtime.settings import KafkaSettings
from tests.support.containers import ContainerBrokers

LOCAL, CONTAINERS = "local", "containers"

EVERY_ACL = AclBindingFilter(
    ResourceType.ANY, None, ResourcePatternType.ANY, None, None, AclOperation.ANY, AclPermissionType.ANY
)
"""Matches every ACL there is."""

_OF_MONGODB = {"admin", "config", "local"}
_TIMEOUT = 30


@cache
def choice() -> tuple[str, str]:
    """Return the brokers in use, `local` or `containers`, and why. Raises UsageError for another TEST_BROKERS."""
    wanted = os.environ.get("TEST_BROKERS", "")
    if wanted in {LOCAL, CONTAINERS}:
        return wanted, "TEST_BROKERS says so"
    if wanted:
        raise pytest.UsageError(f"TEST_BROKERS is {LOCAL} or {CONTAINERS}, not {wanted!r}")
    engine = _engine()
    if engine is None:
        return LOCAL, "no Docker engine answers"
    version, is_here = engine
    return (CONTAINERS, f"Docker {version} answers") if is_here else (LOCAL, "the Docker engine is on another machine")


def _engine() -> tuple[str, bool] | None:
    """Return the version of the Docker engine and whether it is on this machine; None when none answers."""
    with warnings.catch_warnings():
        # Docker's client leaves its socket open when nobody answers there: what is in its place is no test's fault.
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            engine: Any = DockerClient(timeout=5).client
            try:
                # What a remote engine publishes on its 127.0.0.1 could not be reached from here.
                return engine.version()["Version"], engine.api.base_url.startswith("http+docker://")
            finally:
                engine.close()
        except DockerException:
            return None
        finally:
            gc.collect()


def open_brokers(folder: Path, ports: Ports | None = None, *, tls: Tls | None = None) -> Brokers:
    """Prepare brokers of the kind in use, without starting them. As a context they start, and are closed at its end.

    `Ports.free(3)` gives three nodes of each. A test reaches for a node with `brokers.kafka.nodes[n]`.
    """
    kind: type[LocalBrokers | ContainerBrokers] = ContainerBrokers if choice()[0] == CONTAINERS else LocalBrokers
    return kind.open(folder, ports or Ports.free(), tls=tls)


def as_new(brokers: Brokers) -> Brokers:
    """Take everything out of the brokers that run, MongoDB's users excepted, and return them."""
    if brokers.kafka.is_running:
        _empty_kafka(AdminClient(brokers.kafka.admin_settings()))
        with ThreadPoolExecutor(1) as aside:  # It runs a loop of its own, which can't be done inside one.
            aside.submit(_without_quotas, brokers).result()
    if brokers.mongo.is_running:
        with client_of(brokers.mongo_admin_uri) as client:
            for name in set(client.list_database_names()) - _OF_MONGODB:
                client.drop_database(name)
    return brokers


def _empty_kafka(client: AdminClient) -> None:
    users = set(client.describe_user_scram_credentials().result(_TIMEOUT)) - {ADMIN}
    if users:
        gone = [UserScramCredentialDeletion(user, ScramMechanism.SCRAM_SHA_512) for user in users]
        _wait(client.alter_user_scram_credentials(gone))
    topics = [name for name in client.list_topics(timeout=_TIMEOUT).topics if not name.startswith("__")]
    if topics:
        _wait(client.delete_topics(topics, operation_timeout=_TIMEOUT))
    groups = [group.group_id for group in client.list_consumer_groups().result(_TIMEOUT).valid]
    if groups:
        # A process that was killed is a member for some seconds more: its group has no offsets left to do harm with.
        _wait(
            client.delete_consumer_groups(groups), besides={KafkaError.NON_EMPTY_GROUP, KafkaError.GROUP_ID_NOT_FOUND}
        )
    everything = (AclOperation.ANY, AclPermissionType.ANY)
    _wait(
        client.delete_acls([AclBindingFilter(ResourceType.ANY, None, ResourcePatternType.ANY, None, None, *everything)])
    )


def _without_quotas(brokers: Brokers) -> None:
    name, password = brokers.kafka_admin
    kafka = KafkaSettings(bootstrap=brokers.kafka_bootstrap, user=name, password=SecretStr(password))
    if there := quotas.current(kafka):
        quotas.change(kafka, {user: dict.fromkeys(limits) for user, limits in there.items()})


def _wait(jobs: Any, besides: Collection[int] = ()) -> None:
    for job in jobs.values():
        try:
            job.result(_TIMEOUT)
        except KafkaException as error:
            if error.args[0].code() not in besides:
                raise
