"""MongoDB's users: each service reads and writes its own database, and nothing else, whatever it tries."""

from collections.abc import Iterator
from itertools import permutations
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from dev.brokers import Brokers
from shared.contracts.topics import PROCESSES
from tests.support.brokers import as_new

SERVICES = [process for process in PROCESSES if process != "delay_svc"]  # It has no database.
UNAUTHORIZED = 13

Client = MongoClient[dict[str, Any]]


@pytest.fixture(scope="module")
def clients(session_mongo: Brokers) -> Iterator[dict[str, Client]]:
    """A client of each service, whose database holds one thing."""
    as_new(session_mongo)
    made = {name: Client(session_mongo.service_mongo_uri(name), timeoutMS=60_000) for name in SERVICES}
    for name, client in made.items():
        client[name]["things"].insert_one({"_id": 1, "of": name})
    yield made
    for client in made.values():
        client.close()


def refused(database: Any, command: dict[str, Any]) -> bool:
    """Whether a command was refused for want of a privilege. Fails for any other error."""
    try:
        database.command(command)
    except OperationFailure as error:
        if error.code != UNAUTHORIZED:
            raise
        return True
    return False


ON_DATA: list[dict[str, Any]] = [
    {"find": "things"},
    {"count": "things"},
    {"aggregate": "things", "pipeline": [], "cursor": {}},
    {"aggregate": "things", "pipeline": [{"$changeStream": {}}], "cursor": {}},
    {"insert": "things", "documents": [{"of": "a forger"}]},
    {"update": "things", "updates": [{"q": {"_id": 1}, "u": {"$set": {"touched": True}}}]},
    {"listCollections": 1},
    {"listIndexes": "things"},
    {"createIndexes": "things", "indexes": [{"key": {"of": 1}, "name": "of_1"}]},
    {"create": "others"},
    {"drop": "others"},
    {"delete": "things", "deletes": [{"q": {"of": "a forger"}, "limit": 0}]},
]


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_does_what_it_needs_in_its_own_database(clients: dict[str, Client], service: str) -> None:
    for command in ON_DATA:
        assert not refused(clients[service][service], command), command


@pytest.mark.parametrize(("service", "other"), list(permutations(SERVICES, 2)))
def test_a_service_can_not_touch_another_s_database(clients: dict[str, Client], service: str, other: str) -> None:
    for command in [*ON_DATA, {"drop": "things"}, {"dropDatabase": 1}, {"collMod": "things"}]:
        assert refused(clients[service][other], command), command
    for writing in ({"$out": {"db": other, "coll": "things"}}, {"$merge": {"into": {"db": other, "coll": "things"}}}):
        command = {"aggregate": "things", "pipeline": [{"$match": {}}, writing], "cursor": {}}
        assert refused(clients[service][service], command), command
    rename = {"renameCollection": f"{other}.things", "to": f"{service}.stolen"}
    assert refused(clients[service]["admin"], rename)
    assert [thing["of"] for thing in clients[other][other]["things"].find()] == [other]


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_sees_its_own_database_alone(clients: dict[str, Client], service: str) -> None:
    assert clients[service].list_database_names() == [service]


ON_EVERYTHING: list[tuple[str, dict[str, Any]]] = [
    ("admin", {"find": "system.users"}),
    ("admin", {"usersInfo": 1}),
    ("admin", {"createUser": "twin", "pwd": "guessed", "roles": ["root"]}),
    ("admin", {"grantRolesToUser": "admin", "roles": ["root"]}),
    ("admin", {"shutdown": 1}),
    ("admin", {"replSetGetConfig": 1}),
    ("admin", {"replSetStepDown": 1}),
    ("admin", {"setParameter": 1, "logLevel": 0}),
    ("admin", {"getParameter": "*"}),
    ("admin", {"serverStatus": 1}),
    ("admin", {"getLog": "global"}),
    ("admin", {"currentOp": 1}),
    ("admin", {"killOp": 1, "op": 1}),
    ("admin", {"fsync": 1}),
    ("admin", {"getCmdLineOpts": 1}),
    ("admin", {"aggregate": 1, "pipeline": [{"$changeStream": {"allChangesForCluster": True}}], "cursor": {}}),
    ("local", {"find": "oplog.rs"}),
    ("local", {"find": "system.replset"}),
    ("config", {"find": "transactions"}),
]


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_runs_no_command_of_an_administrator(clients: dict[str, Client], service: str) -> None:
    of_its_own: list[tuple[str, dict[str, Any]]] = [
        (service, {"createUser": "twin", "pwd": "guessed", "roles": []}),
        (service, {"updateUser": service, "pwd": "guessed"}),
        (service, {"grantRolesToUser": service, "roles": [{"role": "read", "db": "local"}]}),
        (service, {"createRole": "more", "privileges": [], "roles": []}),
        (service, {"dropDatabase": 1}),
    ]
    for database, command in [*ON_EVERYTHING, *of_its_own]:
        assert refused(clients[service][database], command), command
