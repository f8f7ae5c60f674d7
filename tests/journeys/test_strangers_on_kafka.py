"""What is not yours looks, and takes, like what is not there (rule R1), for every type of message that Kafka brings."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from shared.contracts.messages import registry, structure
from shared.contracts.messages.common import Request
from shared.contracts.topics import OUTCOMES, REQUESTS, name
from tests.journeys.builders import add_member, new_structure
from tests.support.kafka import Partner, Reader, Seen
from tests.support.strangers import askable, data_of
from tests.support.system import KAFKA_AUDIENCE, System, until

WHO = ("sam", "marc", "facturier")
"""A stranger, somebody who was a member, and a technical account."""
ABSENT = 8_765_433
TYPES: Mapping[str, list[type[Request]]] = {owner: askable(requests) for owner, requests in registry.REQUESTS.items()}
CASES = [
    (owner, model, named, who)
    for owner, models in TYPES.items()
    for model in models
    for named in (("id", "identifier") if "structure" in model.model_fields else ("id",))
    for who in WHO
]


class Scenario:
    """A private structure with a history, and every request about it, and about nothing, that strangers sent."""

    def __init__(self, system: System, partner: Partner) -> None:
        record = new_structure(system)
        self.id = record["id"]
        path = f"/structures/{self.id}"
        add_member(system, self.id, "marc", "modification")
        with system.as_("alice") as alice:
            for number in range(3):
                alice.patch(path, json={"label": f"version {number}"})
            alice.delete(f"{path}/members/marc")
        with system.as_("marc") as marc:
            until(lambda: marc.get(path).status_code == 404, what="marc's membership ended")
            until(lambda: marc.patch(path, json={"label": "x"}).status_code == 404, what="known to the owner")
        identifier = record["identifier"]
        self.there = self._about(self.id, identifier, "alice")
        self.absent = self._about(ABSENT, {"type": "AUTRE", "value": "RIEN-DU-TOUT"}, "nobody-ever")
        tokens = {who: system.token(who, KAFKA_AUDIENCE) for who in WHO}
        self.sent: dict[Any, tuple[str, str]] = {}
        for owner, model, named, who in CASES:
            ids = [
                partner.submit(name(owner, REQUESTS), model.type, data_of(model, about[named]), tokens[who])
                for about in (self.there, self.absent)
            ]
            self.sent[owner, model, named, who] = (ids[0], ids[1])

    @staticmethod
    def _about(id_: int, identifier: Any, user: str) -> Mapping[str, Any]:
        named = {"id": {"id": id_}, "identifier": {"identifier": identifier}}
        return {how: {"structure": ref, "structure_id": id_, "user": user} for how, ref in named.items()}


@pytest.fixture(scope="module")
def outcomes(system: System) -> Iterator[Reader]:
    user, password = system.brokers.kafka_admin
    settings = {**system.partner(), "sasl.username": user, "sasl.password": password}
    reader = Reader(settings, *(name(owner, OUTCOMES) for owner in TYPES))
    yield reader
    reader.close()


@pytest.fixture(scope="module")
def scenario(system: System, partner: Partner, outcomes: Reader) -> Scenario:
    del outcomes  # The answers are read from before anything is sent.
    return Scenario(system, partner)


def _life(outcomes: Reader, request_id: str) -> list[Seen]:
    """Return all outcomes of a request, up to its refusal."""
    outcomes.until(lambda seen: seen.get("request_id") == request_id and seen.get("status") == "rejected")
    return [seen for seen in outcomes.seen if seen.get("request_id") == request_id]


def _plain(seen: Seen, request_id: str, id_: int, value: str, user: str) -> Any:
    """Return a message as it was published, with what it is about by one name, and without what is made up anew."""
    raw = seen["value"].decode()
    text = repr(
        (seen["topic"], seen["key"], sorted(seen["headers"].items()), json.dumps(json.loads(raw), sort_keys=True))
    )
    for one, label in ((request_id, "<request>"), (value, "<value>"), (user, "<user>")):
        text = text.replace(one, label)
    text = re.sub(rf"\b{id_}\b", "<id>", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "<instant>", text)
    return re.sub(r"00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]", "<traced>", text)


@pytest.mark.parametrize(("owner", "model", "named", "who"), CASES, ids=lambda v: v if isinstance(v, str) else v.type)
def test_a_refusal_of_what_is_not_theirs_is_one_of_what_is_not_there(
    scenario: Scenario, outcomes: Reader, owner: str, model: type[Request], named: str, who: str
) -> None:
    there, absent = (_life(outcomes, request_id) for request_id in scenario.sent[owner, model, named, who])
    of_there = scenario.there["identifier"]["structure"]["identifier"]["value"], "alice"
    ids = scenario.sent[owner, model, named, who]
    shown = [
        [_plain(seen, ids[0], scenario.id, *of_there) for seen in there],
        [_plain(seen, ids[1], ABSENT, "RIEN-DU-TOUT", "nobody-ever") for seen in absent],
    ]
    assert shown[0] == shown[1]
    administrators = owner == "manager" and "structure_id" not in model.model_fields
    code = "administrator_only" if administrators or model is structure.CorrectSphere else "structure_not_found"
    waits = [] if code == "administrator_only" else ["waiting_copy"]
    assert [seen["code"] for seen in there] == [*waits, code]
