"""Consumer groups of Kafka: a user has those of its own name, and can neither join another's nor move its offsets."""

import pytest
from aiokafka.protocol.admin import DeleteGroupsRequest, ListGroupsRequest

from dev.brokers import Brokers
from shared.contracts.topics import OPS, PROCESSES
from tests.integration.acls.caller import REFUSALS, calling, codes, describe, is_granted
from tests.integration.acls.everybody import GROUPS, OURS, TOPICS, USERS
from tests.integration.acls.expected import READS
from tests.support.acls import operator, user


def of(name: str) -> set[str]:
    return {group for group, owner in GROUPS.items() if owner == name}


def seen_by(name: str) -> set[str]:
    """A user sees how far its own groups have read, and an operator how far those of all processes have."""
    owners = {name, *PROCESSES} if name == OPS else {name}
    return {group for group, owner in GROUPS.items() if owner in owners}


@pytest.mark.parametrize("name", USERS)
async def test_a_user_joins_its_own_groups_and_no_other(provisioned: Brokers, name: str) -> None:
    async with calling(user(provisioned, name)) as caller:
        assert {group for group in GROUPS if await caller.join(group)} == of(name)


@pytest.mark.parametrize("name", USERS)
async def test_a_user_commits_in_its_own_groups_what_it_may_read(provisioned: Brokers, name: str) -> None:
    async with calling(user(provisioned, name)) as caller:
        committed = {group: taken for group in GROUPS if (taken := await caller.commit(group, TOPICS))}
    assert committed == dict.fromkeys(of(name), READS[name])


@pytest.mark.parametrize("name", USERS)
async def test_a_user_sees_of_other_groups_nothing(provisioned: Brokers, name: str) -> None:
    async with calling(operator(provisioned)) as administrator:
        for group in GROUPS:
            assert await administrator.commit(group, OURS) == set(OURS)
    async with calling(user(provisioned, name)) as caller:
        offsets = {group for group in GROUPS if await caller.sees_offsets(group)}
        described = (await caller.send(describe(GROUPS)))["groups"]
        listed = (await caller.send(ListGroupsRequest()))["groups"]
    assert offsets == seen_by(name)
    assert {group["group"] for group in described if is_granted(group["error_code"])} == seen_by(name)
    assert {group["group"] for group in listed} == seen_by(name)


@pytest.mark.parametrize("name", USERS)
async def test_a_user_deletes_no_group_not_even_its_own(provisioned: Brokers, name: str) -> None:
    async with calling(user(provisioned, name)) as caller:
        assert codes(await caller.send(DeleteGroupsRequest(list(GROUPS)))) <= REFUSALS
