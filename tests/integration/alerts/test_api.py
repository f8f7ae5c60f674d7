"""The API fails, or its callers hear nothing."""

import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.integration.alerts.conftest import Watched
from tests.journeys.builders import new_structure
from tests.support.prometheus import EVERY, Timeline, shows

pytestmark = pytest.mark.timeout(400)


@shows("ApiFails")
def test_the_gateway_has_lost_its_database(watched: Watched, timeline: Timeline) -> None:
    others = watched.scraped()
    with watched.system.as_("alice") as api, watched.without_access_to_mongodb("gateway"):
        for _ in range(11 * 60 // EVERY):
            for _ in range(3):
                assert api.get("/structures/1").status_code == 503
            timeline.scrape({**others, **watched.scraped("gateway")})
    timeline.fires(ApiFails=[{}], besides=["ConsumerStandsStill"])


@shows("CallersAreRefused")
def test_somebody_goes_on_sending_what_is_no_request(watched: Watched, timeline: Timeline) -> None:
    others = watched.scraped()
    address = ("127.0.0.1", watched["gateway"].process.port)
    for _ in range(16 * 60 // EVERY):
        for _ in range(6 * EVERY):
            with socket.create_connection(address, timeout=10) as connection:
                connection.sendall(b"no request at all\r\n\r\n")
                assert connection.recv(12) == b"HTTP/1.1 501"
        timeline.scrape({**others, **watched.scraped("gateway")})
    timeline.fires(CallersAreRefused=[{"code": "method_unknown"}])


@shows("CallersGetNoDecision")
def test_an_owner_decides_nothing(watched: Watched, timeline: Timeline) -> None:
    path = f"/structures/{new_structure(watched.system)['id']}"
    with watched.system.as_("alice", wait=1) as api, watched.frozen("structure_svc"), ThreadPoolExecutor(8) as callers:
        answers = callers.map(lambda number: api.patch(path, json={"label": f"heard {number}"}), range(16))
        assert {(answer.status_code, answer.json()["status"]) for answer in answers} == {(202, "received")}
        timeline.scrape(watched.scraped(), minutes=1)
    timeline.fires(CallersGetNoDecision=[{}])
