"""Rights on Kafka as they follow from the table of topics; `tests/integration/rights` tries them on a real one."""

import pytest
from confluent_kafka.admin import AclOperation, ResourcePatternType, ResourceType

from ops.acls import Partner, acls, partners, unknown
from ops.errors import OpsError
from ops.partners import check
from shared.contracts.topics import OPS, PROCESSES, table

OTHERS = ("gate", "o", "partner", "partner2")
TABLE = table(1)
FACTURIER = Partner("partner", "facturier")


def may_join(user: str, group: str) -> bool:
    """Whether Kafka would let `user` join `group`, by its rule: the whole name, or how it begins."""
    return any(
        acl.principal == f"User:{user}"
        and acl.operation is AclOperation.READ
        and (
            acl.name == group
            or (acl.resource_pattern_type is ResourcePatternType.PREFIXED and group.startswith(acl.name))
        )
        for acl in acls([], [Partner(name, name) for name in OTHERS])
        if acl.restype is ResourceType.GROUP
    )


@pytest.mark.parametrize("user", [*PROCESSES, OPS, *OTHERS])
def test_a_user_joins_the_groups_of_its_own_name_and_no_other_user_s(user: str) -> None:
    """Also where one name begins as another: `gate` and `gateway`, `partner` and `partner2`."""
    for owner in (*PROCESSES, OPS, *OTHERS):
        for group in (owner, f"{owner}.structure.requests"):
            assert may_join(user, group) is (user == owner)


@pytest.mark.parametrize(
    "name", ["*", "gateway", "ops", "partners", "admin", "structure_svc.x", "User:partner", "é", "", "x" * 101]
)
def test_another_system_can_not_take_a_name_that_would_give_it_more(name: str) -> None:
    with pytest.raises(OpsError):
        check(Partner(name, "facturier"), (), "admin")


@pytest.mark.parametrize("client", ["*", "gateway", "ops", "https://x", "a b", "", "x" * 201])
def test_a_client_that_no_topic_can_bear_or_that_is_ours_is_no_partner_s(client: str) -> None:
    with pytest.raises(OpsError):
        check(Partner("partner", client), (), "admin")


def test_a_client_is_read_by_one_user_and_a_user_reads_one_client() -> None:
    check(FACTURIER, (), "admin")
    check(FACTURIER, (FACTURIER, Partner("other", "autre")), "admin")
    for other in (Partner("partner", "autre"), Partner("other", "facturier")):
        with pytest.raises(OpsError, match="remove it first"):
            check(FACTURIER, (other,), "admin")


def test_who_is_a_partner_is_seen_by_its_rights_and_one_right_alone_makes_nobody_one() -> None:
    every = acls(TABLE, [FACTURIER])
    assert partners(every) == [FACTURIER]
    assert partners(acls(TABLE, [])) == []
    only_reads = [a for a in every if a.operation is not AclOperation.WRITE]
    only_writes = [a for a in every if a.operation is not AclOperation.READ]
    assert partners(only_reads) == partners(only_writes) == []
    reported = unknown(only_reads, TABLE)
    assert ("User:partner", "outcomes.facturier") in {(a.principal, a.name) for a in reported}


def test_a_partner_asks_every_owner_and_reads_what_became_of_its_own_requests_alone() -> None:
    mine = [a for a in acls(TABLE, [FACTURIER, Partner("other", "autre")]) if a.principal == "User:partner"]
    may = {(a.operation, a.name) for a in mine if a.restype is ResourceType.TOPIC}
    assert {name for operation, name in may if operation is AclOperation.WRITE} == {
        "structure.requests",
        "manager.requests",
    }
    assert {name for operation, name in may if operation is AclOperation.READ} == {"outcomes.facturier"}
    assert not [a for a in mine if a.restype is ResourceType.TOPIC and a.resource_pattern_type.name == "PREFIXED"]
