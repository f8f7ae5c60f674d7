"""The engine's behaviour suite runs twice: on the in-memory store, and on a real MongoDB.

The bus is in memory both times: what is under test is the engine and its storage; the bus on Kafka is proved by the
integration tests and the journeys. `pytest tests/engine -k memory` needs nothing that runs.
"""

import copy
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from pydantic import SecretStr
from pymongo.read_concern import ReadConcern

from dev.brokers import Brokers
from shared.engine.storage.memory import MemoryStore
from shared.engine.storage.mongo import MongoStore
from shared.mongo.client import connect
from shared.runtime.settings import MongoSettings
from tests.support.harness import Harness
from tests.support.toy import OWNER


@pytest.fixture(scope="session")
def engine_mongo(session_mongo: Brokers) -> str:
    """The address of MongoDB for the toy owner, with access to its own database alone."""
    return session_mongo.service_mongo_uri("box_svc")


@pytest_asyncio.fixture(scope="session")
async def engine_database(engine_mongo: str) -> AsyncIterator[Any]:
    """The toy owner's database, with its indexes."""
    database = connect(MongoSettings(uri=SecretStr(engine_mongo), database="box_svc"))
    await MongoStore(database, OWNER).prepare()
    yield database
    database.client.close()


@pytest_asyncio.fixture
async def mongo_database(engine_database: Any) -> Any:
    """The toy owner's database, without what earlier tests left in it."""
    for name in await engine_database.list_collection_names():
        await engine_database[name].delete_many({})
    return engine_database


class RawMemory:
    """What the in-memory store holds."""

    def __init__(self, store: MemoryStore) -> None:
        self._kinds = {"documents": store.documents, "requests": store.requests}

    async def get(self, kind: str, id_: str) -> dict[str, Any]:
        return copy.deepcopy(self._kinds[kind][id_])

    async def put(self, kind: str, raw: dict[str, Any]) -> None:
        self._kinds[kind][raw["_id"]] = copy.deepcopy(raw)


class RawMongo:
    """What MongoDB holds."""

    def __init__(self, database: Any) -> None:
        self._kinds = {kind: database[f"{OWNER.name}_{kind}"] for kind in ("documents", "requests")}

    async def get(self, kind: str, id_: str) -> dict[str, Any]:
        return dict(await self._kinds[kind].with_options(read_concern=ReadConcern("local")).find_one({"_id": id_}))

    async def put(self, kind: str, raw: dict[str, Any]) -> None:
        await self._kinds[kind].replace_one({"_id": raw["_id"]}, raw)


@pytest.fixture(params=["memory", "mongo"])
def harness(request: pytest.FixtureRequest) -> Harness:
    """One storage that every process sees."""
    if request.param == "memory":
        memory = MemoryStore(OWNER)
        return Harness(lambda: memory, memory, RawMemory(memory))
    database = request.getfixturevalue("mongo_database")
    look = MongoStore(database.with_options(read_concern=ReadConcern("local")), OWNER)
    # What a majority knows of this write, it knows of all before it too.
    return Harness(
        lambda: MongoStore(database, OWNER), look, RawMongo(database), lambda: database["harness"].insert_one({})
    )
