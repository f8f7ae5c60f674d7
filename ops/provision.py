"""Compares Kafka with the table of topics, and makes it so: topics, their settings, users, and who may do what."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from ops import admin
from ops.settings import AdminSettings
from shared import topics
from shared.topics import OPS, PARTNERS, Topic

_TIMEOUT = 30
_ITERATIONS = 8192


@dataclass(frozen=True)
class Plan:
    """What is to be done."""

    topics: Sequence[NewTopic]
    partitions: Sequence[NewPartitions]
    configs: Sequence[ConfigResource]
    acls: Sequence[AclBinding]
    users: Mapping[str, str]
    unknown: Sequence[AclBinding]
    """Rights on our topics and groups that the table does not give. They are told, and left alone."""

    def remarks(self) -> list[str]:
        """Return what somebody should look at, a sentence each."""
        return [
            f"{a.principal} may {a.operation.name} {a.restype.name} {a.name}"
            f"{'*' if a.resource_pattern_type is ResourcePatternType.PREFIXED else ''}, which the table does not say"
            for a in self.unknown
        ]

    def lines(self) -> list[str]:
        """Return what is to be done, a sentence each."""
        return [
            *(f"create topic {t.topic} ({t.num_partitions} partitions)" for t in self.topics),
            *(f"grow topic {p.topic} to {p.new_total_count} partitions" for p in self.partitions),
            *(f"set {', '.join(e.name for e in c.incremental_configs)} of topic {c.name}" for c in self.configs),
            *(f"allow {a.principal} to {a.operation.name} {a.restype.name} {a.name}" for a in self.acls),
            *(f"set the password of user {name}" for name in self.users),
        ]


def plan(client: AdminClient, settings: AdminSettings) -> Plan:
    """Return what differs from the table."""
    admin.must_see_rights(client, settings)
    there = client.list_topics(timeout=_TIMEOUT)
    replicas = settings.replication_factor or min(3, len(there.brokers))
    table = topics.table(settings.effective_delay)
    missing = [t for t in table if t.name not in there.topics]
    known = [t for t in table if t.name in there.topics]
    grown = [
        NewPartitions(t.name, _partitions(t, settings))
        for t in known
        if len(there.topics[t.name].partitions) < _partitions(t, settings)
    ]
    users = settings.users()
    wanted, granted = acls(table, settings.partners), _granted(client)
    return Plan(
        topics=[_new(t, settings, replicas) for t in missing],
        partitions=grown,
        # By the copies a topic has, not by the brokers that answer now: one that is down must not weaken them.
        configs=_differing(client, [(t, len(there.topics[t.name].partitions[0].replicas)) for t in known]),
        acls=[acl for acl in wanted if acl not in granted],
        users={} if not users else _without_password(client, users),
        unknown=_unknown(granted - set(wanted), table),
    )


def carry_out(client: AdminClient, plan: Plan) -> None:
    """Do it. Raises KafkaException with what Kafka refused."""
    jobs: list[Any] = []
    if plan.topics:
        jobs += client.create_topics(list(plan.topics), operation_timeout=_TIMEOUT).values()
    if plan.partitions:
        jobs += client.create_partitions(list(plan.partitions)).values()
    if plan.configs:
        jobs += client.incremental_alter_configs(list(plan.configs)).values()
    if plan.acls:
        jobs += client.create_acls(list(plan.acls)).values()
    if plan.users:
        jobs += client.alter_user_scram_credentials(
            [
                UserScramCredentialUpsertion(
                    name, ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, _ITERATIONS), password.encode()
                )
                for name, password in plan.users.items()
            ]
        ).values()
    for job in jobs:
        job.result(_TIMEOUT)


def _partitions(topic: Topic, settings: AdminSettings) -> int:
    """Return how many the settings want, save for topics that need few."""
    wanted = settings.topic_partitions
    return wanted if topic.partitions == topics.DEFAULT_PARTITIONS else min(topic.partitions, wanted)


def _config(topic: Topic, replicas: int) -> dict[str, str]:
    return {**topic.config, "min.insync.replicas": "2" if replicas >= 3 else "1"}


def _new(topic: Topic, settings: AdminSettings, replicas: int) -> NewTopic:
    return NewTopic(
        topic.name,
        num_partitions=_partitions(topic, settings),
        replication_factor=replicas,
        config=_config(topic, replicas),
    )


def _differing(client: AdminClient, known: Sequence[tuple[Topic, int]]) -> list[ConfigResource]:
    if not known:
        return []
    asked = [ConfigResource(ConfigResource.Type.TOPIC, topic.name) for topic, _ in known]
    found = {r.name: f.result(_TIMEOUT) for r, f in client.describe_configs(asked).items()}
    resources = []
    for topic, replicas in known:
        wrong = [
            ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
            for key, value in _config(topic, replicas).items()
            if found[topic.name][key].value != value
        ]
        if wrong:
            resources.append(ConfigResource(ConfigResource.Type.TOPIC, topic.name, incremental_configs=wrong))
    return resources


def acls(table: Sequence[Topic], partners: Sequence[str]) -> list[AclBinding]:
    """Return every right: write and read by topic, and the consumer groups that bear the user's own name."""
    rights: dict[tuple[str, str, AclOperation], AclBinding] = {}

    def allow(user: str, kind: ResourceType, name: str, operation: AclOperation, *, prefix: bool = False) -> None:
        pattern = ResourcePatternType.PREFIXED if prefix else ResourcePatternType.LITERAL
        rights[user, f"{kind.name}:{name}", operation] = AclBinding(
            kind, name, pattern, f"User:{user}", "*", operation, AclPermissionType.ALLOW
        )

    for topic in table:
        # The topics of former delays are in no table any more: whoever reads one reads them too.
        is_delay = topic.name.startswith("delay.")
        read = "delay." if is_delay else topic.name
        for user in _users(topic.writers, partners):
            allow(user, ResourceType.TOPIC, topic.name, AclOperation.WRITE)
            allow(user, ResourceType.TOPIC, topic.name, AclOperation.DESCRIBE)
        for user in _users(topic.readers, partners):
            allow(user, ResourceType.TOPIC, read, AclOperation.READ, prefix=is_delay)
            allow(user, ResourceType.TOPIC, read, AclOperation.DESCRIBE, prefix=is_delay)
        # Offsets are no data: an operator sees how far behind each group is.
        allow(OPS, ResourceType.TOPIC, read, AclOperation.DESCRIBE, prefix=is_delay)

    def allow_groups(user: str, owner: str, operation: AclOperation) -> None:
        # The name itself, or the name and a dot: a bare prefix would give `gate` the groups of `gateway`.
        allow(user, ResourceType.GROUP, owner, operation)
        allow(user, ResourceType.GROUP, f"{owner}.", operation, prefix=True)

    for user in (*topics.PROCESSES, OPS, *partners):
        allow_groups(user, user, AclOperation.READ)
    for process in topics.PROCESSES:
        allow_groups(OPS, process, AclOperation.DESCRIBE)
    return list(rights.values())


