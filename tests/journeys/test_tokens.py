"""Callers are authenticated by both channels: the same tokens on Kafka and over HTTP, and none is ever written down."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from confluent_kafka import Consumer, KafkaError, TopicPartition
from joserfc.jwk import ECKey
from pymongo import MongoClient

from shared.contracts import topics
from tests.journeys.builders import add_member, new_structure
from tests.journeys.forge import Forge
from tests.support.kafka import Partner, Reader, of
from tests.support.system import KAFKA_AUDIENCE, System, until

HTTP_AUDIENCE = "structures-http"
TOPIC, MODIFY = "structure.requests", "structure.modify.v1"


@pytest.fixture(scope="module")
def forge(system: System) -> Forge:
    return Forge(system)


def _stranger() -> ECKey:
    return ECKey.generate_key("P-256", private=True)


def _with_public_key(forge: Forge, audience: str) -> str:
    return forge.token(audience, forge.key.as_pem(private=False), {"alg": "HS256"})


TOKENS: dict[str, tuple[str, Callable[[Forge, str], str]]] = {
    "signed by a stranger": ("token_invalid", lambda f, a: f.token(a, _stranger())),
    "alg none": ("token_invalid", lambda f, a: f.token(a, header={"alg": "none"})),
    "HMAC with what is public": ("token_invalid", _with_public_key),
    "of another issuer": ("token_invalid", lambda f, a: f.token(a, iss="https://elsewhere.example")),
    "for the other channel": (
        "token_audience",
        lambda f, a: f.token(KAFKA_AUDIENCE if a == HTTP_AUDIENCE else HTTP_AUDIENCE),
    ),
    "expired": ("token_expired", lambda f, a: f.token(a, exp=int(time.time()) - 60)),
    "not yet valid": ("token_invalid", lambda f, a: f.token(a, nbf=int(time.time()) + 600)),
    "with a made-up key": ("token_invalid", lambda f, a: f.token(a, header={"kid": "made-up"})),
    "whose subject is not seen whole": ("token_invalid", lambda f, a: f.token(a, sub="alice\u200b")),
    "that never ends": ("token_invalid", lambda f, a: f.token(a, exp=10**15)),
}


@pytest.mark.parametrize("name", TOKENS)
def test_a_token_that_authenticates_nobody_is_refused_by_both_channels(
    system: System, partner: Partner, every_outcome: Reader, structure: dict[str, Any], forge: Forge, name: str
) -> None:
    code, make = TOKENS[name]
    data = {"structure": {"id": structure["id"]}, "label": "jamais"}
    rid = partner.submit(TOPIC, MODIFY, data, make(forge, KAFKA_AUDIENCE))
    outcome = every_outcome.until(of(rid, "rejected"), 60)
    assert (outcome["code"], outcome["recorded"], outcome["actor"]) == (code, False, "")
    headers = {"Authorization": f"Bearer {make(forge, HTTP_AUDIENCE)}"}
    path = f"{system.api}/structures/{structure['id']}"
    for answer in (
        httpx2.get(path, headers=headers, timeout=40),
        httpx2.patch(path, headers=headers, json={"label": "jamais"}, timeout=40),
    ):
        assert (answer.status_code, answer.json()["code"]) == (401, code)
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    with system.as_("alice") as api:
        assert api.get(f"/structures/{structure['id']}").json().get("label") != "jamais"


def test_two_tokens_in_one_call_are_none(system: System, structure: dict[str, Any]) -> None:
    path = f"{system.api}/structures/{structure['id']}"
    headers = [("Authorization", f"Bearer {system.token(who)}") for who in ("alice", "sam")]
    assert httpx2.get(path, headers=headers[:1], timeout=40).status_code == 200
    assert httpx2.get(path, headers=headers, timeout=40).json()["code"] == "token_invalid"


@pytest.mark.slow
def test_a_request_that_waited_is_not_refused_for_having_waited(
    system: System, partner: Partner, outcomes: Reader, structure: dict[str, Any], forge: Forge
) -> None:
    owner = system.supervisor["structure_svc"]
    owner.send(signal.SIGSTOP)
    try:
        ends = int(time.time()) + 8
        token = forge.token(KAFKA_AUDIENCE, exp=ends)
        data = {"structure": {"id": structure["id"]}, "label": "attendue"}
        rid = partner.submit(TOPIC, MODIFY, data, token)
        until(lambda: time.time() > ends + 6, 60, what="the end of the token, and five seconds of leeway")
    finally:
        owner.send(signal.SIGCONT)
    assert outcomes.until(of(rid, "accepted"), 90)
    late = partner.submit(TOPIC, MODIFY, data, token)
    assert outcomes.until(of(late, "rejected"), 90)["code"] == "token_expired"


def test_a_technical_account_acts_for_itself_and_the_gateway_for_whom_it_has_authenticated(
    system: System, partner: Partner, outcomes: Reader, every_outcome: Reader
) -> None:
    structure = new_structure(system)
    data = {"structure": {"id": structure["id"]}, "label": "Facturier"}
    own = system.token("facturier", KAFKA_AUDIENCE)
    rid = partner.submit(TOPIC, MODIFY, data, own)
    assert outcomes.until(of(rid, "rejected"), 60)["code"] == "structure_not_found"
    with system.as_("facturier") as api:
        until(lambda: api.get("/me").json().get("kind") == "technical", what="the account known")
    add_member(system, structure["id"], "facturier", "modification")
    rid = partner.submit(TOPIC, MODIFY, {**data, "label": "Facturier, membre"}, own)
    assert outcomes.until(of(rid, "accepted"), 60)["actor"] == "facturier"

    borrowed = {"ce_actor": b"alice", "ce_actorscope": b"structures:admin", "ce_actorkind": b"person"}
    rid = partner.submit(TOPIC, MODIFY, {**data, "label": "emprunt"}, own, headers=borrowed)
    assert outcomes.until(of(rid, "rejected"), 60)["code"] == "act_for_forbidden"
    trusted = system.token("gateway", KAFKA_AUDIENCE)
    rid = partner.submit(TOPIC, MODIFY, {**data, "label": "pour Alice"}, trusted, headers={"ce_actor": b"alice"})
    assert every_outcome.until(of(rid, "accepted"), 60)["actor"] == "alice"
    assert rid not in {seen.get("request_id") for seen in outcomes.seen}
    rid = partner.submit(TOPIC, MODIFY, {**data, "label": "x"}, trusted, headers={"ce_actor": "alice\u200b".encode()})
    assert every_outcome.until(of(rid, "rejected"), 60)["code"] == "token_invalid"


def test_an_issuer_that_is_away_makes_requests_wait_and_loses_none(
    system: System, partner: Partner, outcomes: Reader, structure: dict[str, Any], forge: Forge
) -> None:
    """A key nobody has met yet, so that the issuer is needed: it was rotated just before the issuer went away."""
    httpx2.post(f"{system.issuer}/keys/rotate", timeout=20).raise_for_status()
    token = forge.token(KAFKA_AUDIENCE)
    issuer, log = system.supervisor["issuer"], system.settings.run_data / "logs" / "structure_svc.log"
    before = log.stat().st_size
    issuer.stop()
    issuer.join()
    try:
        sent = [
            partner.submit(TOPIC, MODIFY, {"structure": {"id": structure["id"]}, "label": f"sans émetteur {n}"}, token)
            for n in range(5)
        ]
        own = {"Authorization": f"Bearer {forge.token(HTTP_AUDIENCE)}"}
        path = f"{system.api}/structures/{structure['id']}"
        assert httpx2.get(path, headers=own, timeout=60).json()["code"] == "unavailable"
        until(lambda: _retries(log, before), 60, what="the batch tried again")
    finally:
        issuer.start()
        system.supervisor.wait_ready(["issuer"])
    for rid in sent:
        assert outcomes.until(of(rid, "accepted"), 120)
    assert httpx2.get(path, headers=own, timeout=60).status_code == 200


def _retries(log: Path, before: int) -> bool:
    return b'"error": "Transient", "attempt"' in log.read_bytes()[before:]


def test_a_key_withdrawn_while_a_process_was_down_still_authenticates_what_came_before(
    system: System, partner: Partner, outcomes: Reader, structure: dict[str, Any], forge: Forge
) -> None:
    token, owner = forge.token(KAFKA_AUDIENCE), system.supervisor["structure_svc"]
    first = partner.submit(TOPIC, MODIFY, {"structure": {"id": structure["id"]}, "label": "avant"}, token)
    assert outcomes.until(of(first, "accepted"), 60)
    owner.stop()
    owner.join()
    rid = partner.submit(TOPIC, MODIFY, {"structure": {"id": structure["id"]}, "label": "pendant"}, token)
    httpx2.post(f"{system.issuer}/keys/rotate", params={"withdraw": True}, timeout=20).raise_for_status()
    owner.start()
    system.supervisor.wait_ready(["structure_svc"])
    assert outcomes.until(of(rid, "accepted"), 90), "its key is in MongoDB, and no longer at the issuer"
    new = partner.submit(
        TOPIC, MODIFY, {"structure": {"id": structure["id"]}, "label": "après"}, forge.token(KAFKA_AUDIENCE)
    )
    assert outcomes.until(of(new, "accepted"), 60)


def test_no_token_is_written_anywhere(
    system: System, partner: Partner, outcomes: Reader, structure: dict[str, Any], forge: Forge
) -> None:
    """Not in a topic of answers, in a dead letter, in MongoDB or a log: of tokens accepted, refused and put aside."""
    label = {"structure": {"id": structure["id"]}, "label": f"trace {os.getpid()}"}
    good, bad = forge.token(KAFKA_AUDIENCE), forge.token(KAFKA_AUDIENCE, exp=5)
    submitted = [
        (partner.submit(TOPIC, MODIFY, label, good), "accepted"),
        (partner.submit(TOPIC, MODIFY, {"structure": 1}, good), "rejected"),
        (partner.submit(TOPIC, MODIFY, label, bad), "rejected"),
        (partner.submit(TOPIC, MODIFY, {"x": 1}, good, headers={"other": f"bearer {good}".encode()}), "rejected"),
    ]
    partner.send(TOPIC, b"rubbish", {"Authorization": f"Bearer {good}".encode(), "ce_type": MODIFY.encode()})
    for rid, status in submitted:
        assert outcomes.until(of(rid, status), 60)
    with system.as_("alice") as api:
        api.get(f"/structures/{structure['id']}", headers={"Authorization": f"Bearer {bad}"})
    everything = b"".join(_written(system))
    assert b"trace" in everything, "what was submitted is found, so tokens would be"
    for token in (good, bad):
        assert token.encode() not in everything
        assert token.rpartition(".")[2].encode() not in everything
    assert b".eyJ" not in everything, "nor any other token: the gateway's own is one"


def _written(system: System) -> Iterator[bytes]:
    """All that processes wrote: logs, topics save those of requests, databases."""
    for log in Path(system.settings.run_data / "logs").iterdir():
        yield log.read_bytes()
    name, password = system.brokers.kafka_admin
    settings = {**system.partner(), "sasl.username": name, "sasl.password": password}
    yield from _records(settings)
    for service in ("structure_svc", "manager_svc", "gateway", "insee_adapter"):
        client: MongoClient[Any] = MongoClient(system.brokers.service_mongo_uri(service))
        with client:
            database = client[service]
            for collection in database.list_collection_names(
                filter={"type": "collection", "name": {"$not": {"$regex": "^system"}}}
            ):
                for document in database[collection].find():
                    yield json.dumps(document, default=str).encode()


def _records(settings: dict[str, Any]) -> Iterator[bytes]:
    """Read every topic from its beginning to its end, save those of requests, to be decided on as they came."""
    consumer = Consumer(
        {**settings, "group.id": "admin.scan", "enable.auto.commit": False, "enable.partition.eof": True}
    )
    described = consumer.list_topics(timeout=30).topics
    suffixes = (topics.REQUESTS, topics.RETRIES)
    ours = [topic for topic in described if not topic.endswith(suffixes) and not topic.startswith("__")]
    places = [TopicPartition(topic, p, 0) for topic in ours for p in described[topic].partitions]
    consumer.assign(places)
    left, end = len(places), time.monotonic() + 90
    while left:
        assert time.monotonic() < end, f"{left} partitions were not read to their end"
        record = consumer.poll(0.5)
        if record is None:
            continue
        if record.error():
            assert record.error().code() == KafkaError._PARTITION_EOF
            left -= 1
            continue
        headers = b"".join(name.encode() + (value or b"") for name, value in record.headers() or ())
        yield (record.value() or b"") + (record.key() or b"") + headers
    consumer.close()
