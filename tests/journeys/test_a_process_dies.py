"""`kill -9` of any one process while a request is under way: nothing is lost, and the process started again goes on."""

import signal

import httpx2
import pytest

from tests.journeys.builders import new_structure
from tests.support.system import System, until


@pytest.mark.parametrize("victim", ["structure_svc", "delay_svc", "manager_svc", "gateway"])
def test_a_request_survives_the_death_of_a_process(system: System, victim: str) -> None:
    structure = new_structure(system)
    path = f"/structures/{structure['id']}"
    with system.as_("alice", wait=None) as api:
        sent = [api.patch(path, json={"label": f"{victim} {number}"}).json()["request_id"] for number in range(5)]
        system.supervisor[victim].send(signal.SIGKILL)
        system.supervisor[victim].join()
        system.supervisor[victim].start()
        system.supervisor.wait_ready([victim])
        until(lambda: all(_status(api, request_id) == "applied" for request_id in sent), 60, what="all applied")
        until(lambda: api.get(path).json()["label"] == f"{victim} 4", what="the last label")
        made = api.get(f"{path}/requests", params={"size": 100}).json()["items"]
        assert sorted(r["request_id"] for r in made if r["type"] == "structure.modify.v1") == sorted(sent)


def _status(api: httpx2.Client, request_id: str) -> object:
    return api.get(f"/requests/{request_id}").json().get("status")
