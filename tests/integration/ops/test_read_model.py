"""`ops read-model`: a read model that was corrupted is right again, and was readable all along, in every replica."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pymongo import MongoClient

from dev.brokers.ports import free_ports
from dev.run.supervisor import Running
from dev.run.table import Process
from gateway.read_model import request_records
from tests.integration.ops.conftest import Ops
from tests.journeys.builders import add_member, new_structure
from tests.support.system import System, until

pytestmark = pytest.mark.timeout(400)
"""A whole system is started within the first test, and each command is a process: slow on a busy machine."""

KINDS = ("structures", "users", "requests")
Content = dict[str, dict[Any, Any]]


@pytest.fixture
def database(system: System) -> Iterator[Any]:
    with MongoClient[dict[str, Any]](system.brokers.mongo_admin_uri) as client:
        yield client.gateway


@pytest.fixture
def second_api(system: System, tmp_path: Path) -> Iterator[str]:
    """A second gateway, and the address of its API."""
    api_port, port = free_ports(2)
    first = system.supervisor["gateway"].process
    env = {**first.environment(), "API_PORT": str(api_port), "HTTP_PORT": str(port)}
    running = Running(Process("gateway-2", first.command, port, env), tmp_path, environment={})
    running.start()
    try:
        until(running.is_ready, 60, what="a second gateway")
        yield f"http://127.0.0.1:{api_port}/api/v1"
    finally:
        running.stop()
        running.join()


def content(database: Any, generation: str = "g1") -> Content:
    return {kind: {raw["_id"]: raw for raw in database[f"{kind}_{generation}"].find()} for kind in KINDS}


def stable_content(database: Any) -> Content:
    """Return the content once nothing changes any more."""
    before: Content = {}

    def same() -> Content | None:
        nonlocal before
        now = content(database)
        if now == before:
            return now
        before = now
        time.sleep(1)
        return None

    found: Content = until(same, 60, what="a quiet read model")
    return found


def corrupt(database: Any, content: Content, structure_id: int) -> str:
    """Do what a bug of the gateway, or a hand in its database, might have done; return the request it removed."""
    structures, users, requests = (database[f"{kind}_g1"] for kind in KINDS)
    structures.update_one({"_id": structure_id}, {"$set": {"record.name": "Faux", "keys": [], "access": []}})
    structures.update_one({"_id": structure_id}, {"$inc": {"version": 1000, "team_version": 1000}})
    structures.insert_one({"_id": 999_999, "version": 1, "record": {"id": 999_999, "name": "Fantôme"}, "access": []})
    users.delete_one({"_id": "alice"})
    one = next(key for key, raw in content["requests"].items() if raw["record"]["structure"] == structure_id)
    requests.update_one({"_id": one}, {"$set": {"record.status": "failed"}, "$inc": {"order": 1_000_000}})
    another = next(key for key, raw in content["requests"].items() if raw["record"]["type"] == "user.register.v1")
    requests.delete_one({"_id": another})
    return str(another)


class InTheBackground:
    """Does something again and again while something else happens; what goes wrong is kept."""

    def __init__(self, *works: Callable[[], None]) -> None:
        self.done = 0
        self.wrong: list[BaseException] = []
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(work,)) for work in works]

    def _run(self, work: Callable[[], None]) -> None:
        while not self._ended.is_set():
            try:
                work()
                self.done += 1
            except BaseException as error:  # noqa: BLE001 - the test looks at it.
                self.wrong.append(error)
                return

    def __enter__(self) -> "InTheBackground":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()


def reading(client: httpx2.Client, path: str, expected: dict[str, Any]) -> Callable[[], None]:
    def read() -> None:
        answer = client.get(path)
        assert answer.status_code == 200, answer.text
        assert answer.json() == expected

    return read


def writing(client: httpx2.Client, path: str, sent: list[str]) -> Callable[[], None]:
    def write() -> None:
        answer = client.patch(path, json={"label": f"n° {len(sent)}"})
        assert answer.status_code == 202, answer.text
        sent.append(answer.json()["request_id"])

    return write


def test_a_corrupted_read_model_is_right_again_and_was_readable_all_along(
    system: System, ops: Ops, database: Any, second_api: str
) -> None:
    wrecked, untouched, busy = (new_structure(system) for _ in range(3))
    add_member(system, wrecked["id"], "marc", "modification")
    correct = stable_content(database)
    path = f"/structures/{untouched['id']}"
    sent: list[str] = []
    with system.as_("alice") as first, system.as_("alice") as second:
        second.base_url = httpx2.URL(second_api)
        expected = first.get(path).json()
        removed = corrupt(database, correct, wrecked["id"])
        assert first.get(f"/structures/{wrecked['id']}").status_code == 404, "it is corrupted"
        works: Sequence[Callable[[], None]] = (
            reading(first, path, expected),
            reading(second, path, expected),
            writing(first, f"/structures/{busy['id']}", sent),
        )
        with InTheBackground(*works) as meanwhile:
            until(lambda: meanwhile.done > 20, what="reads and writes")
            done = ops.run("read-model", "rebuild", "--yes", who="gateway")
        assert meanwhile.wrong == []
        assert "g1 is rebuilt from" in done.stdout
        assert "%" in done.stderr, "progress is shown"
        assert first.get(f"/structures/{wrecked['id']}").json()["name"] == wrecked["name"]
        last = sent[-1]
        until(lambda: first.get(f"/requests/{last}").json().get("status") == "applied", 60, what="the last change")
        until(lambda: second.get(f"/structures/{busy['id']}").json()["label"] == f"n° {len(sent) - 1}")
        for request_id in sent:
            assert first.get(f"/requests/{request_id}").json()["status"] == "applied"
    now = stable_content(database)
    now["structures"].pop(busy["id"])
    correct["structures"].pop(busy["id"])
    for request_id in sent:
        now["requests"].pop(request_records.key("structure", "alice", request_id))
    # That a request was received, and its hash, are on no topic: they are gone with the record that was removed.
    correct["requests"][removed].pop("body_hash", None)
    correct["requests"][removed]["steps"].pop("received", None)
    for kind in KINDS:
        assert now[kind].keys() == correct[kind].keys()
        for key, raw in now[kind].items():
            assert raw == correct[kind][key]
    assert not [name for name in database.list_collection_names() if "rebuild" in name]


def test_a_dry_run_changes_nothing_and_an_unknown_generation_is_refused(ops: Ops, database: Any) -> None:
    before = stable_content(database)
    assert "would be rebuilt" in ops.run("read-model", "rebuild", "--dry-run", who="gateway").stdout
    assert content(database) == before
    printed = ops.run("read-model", "rebuild", "--generation", "g9", "--yes", who="gateway", status=1).stderr
    assert "there is no read model g9" in printed


def test_a_generation_is_dropped_only_when_no_gateway_uses_it(ops: Ops, database: Any) -> None:
    database["structures_g0"].insert_one({"_id": 1})
    listed = {item["generation"]: item for item in ops.items("read-model", "list", who="gateway")}
    assert listed["g1"]["gateways"] >= 1
    assert (listed["g0"]["structures"], listed["g0"]["gateways"]) == (1, 0)
    printed = ops.run("read-model", "drop", "g1", "--yes", who="gateway", status=1).stderr
    assert "give them another READ_MODEL first" in printed
    assert "would be removed" in ops.run("read-model", "drop", "g0", "--dry-run", who="gateway").stdout
    assert "structures_g0" in database.list_collection_names()
    ops.run("read-model", "drop", "g0", "--yes", who="gateway")
    assert "structures_g0" not in database.list_collection_names()
    assert "structures_g1" in database.list_collection_names()


def test_an_operator_who_is_not_the_gateway_can_not_do_it(ops: Ops) -> None:
    assert "MONGO_URI" in ops.run("read-model", "rebuild", "--yes", status=1).stderr
    other = ops.environment("structure_svc")
    but = {"MONGO_URI": other["MONGO_URI"], "MONGO_DATABASE": "gateway"}
    printed = ops.run("read-model", "rebuild", "--yes", who="gateway", but=but, status=1).stderr
    assert "MongoDB lets this user not do this" in printed
