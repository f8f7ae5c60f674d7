"""INSEE fails, and look-ups are not answered."""

import httpx2
import pytest

from dev.insee.units import made_up_siret
from tests.integration.alerts.conftest import Watched
from tests.support.prometheus import Timeline, shows
from tests.support.system import until

pytestmark = pytest.mark.timeout(400)

SIRETS = [made_up_siret(number) for number in range(900, 904)]


@shows("InseeIsAway", "LookUpsAreOld")
def test_insee_fails_and_look_ups_wait(watched: Watched, timeline: Timeline) -> None:
    simulator = f"http://127.0.0.1:{watched['insee'].process.port}/_simulator"
    look_ups = watched.databases["insee_adapter"]["look_ups"]
    httpx2.put(f"{simulator}/fault", json={"kind": "503"}).raise_for_status()
    try:
        with watched.system.as_("alice", wait=None) as api:
            for siret in SIRETS:
                body = {"identifier": {"type": "SIRET", "value": siret}}
                assert api.post("/structures", json=body).status_code == 202
        until(lambda: watched.value("insee_adapter", "structures_insee_breaker_open") == 1, 60, what="it is left alone")
        until(lambda: watched.value("insee_adapter", "structures_insee_look_ups") == len(SIRETS), what="the count")
        timeline.scrape(watched.scraped(), minutes=11)
        timeline.fires(InseeIsAway=[{}])
        a_while_ago = {"asked_at": {"$subtract": ["$asked_at", 20 * 60_000]}}
        look_ups.update_many({}, [{"$set": a_while_ago}])
        until(lambda: (watched.value("insee_adapter", "structures_insee_oldest_seconds") or 0) > 1_200, what="the age")
        timeline.scrape(watched.scraped(), minutes=6)
        timeline.fires(InseeIsAway=[{}], LookUpsAreOld=[{}])
    finally:
        httpx2.delete(f"{simulator}/fault").raise_for_status()
    until(lambda: look_ups.estimated_document_count() == 0, 90, what="every look-up is answered")
