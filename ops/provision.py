"""Compares Kafka with the table of topics, and makes it so: topics, their settings, users, ACLs and quotas.

A plan is of all that the table says and of the partners there are, or of one partner alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from confluent_kafka.admin import (
    AclBinding,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    ResourcePatternType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from ops import acls, admin, quotas
from ops.acls import Partner
from ops.quotas import Quota
from ops.settings import AdminSettings
from shared.contracts import topics
from shared.contracts.topics import OPS, Topic

_TIMEOUT = 30
_ITERATIONS = 8192


@dataclass(frozen=True)
class Plan:
    """What is to be done."""

    topics: Sequence[NewTopic]
    partitions: Sequence[NewPartitions]
    configs: Sequence[ConfigResource]
    acls: Sequence[AclBinding]
    quotas: Mapping[str, Quota]
    users: Mapping[str, str]
    unknown: Sequence[AclBinding]
    """ACLs on our topics and groups that the table does not give. They are reported, and left alone."""

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
            *(f"limit user {name} to {_limits(quota)}" for name, quota in self.quotas.items()),
            *(f"set the password of user {name}" for name in self.users),
        ]


def plan(client: AdminClient, settings: AdminSettings) -> Plan:
    """Return what differs from the table, and from what the existing partners need."""
    admin.require_administrator(client, settings)
    granted = acls.granted(client)
    partners = acls.partners(granted)
    table = topics.table(settings.effective_delay)
    wanted = acls.acls(table, partners)
    own = (*topics.PROCESSES, OPS)
    return _plan(
        client,
        settings,
        [*table, *(topics.partner_topic(partner.client) for partner in partners)],
        acls=[acl for acl in wanted if acl not in granted],
        limits={
            **dict.fromkeys(own, settings.quota.of("ours")),
            **{partner.user: settings.quota.of("partner") for partner in partners},
        },
        passwords=settings.passwords([*own, *(partner.user for partner in partners)]),
        unknown=acls.unknown(granted - set(wanted), table),
    )


def plan_partner(
    client: AdminClient, settings: AdminSettings, partner: Partner, password: str, *, anew: bool = False
) -> Plan:
    """Return what is missing of a partner. A password that Kafka has stays, unless it is to be set `anew`."""
    granted = acls.granted(client)
    table = topics.table(settings.effective_delay)
    others = set(acls.acls(table, ()))
    there = _plan(
        client,
        settings,
        [topics.partner_topic(partner.client)],
        acls=[acl for acl in acls.acls(table, [partner]) if acl not in others and acl not in granted],
        limits={partner.user: settings.quota.of("partner")},
        passwords={partner.user: password},
    )
    return replace(there, users={partner.user: password}) if anew else there


def _plan(
    client: AdminClient,
    settings: AdminSettings,
    table: Sequence[Topic],
    *,
    acls: Sequence[AclBinding],
    limits: Mapping[str, Quota],
    passwords: Mapping[str, str],
    unknown: Sequence[AclBinding] = (),
) -> Plan:
    there = client.list_topics(timeout=_TIMEOUT)
    replicas = settings.replication_factor or min(3, len(there.brokers))
    missing = [t for t in table if t.name not in there.topics]
    known = [t for t in table if t.name in there.topics]
    grown = [
        NewPartitions(t.name, _partitions(t, settings))
        for t in known
        if len(there.topics[t.name].partitions) < _partitions(t, settings)
    ]
    return Plan(
        topics=[_new(t, settings, replicas) for t in missing],
        partitions=grown,
        # By the copies a topic has, not by the brokers that answer now: one that is down must not weaken them.
        configs=_differing(client, [(t, len(there.topics[t.name].partitions[0].replicas)) for t in known]),
        acls=acls,
        quotas=quotas.differing(limits, quotas.current(settings.kafka)),
        users=_without_password(client, passwords) if passwords else {},
        unknown=unknown,
    )


def carry_out(client: AdminClient, settings: AdminSettings, plan: Plan) -> None:
    """Do it, users last: whoever can log in finds all there is for them. Raises KafkaException with what is refused."""
    if plan.topics:
        _wait(client.create_topics(list(plan.topics), operation_timeout=_TIMEOUT))
    if plan.partitions:
        _wait(client.create_partitions(list(plan.partitions)))
    if plan.configs:
        _wait(client.incremental_alter_configs(list(plan.configs)))
    if plan.acls:
        _wait(client.create_acls(list(plan.acls)))
    if plan.quotas:
        quotas.change(settings.kafka, plan.quotas)
    if plan.users:
        _wait(client.alter_user_scram_credentials([password_of(*user) for user in plan.users.items()]))


def _wait(jobs: Mapping[Any, Any]) -> None:
    for job in jobs.values():
        job.result(_TIMEOUT)


def password_of(user: str, password: str) -> UserScramCredentialUpsertion:
    """Return the change that gives a user a password."""
    credential = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, _ITERATIONS)
    return UserScramCredentialUpsertion(user, credential, password.encode())


def _limits(quota: Quota) -> str:
    return ", ".join(f"{name} {value:.0f}" for name, value in quota.items())


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


def _without_password(client: AdminClient, users: Mapping[str, str]) -> dict[str, str]:
    """Return the users Kafka does not have yet: it shows no password, so a known user's is set on rotation only."""
    known = client.describe_user_scram_credentials().result(_TIMEOUT)
    return {name: password for name, password in users.items() if name not in known}