def _users(roles: Sequence[str], partners: Sequence[str]) -> list[str]:
    return [user for role in roles for user in (partners if role == PARTNERS else (role,))]


def _granted(client: AdminClient) -> set[AclBinding]:
    anything = AclBindingFilter(
        ResourceType.ANY,
        None,
        ResourcePatternType.ANY,
        None,
        None,
        AclOperation.ANY,
        AclPermissionType.ANY,
    )
    return set(client.describe_acls(anything).result(_TIMEOUT))


def _unknown(others: Iterable[AclBinding], table: Sequence[Topic]) -> list[AclBinding]:
    """Return the rights that touch a topic or a group of ours; on a shared Kafka there are those of others."""
    ours = {
        ResourceType.TOPIC: [topic.name for topic in table],
        ResourceType.GROUP: [f"{process}{end}" for process in topics.PROCESSES for end in ("", ".")],
    }
    return sorted(
        (
            acl
            for acl in others
            if acl.permission_type is AclPermissionType.ALLOW
            and any(_touches(acl, name) for name in ours.get(acl.restype, ()))
        ),
        key=str,
    )


def _touches(acl: AclBinding, name: str) -> bool:
    is_prefix = acl.resource_pattern_type is ResourcePatternType.PREFIXED
    return acl.name in {name, "*"} or (is_prefix and name.startswith(acl.name))


def _without_password(client: AdminClient, users: Mapping[str, str]) -> dict[str, str]:
    """Return the users Kafka does not know yet: it can't tell a password, so a known user's is set on rotation only."""
    known = client.describe_user_scram_credentials().result(_TIMEOUT)
    return {name: password for name, password in users.items() if name not in known}
