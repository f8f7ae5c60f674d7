"""Other systems do not receive the outcomes of their requests."""

import pytest

from tests.integration.alerts.conftest import Watched
from tests.support.acls import Writing
from tests.support.kafka import Partner
from tests.support.prometheus import Timeline, shows
from tests.support.system import KAFKA_AUDIENCE, until

pytestmark = pytest.mark.timeout(400)

DENIED = 'structures_outcomes_unsent_total{why="denied"}'


@shows("PartnersGetNoOutcomes")
def test_an_owner_may_not_write_to_the_topic_of_a_partner(watched: Watched, timeline: Timeline) -> None:
    partner, token = Partner(watched.system.partner()), watched.system.token("facturier", KAFKA_AUDIENCE)
    writing = Writing(watched.system.brokers.kafka.admin_settings(), "structure_svc", "outcomes.facturier")
    writing.revoke()

    def is_denied() -> bool:  # The broker needs a moment to know.
        partner.submit("structure.requests", "structure.modify.v1", {"structure": {"id": 1}, "label": "x"}, token)
        return bool(watched.value("structure_svc", DENIED))

    try:
        until(is_denied, what="it is denied")
    finally:
        writing.grant()
    timeline.scrape(watched.scraped(), minutes=1)
    timeline.fires(PartnersGetNoOutcomes=[{}])
