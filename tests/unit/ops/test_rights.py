"""Rights on Kafka as they follow from the table of topics; `tests/integration/rights` tries them on a real one."""

import pytest
from confluent_kafka.admin import AclOperation, ResourcePatternType, ResourceType
from pydantic import SecretStr, ValidationError

from ops.provision import acls
from ops.settings import AdminSettings
from shared.settings import KafkaSettings
from shared.topics import OPS, PROCESSES

OTHERS = ("gate", "o", "partner", "partner2")


def may_join(user: str, group: str) -> bool:
    """Whether Kafka would let `user` join `group`, by its rule: the whole name, or how it begins."""
    return any(
        acl.principal == f"User:{user}"
        and acl.operation is AclOperation.READ
        and (
            acl.name == group
            or (acl.resource_pattern_type is ResourcePatternType.PREFIXED and group.startswith(acl.name))
        )
        for acl in acls([], OTHERS)
        if acl.restype is ResourceType.GROUP
    )


@pytest.mark.parametrize("user", [*PROCESSES, OPS, *OTHERS])
def test_a_user_joins_the_groups_of_its_own_name_and_no_other_user_s(user: str) -> None:
    """Also where one name begins as another: `gate` and `gateway`, `partner` and `partner2`."""
    for owner in (*PROCESSES, OPS, *OTHERS):
        for group in (owner, f"{owner}.structure.requests"):
            assert may_join(user, group) is (user == owner)


@pytest.mark.parametrize(
    "name", ["*", "gateway", "ops", "partners", "operator", "structure_svc.x", "User:partner", "é"]
)
def test_another_system_can_not_take_a_name_that_would_give_it_more(name: str) -> None:
    kafka = KafkaSettings(user="operator", password=SecretStr("secret"))
    with pytest.raises(ValidationError, match="KAFKA_PARTNERS"):
        AdminSettings(kafka=kafka, kafka_partners=f"partner, {name}")
    assert AdminSettings(kafka=kafka, kafka_partners="partner, partner2").partners == ("partner", "partner2")
