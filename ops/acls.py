"""Who may do what on Kafka, as it follows from the table of topics; and who, by that, is a partner."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from ops.admin import TIMEOUT
from shared.contracts import topics
from shared.contracts.topics import OPS, PARTNER_PREFIX, PARTNERS, Topic


@dataclass(frozen=True, order=True)
class Partner:
    """Another system: its user of Kafka, and its client at the issuer, whose tokens authenticate it."""

    user: str
    client: str


def acls(table: Sequence[Topic], partners: Iterable[Partner]) -> list[AclBinding]:
    """Return every ACL: write and read by topic, and the consumer groups of the user's own name."""
    made: dict[tuple[str, str, AclOperation], AclBinding] = {}
    users = sorted({partner.user for partner in partners})

    def allow(user: str, kind: ResourceType, name: str, operation: AclOperation, *, prefix: bool = False) -> None:
        pattern = ResourcePatternType.PREFIXED if prefix else ResourcePatternType.LITERAL
        made[user, f"{kind.name}:{name}", operation] = AclBinding(
            kind, name, pattern, f"User:{user}", "*", operation, AclPermissionType.ALLOW
        )

    def allow_topic(user: str, name: str, operation: AclOperation, *, prefix: bool = False) -> None:
        for each in (operation, AclOperation.DESCRIBE):
            allow(user, ResourceType.TOPIC, name, each, prefix=prefix)

    for topic in table:
        # The topics of former delays are in no table any more: whoever reads one reads them too.
        is_delay = topic.name.startswith("delay.")
        read = "delay." if is_delay else topic.name
        for user in _users(topic.writers, users):
            allow_topic(user, topic.name, AclOperation.WRITE)
        for user in _users(topic.readers, users):
            allow_topic(user, read, AclOperation.READ, prefix=is_delay)
        # Offsets are no data: an operator sees how far behind each group is.
        allow(OPS, ResourceType.TOPIC, read, AclOperation.DESCRIBE, prefix=is_delay)
    # Partners come and go: owners write to whichever there are, and each reads its own topic alone.
    for process in topics.OWNERS.values():
        allow_topic(process, PARTNER_PREFIX, AclOperation.WRITE, prefix=True)
    allow(OPS, ResourceType.TOPIC, PARTNER_PREFIX, AclOperation.DESCRIBE, prefix=True)
    for partner in partners:
        allow_topic(partner.user, topics.partner_outcomes(partner.client), AclOperation.READ)

    def allow_groups(user: str, owner: str, operation: AclOperation) -> None:
        # The name itself, or the name and a dot: a bare prefix would give `gate` the groups of `gateway`.
        allow(user, ResourceType.GROUP, owner, operation)
        allow(user, ResourceType.GROUP, f"{owner}.", operation, prefix=True)

    for user in (*topics.PROCESSES, OPS, *users):
        allow_groups(user, user, AclOperation.READ)
    for process in topics.PROCESSES:
        allow_groups(OPS, process, AclOperation.DESCRIBE)
    return list(made.values())


def _users(roles: Sequence[str], partners: Sequence[str]) -> list[str]:
    return [user for role in roles for user in (partners if role == PARTNERS else (role,))]


def granted(client: AdminClient) -> set[AclBinding]:
    """Return every ACL that Kafka has."""
    return set(client.describe_acls(_of(None)).result(TIMEOUT))


def delete_all(client: AdminClient, user: str) -> None:
    """Delete every ACL of a user."""
    for job in client.delete_acls([_of(f"User:{user}")]).values():
        job.result(TIMEOUT)


def _of(principal: str | None) -> AclBindingFilter:
    anything = (ResourceType.ANY, None, ResourcePatternType.ANY)
    return AclBindingFilter(*anything, principal, None, AclOperation.ANY, AclPermissionType.ANY)


def partners(given: Iterable[AclBinding]) -> list[Partner]:
    """Return who is a partner: who may write requests, and read the outcomes of a client.

    Kafka's ACLs say it, which only its administrator can give, and nothing else has to be kept beside them. One ACL
    alone makes nobody a partner: `topics provision` gives a partner all that partners have.
    """
    literal = [a for a in given if a.resource_pattern_type is ResourcePatternType.LITERAL and _is_allowed_topic(a)]
    requesting = {a.principal for a in literal if a.operation is AclOperation.WRITE and a.name.endswith(_REQUESTS)}
    return sorted(
        Partner(a.principal.removeprefix("User:"), a.name.removeprefix(PARTNER_PREFIX))
        for a in literal
        if a.operation is AclOperation.READ and a.name.startswith(PARTNER_PREFIX) and a.principal in requesting
    )


_REQUESTS = f".{topics.REQUESTS}"


def _is_allowed_topic(acl: AclBinding) -> bool:
    return acl.restype is ResourceType.TOPIC and acl.permission_type is AclPermissionType.ALLOW


def unknown(others: Iterable[AclBinding], table: Sequence[Topic]) -> list[AclBinding]:
    """Return the ACLs that touch a topic or a group of ours; on a shared Kafka there are those of others."""
    ours = {
        ResourceType.TOPIC: [topic.name for topic in table],
        ResourceType.GROUP: [f"{process}{end}" for process in topics.PROCESSES for end in ("", ".")],
    }
    return sorted(
        (
            acl
            for acl in others
            if acl.permission_type is AclPermissionType.ALLOW
            and (_is_of_partner(acl) or any(_touches(acl, name) for name in ours.get(acl.restype, ())))
        ),
        key=str,
    )


def _is_of_partner(acl: AclBinding) -> bool:
    return acl.restype is ResourceType.TOPIC and bool(acl.name.startswith(PARTNER_PREFIX))


def _touches(acl: AclBinding, name: str) -> bool:
    is_prefix = acl.resource_pattern_type is ResourcePatternType.PREFIXED
    return acl.name in {name, "*"} or (is_prefix and name.startswith(acl.name))
