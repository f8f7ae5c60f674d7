"""Whoever an issuer names as OpenID Connect lets it acts as anybody else does, by both channels, and is told apart."""

import itertools
import json
import os
from typing import Any
from urllib.parse import quote

import pytest

from tests.journeys.forge import Forge
from tests.support.kafka import Partner, Reader, of
from tests.support.system import KAFKA_AUDIENCE, System, until

MODIFY = "structure.modify.v1"
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def forge(system: System) -> Forge:
    return Forge(system)


@pytest.mark.parametrize(
    "subject", ["auth0|{}", "a {}", "https://idp.example/{}?y#z", "{}/../%2F", "$ref.{}", "é|{}|", "x" * 246 + "{}"]
)
def test_any_subject_makes_a_structure_has_a_team_and_takes_back_what_it_submitted(
    forge: Forge, partner: Partner, outcomes: Reader, subject: str
) -> None:
    user, guest = (subject.format(f"{kind}{os.getpid()}")[-255:] for kind in "ug")
    with forge.client(user) as own, forge.client(guest) as other:
        for client, name in ((own, user), (other, guest)):
            until(lambda c=client: "version" in c.get("/me").json(), what="known")  # type: ignore[misc]
            assert client.get("/me").json()["id"] == name
        identifier = {"type": "AUTRE", "value": f"S{os.getpid()}-{next(_numbers)}"}
        body = {"identifier": identifier, "name": "Exemple", "address": {"city": "Lyon"}}
        id_ = own.post("/structures", json=body).json()["reference"]["structure"]["id"]
        path = f"/structures/{id_}"
        until(lambda: own.get(f"{path}/members").status_code == 200, what="its team")
        member = f"{path}/members/{quote(guest, safe='')}"
        assert own.put(member, json={"profile": "modification"}).json()["code"] == "applied"
        until(lambda: other.get(path).json().get("role") == "modification", what="a member")

        request = other.patch(path, json={"label": "de l'invité"}).json()
        assert (request["status"], request["actor"]) == ("accepted", guest)
        again = other.patch(
            path, json={"label": "de l'invité"}, headers={"Idempotency-Key": request["request_id"]}
        ).json()
        assert (again["repeated"], again["request_id"]) == (True, request["request_id"])
        cancelled = own.post(f"/requests/{request['request_id']}/cancel", params={"actor": guest}).json()
        assert cancelled["code"] == "cancellation_done", "whoever could have made it may take it back"

        data = {"structure": {"id": id_}, "label": "par Kafka"}
        rid = partner.submit("structure.requests", MODIFY, data, forge.token(KAFKA_AUDIENCE, sub=guest))
        assert outcomes.until(of(rid, "accepted"), 60)["actor"] == guest
        assert outcomes.until(of(rid, "applied"), 60)["actor"] == guest
        until(lambda: own.get(path).json().get("label") == "par Kafka", what="its effect")
        until(lambda: _requests_of(own, path, guest) >= {rid, request["request_id"]}, what="its requests")

        assert own.delete(member).json()["code"] == "applied"
        until(lambda: other.get(path).status_code == 404, what="a member no more")


def _requests_of(client: Any, path: str, user: str) -> set[str]:
    return {r["request_id"] for r in client.get(f"{path}/requests", params={"actor": user}).json()["items"]}


def test_an_administrator_finds_whoever_it_is_and_says_what_they_have(system: System, forge: Forge) -> None:
    user = f"https://idp.example/{os.getpid()}|a b"
    named = quote(user, safe="")
    with forge.client(user) as own, system.as_("admin") as admin:
        until(lambda: "version" in own.get("/me").json(), what="known")
        assert admin.put(f"/users/{named}/pigp", json={"pigp": True}).json()["status"] == "applied"
        until(lambda: admin.get(f"/users/{named}").json()["pigp"] is True, what="published")
        assert admin.put(f"/users/{named}/active", json={"active": False}).json()["status"] == "applied"
        until(lambda: own.get("/me").status_code == 403, what="turned away")


def test_the_requests_of_two_are_distinguished_wherever_their_names_end(
    forge: Forge, partner: Partner, outcomes: Reader
) -> None:
    """Were a key parted at its first bar, `a|b` with the id `c` would be `a` with an id that nobody may choose."""
    mark = f"t{os.getpid()}"
    data: Any = {"structure": {"id": 8_999_999}, "label": "x"}
    for subject, request_id, code in (
        (f"{mark}|b", "c", "structure_not_found"),
        (mark, "c", "structure_not_found"),
        (mark, "b|c", "request_id_invalid"),
    ):
        token = forge.token(KAFKA_AUDIENCE, sub=subject)
        correlation = json.dumps([subject, request_id])
        headers = {"ce_correlationid": correlation.encode()}
        partner.submit("structure.requests", MODIFY, data, token, request_id=request_id, headers=headers)
        wanted = {"correlation_id": correlation, "status": "rejected"}  # Before, it waits for a copy that may lag.
        outcome = outcomes.until(lambda seen, wanted=wanted: wanted.items() <= seen.items(), 60)  # type: ignore[misc]
        assert (outcome["actor"], outcome["code"], outcome["repeated"]) == (subject, code, False)
