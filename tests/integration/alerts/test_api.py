"""The API fails."""

import pytest

from tests.integration.alerts.conftest import Watched
from tests.support.prometheus import EVERY, Timeline, shows

pytestmark = pytest.mark.timeout(400)


@shows("ApiFails")
def test_the_gateway_has_lost_its_database(watched: Watched, timeline: Timeline) -> None:
    others = watched.scraped()
    with watched.system.as_("alice") as api, watched.without_rights_on_mongodb("gateway"):
        for _ in range(11 * 60 // EVERY):
            for _ in range(3):
                assert api.get("/structures/1").status_code == 503
            timeline.scrape({**others, **watched.scraped("gateway")})
    timeline.fires(ApiFails=[{}], besides=["ConsumerStandsStill"])
