"""Processes that are gone, that start again and again, that miss Kafka, and owners of which none sweeps."""

import signal

import pytest

from shared.contracts.topics import OWNERS, PROCESSES
from tests.integration.alerts.conftest import Watched
from tests.integration.gateway.test_brokers_away import frozen
from tests.journeys.builders import new_structure
from tests.support.prometheus import Timeline, shows
from tests.support.system import until

pytestmark = pytest.mark.timeout(400)

STRUCTURE = 'structures_overdue_changes{owner="structure"}'


@shows("ProcessIsMissing")
@pytest.mark.parametrize("process", PROCESSES)
def test_the_only_process_of_a_kind_answers_no_more(watched: Watched, timeline: Timeline, process: str) -> None:
    with watched.frozen(process):
        timeline.scrape(watched.scraped(), minutes=3)
    timeline.fires(
        ProcessIsMissing=[{"process": process}],
        NobodySweeps=[{"owner": owner} for owner, its in OWNERS.items() if its == process],
    )


@shows("ProcessRestarts")
def test_a_process_ends_again_and_again(watched: Watched, timeline: Timeline) -> None:
    for _ in range(3):
        watched["insee_adapter"].send(signal.SIGTERM)
        watched["insee_adapter"].join()
        timeline.scrape(watched.scraped(), minutes=0.5)
        watched["insee_adapter"].start()
        watched.system.supervisor.wait_ready(["insee_adapter"])
        timeline.scrape(watched.scraped(), minutes=1)
    timeline.fires(ProcessRestarts=[{"instance": "insee_adapter", "job": "structures"}])


@shows("ProcessHasProblems", "DelayIsLate")
def test_kafka_answers_nobody(watched: Watched, timeline: Timeline) -> None:
    structure = new_structure(watched.system)
    with watched.system.as_("alice") as api:
        assert api.patch(f"/structures/{structure['id']}", json={"label": "late"}).status_code == 202
    with frozen(watched.system.brokers.kafka):
        until(lambda: (watched.value("delay_svc", "delay_head_age_seconds") or 0) > 5, 60, what="it is late")
        timeline.scrape(watched.scraped(), minutes=6)
        assert watched.problems("delay_svc") == ["kafka: TimeoutError"]
        gateway = watched.get("gateway", "/ready")
        assert gateway is not None
        assert (gateway.status_code, gateway.json()["problems"]) == (200, ["kafka: TimeoutError"])
    timeline.fires(
        ProcessHasProblems=[{"process": name, "instance": name, "job": "structures"} for name in PROCESSES],
        DelayIsLate=[{}],
        besides=["ChangesAreLate"],
    )
    with watched.system.as_("alice") as api:
        until(lambda: api.get(f"/structures/{structure['id']}").json().get("label") == "late", 60, what="it is applied")


@shows("NobodySweeps")
def test_a_lease_that_nobody_can_take(watched: Watched, timeline: Timeline) -> None:
    leases = watched.databases["structure_svc"]["leases"]
    in_the_way = {"holder": "a clock that was wrong", "until": {"$add": ["$$NOW", 86_400_000]}}
    leases.update_one({"_id": "sweeper:structure"}, [{"$set": in_the_way}])
    try:
        until(lambda: watched.value("structure_svc", STRUCTURE) is None, what="it counts no more")
        timeline.scrape(watched.scraped(), minutes=3)
    finally:
        leases.delete_one({"_id": "sweeper:structure"})
    timeline.fires(NobodySweeps=[{"owner": "structure"}])


def test_only_whoever_holds_the_lease_exposes_what_is_late(watched: Watched) -> None:
    second = watched.system.replica("structure_svc").name
    try:
        watched.system.supervisor.wait_ready([second])
        assert watched.value(second, STRUCTURE) is None
        with watched.frozen("structure_svc"):
            until(lambda: watched.value(second, STRUCTURE) == 0, 40, what="the other takes the lease")
        until(lambda: watched.value("structure_svc", STRUCTURE) is None, what="the first exposes nothing any more")
        assert watched.value("structure_svc", 'structures_waiting_requests{owner="structure"}') is None
        assert watched.value(second, STRUCTURE) == 0
    finally:
        watched.system.supervisor.remove(second)
