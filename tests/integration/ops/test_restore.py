"""A MongoDB restored older than Kafka, by the steps of docs/operate.md: nothing that was submitted since is lost."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from pymongo import MongoClient

from shared.clock import SystemClock, iso
from tests.integration.ops.conftest import Ops
from tests.journeys.builders import new_structure
from tests.support.system import System, until

pytestmark = pytest.mark.timeout(400)
"""A whole system is started within the first test, and each command is a process: slow on a busy machine."""

OWNER = "structure_svc"
Backup = dict[str, list[dict[str, Any]]]


@pytest.fixture
def database(system: System) -> Iterator[Any]:
    with MongoClient[dict[str, Any]](system.brokers.mongo_admin_uri) as client:
        yield client[OWNER]


def collections(database: Any) -> list[str]:
    return [found["name"] for found in database.list_collections() if found["type"] == "collection"]


def back_up(database: Any) -> Backup:
    """Take what `mongodump --db` takes: the documents of every collection."""
    names = [name for name in collections(database) if not name.startswith("system.")]
    return {name: list(database[name].find()) for name in names}


def restore(database: Any, backup: Backup) -> None:
    """Do what `mongorestore --drop` does, indexes left where they are."""
    for name in collections(database):
        if not name.startswith("system."):
            database[name].delete_many({})
            if backup.get(name):
                database[name].insert_many(backup[name])


def stop(system: System, *names: str) -> None:
    for name in names:
        system.supervisor[name].stop()
    for name in names:
        system.supervisor[name].join()


def start(system: System, *names: str) -> None:
    for name in names:
        system.supervisor[name].start()
    system.supervisor.wait_ready(list(names), 120)


def test_an_owner_restored_from_an_older_backup_is_the_truth_again_and_decides_anew_what_was_submitted_since(
    system: System, ops: Ops, database: Any
) -> None:
    kept, changed = new_structure(system), new_structure(system)
    path = f"/structures/{changed['id']}"
    backup, since = back_up(database), iso(SystemClock().now())
    time.sleep(0.01)  # What is submitted from here on is stamped later than the backup.
    created = new_structure(system)
    with system.as_("alice") as api:
        request = api.patch(path, json={"label": "après la sauvegarde"}).json()
        until(lambda: api.get(f"/requests/{request['request_id']}").json()["status"] == "applied", 60, what="applied")

    assert "runs" in ops.run("databases", "restored", "--yes", who=OWNER, status=1).stderr
    everything = ("gateway", "manager_svc", OWNER)
    stop(system, *everything)
    try:
        restore(database, backup)
        until(lambda: _restored(ops), 30, what="the lease of the sweeper is over")
        ops.run("topics", "recreate", "structure.state", "--yes", who="admin")
        ops.run("topics", "rewind", OWNER, "--to", since, "--yes", who="admin")
    finally:
        start(system, *reversed(everything))
    ops.run("read-model", "rebuild", "--yes", who="gateway")

    with system.as_("alice") as api:
        until(lambda: api.get(path).json().get("label") == "après la sauvegarde", 90, what="the change made again")
        assert api.get(f"/requests/{request['request_id']}").json()["status"] == "applied"
        assert api.get(f"/structures/{kept['id']}").json()["name"] == kept["name"]
        assert api.get(f"/structures/{created['id']}").status_code == 404, "its creation was undone by the restore"
        identifier = created["identifier"]
        by_identifier = f"/structures/by-identifier/{identifier['type']}/{identifier['value']}"
        again = until(lambda: _found(api.get(by_identifier)), 90, what="the structure created again")
        assert again["id"] > created["id"]
        until(lambda: api.get(f"/structures/{again['id']}/members").status_code == 200, 60, what="its team")
    with MongoClient[dict[str, Any]](system.brokers.mongo_admin_uri) as client:

        def agree() -> bool:
            owned = {d["_id"]: d["version"] for d in database.structure_documents.find({"state": {"$exists": True}})}
            read = client.gateway.structures_g1.find({"version": {"$gt": 0}})
            return owned == {f"structure:{d['_id']}": d["version"] for d in read}

        until(agree, 90, what="the owner and the read model agree")


def _restored(ops: Ops) -> bool:
    try:
        return "are republished" in ops.run("databases", "restored", "--yes", who=OWNER).stdout
    except AssertionError:
        return False


def _found(answer: Any) -> Any:
    return answer.json() if answer.status_code == 200 else None


def test_a_dry_run_changes_nothing_and_a_database_of_no_owner_is_refused(
    system: System, ops: Ops, database: Any
) -> None:
    new_structure(system)
    printed = ops.run("databases", "restored", "--yes", who="gateway", status=1).stderr
    assert "no owner's" in printed
    stop(system, OWNER)
    try:
        until(lambda: not database.leases.find_one({"$expr": {"$gt": ["$until", "$$NOW"]}}), 30, what="no lease")
        before = list(database.structure_documents.find().sort("_id", 1))
        assert "would be made newer" in ops.run("databases", "restored", "--dry-run", who=OWNER).stdout
        assert list(database.structure_documents.find().sort("_id", 1)) == before
    finally:
        start(system, OWNER)
