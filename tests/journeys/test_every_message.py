"""Every message of a journey is what the published contract says: its channel, its headers, its body."""

import json
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from dev.contracts import FOLDER
from dev.run.clients import OUTCOMES
from tests.journeys.builders import add_member, new_structure
from tests.support.kafka import Partner, Reader, Seen, of
from tests.support.system import KAFKA_AUDIENCE, System

CHANNELS: dict[str, Any] = json.loads((FOLDER / "asyncapi.json").read_text(encoding="utf-8"))["channels"]
DELAY, PUBLISHED_DELAY = "delay.2s.v1", "delay.30m.v1"
NOTHING_LATER = "manager.due"
"""Nothing of a team takes effect later yet."""
PUBLISHED = {DELAY: PUBLISHED_DELAY, OUTCOMES: "outcomes.{client}"}
"""What topics of this system are called in the contract, where that is another name."""
_HERE = {published: topic for topic, published in PUBLISHED.items()}
TOPICS = [
    _HERE.get(topic, topic) for topic, channel in CHANNELS.items() if channel["messages"] and topic != NOTHING_LATER
]


@cache
def _schema(reference: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads((FOLDER / reference).read_text(encoding="utf-8")))


def _wrong(seen: Seen) -> list[str]:
    """Return what the contract has against a message."""
    channel = CHANNELS[PUBLISHED.get(str(seen["topic"]), str(seen["topic"]))]
    headers, body = seen["headers"], json.loads(seen["value"])
    # A topic of records has several kinds of message, distinguished by what they are.
    kinds = [m for m in channel["messages"].values() if Draft202012Validator(m["headers"]).is_valid(headers)]
    wrong = [[error.message for error in _schema(kind["payload"]["$ref"]).iter_errors(body)] for kind in kinds]
    if [] in wrong:
        return []
    return [f"{seen['topic']} {headers.get('ce_type')}", *(error for errors in wrong for error in errors)]


def test_every_message_of_a_journey_is_as_published(system: System, partner: Partner) -> None:
    name, password = system.brokers.kafka_admin
    reader = Reader({**system.partner(), "sasl.username": name, "sasl.password": password}, *TOPICS)
    try:
        structure = new_structure(system)
        path = f"/structures/{structure['id']}"
        add_member(system, structure["id"], "marc", "consultation")
        with system.as_("alice") as api:
            assert api.get("/insee/00010001600013").status_code == 200
            assert api.post(f"{path}/deactivate").is_error
            assert api.patch(path, json={"email": "pas une adresse"}).status_code == 422
            cancelled = api.patch(path, json={"label": "annulé"}).json()["request_id"]
            assert api.post(f"/requests/{cancelled}/cancel").status_code == 202
            assert api.put(f"{path}/members/marc", json={"profile": "modification"}).status_code == 202
            assert api.delete(f"{path}/members/marc").status_code == 202
        token = system.token("alice", KAFKA_AUDIENCE)
        data = {"structure": {"id": structure["id"]}, "name": "Changée", "email": "accueil@example.fr"}
        request = partner.submit("structure.requests", "structure.modify.v1", data, token)
        applied = reader.until(of(request, "applied"))
        reader.until(lambda s: s["topic"] == "structure.state" and s.get("version") == applied["version"])
        assert {seen["topic"] for seen in reader.seen} == set(TOPICS)
        assert [wrong for seen in reader.seen if (wrong := _wrong(seen))] == []
    finally:
        reader.close()
