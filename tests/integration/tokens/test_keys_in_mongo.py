"""The keys in MongoDB: what one process saw, another one knows; a former issuer's keys are nobody's."""

import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
from pydantic import SecretStr

from dev.brokers.local_mongo import local_mongo
from dev.brokers.ports import free_ports
from dev.brokers.tools import find_tools
from shared.auth.issuer_keys import IssuerKey, public_key
from shared.auth.key_store import MongoKeyStore
from shared.clock import DAY
from shared.mongo.client import connect
from shared.runtime.settings import MongoSettings
from tests.support.issuer import ec_key

ISSUER = "https://issuer.example"


@pytest.fixture(scope="module")
def mongo_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    mongo = local_mongo(
        tmp_path_factory.mktemp("mongo"),
        find_tools(with_mvn=False).mongod,
        admin_password=secrets.token_hex(8),
        key=secrets.token_hex(16),
        ports=free_ports(1),
    )
    mongo.start()
    try:
        yield mongo.ensure_service("structure_svc", secrets.token_hex(8))
    finally:
        mongo.stop()


@pytest_asyncio.fixture
async def database(mongo_uri: str) -> AsyncIterator[Any]:
    found = connect(MongoSettings(uri=SecretStr(mongo_uri), database="structure_svc"))
    await found.drop_collection("issuer_keys")
    yield found
    found.client.close()


def key(name: str) -> IssuerKey:
    made = public_key(ec_key(name).as_dict(private=False))
    assert made is not None
    return made


async def test_keys_come_back_as_they_were(database: Any) -> None:
    store = MongoKeyStore(database, ISSUER, 8 * DAY)
    await store.prepare()
    one, other = key("same"), replace(key("same"), withdrawn_at=1_800_000_000_000)
    await store.save([one, other])
    found = await store.load()
    assert sorted(found, key=str) == sorted([one, other], key=str)


async def test_the_first_to_see_a_withdrawal_dates_it_and_a_key_published_again_has_no_date(database: Any) -> None:
    store, one = MongoKeyStore(database, ISSUER, 8 * DAY), key("one")
    await store.save([one])
    await store.save([replace(one, withdrawn_at=2_000)])
    await store.save([replace(one, withdrawn_at=3_000)])
    assert await store.load() == [replace(one, withdrawn_at=2_000)]
    await store.save([one])
    assert await store.load() == [one]


async def test_a_withdrawn_key_expires_as_announced_when_it_was_last_published(database: Any) -> None:
    store, one = MongoKeyStore(database, ISSUER, 8 * DAY), key("one")
    await store.save([one])
    (before,) = await database["issuer_keys"].find().to_list(None)
    await store.save([replace(one, withdrawn_at=2_000)])
    (after,) = await database["issuer_keys"].find().to_list(None)
    assert after["expires_at"] == before["expires_at"]
    await store.save([one])
    (again,) = await database["issuer_keys"].find().to_list(None)
    assert again["expires_at"] > before["expires_at"]


async def test_mongodb_forgets_at_the_date_given(database: Any) -> None:
    await MongoKeyStore(database, ISSUER, 8 * DAY).prepare()
    indexes = await database["issuer_keys"].index_information()
    assert indexes["expires"]["key"] == [("expires_at", 1)]
    assert indexes["expires"]["expireAfterSeconds"] == 0


async def test_the_keys_of_another_issuer_verify_nothing_here(database: Any) -> None:
    await MongoKeyStore(database, "https://former.example", 8 * DAY).save([key("one")])
    assert await MongoKeyStore(database, ISSUER, 8 * DAY).load() == []
