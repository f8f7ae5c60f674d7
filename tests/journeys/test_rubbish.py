"""Rubbish from another system: a clear answer, or a dead letter with its reason, and the same partition goes on."""

import gzip
import itertools
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest

from dev.run.clients import OUTCOMES
from tests.support.kafka import Partner, Reader, of
from tests.support.kcat import Kcat
from tests.support.system import KAFKA_AUDIENCE, System

TOPIC, KEY = "structure.requests", b"rubbish"
MODIFY = "structure.modify.v1"
HUGE = 600_000
_numbers = itertools.count(1)
Clients = Mapping[str | None, Partner]


@dataclass(frozen=True)
class Case:
    """A message, and what must come of it: the code of its outcome, the code of its dead letter, or None.

    `headers` come on top of the usual ones, or in the place of one; `...` leaves one out.
    """

    value: bytes | None = b"{}"
    headers: Mapping[str, Any] = field(default_factory=dict)
    outcome: str | None = None
    dead_letter: str | None = None
    doubled: Sequence[tuple[str, bytes]] = ()
    codec: str | None = None
    key: bytes = KEY


def body(value: Any) -> bytes:
    return json.dumps(value).encode()


def structured(event: Any, kind: bytes = b"application/cloudevents+json") -> Mapping[str, Any]:
    headers = {"ce_type": ..., "ce_id": ..., "content-type": kind}
    return {"value": body(event), "headers": headers}


UNREADABLE: dict[str, Case] = {
    "no text": Case(b"\xff\xfe\x00"),
    "text": Case(b"hello"),
    "half an object": Case(b'{"structure": {'),
    "packed by hand": Case(gzip.compress(b"{}")),
    "with a byte order mark": Case(b"\xef\xbb\xbf{}"),
    "not a number": Case(b'{"structure": {"id": NaN}}'),
    "a number beyond all bits": Case(b'{"structure": {"id": 1e400}}'),
    "half a character": Case(b'{"label": "\\ud83d"}'),
    "nested a hundred thousand deep": Case(b"[" * 100_000 + b"]" * 100_000),
    "as large as can be sent": Case(b'"' + b"a" * 1_040_000, {"ce_type": ...}),
    "many megabytes in a small batch": Case(b'"' + b"a" * 9_000_000, codec="gzip"),
    "a hundred megabytes in a tiny batch": Case(b"0" * 100_000_000, codec="zstd"),
}
EMPTY = {"nothing": Case(None), "no bytes": Case(b"")}
UNTYPED = {
    "no type": Case(headers={"ce_type": ...}),
    "an empty type": Case(headers={"ce_type": b""}),
    "a type that is no text": Case(headers={"ce_type": b"\xff"}),
    "structured without a type": Case(**structured({"specversion": "1.0", "id": "x", "data": {}})),
    "structured with a type that is no text": Case(**structured({"specversion": "1.0", "type": 1})),
}
MISNAMED = {
    "headers as over HTTP": Case(headers={"ce_type": ..., "ce_id": ..., "ce-type": MODIFY.encode(), "ce-id": b"x"}),
}
BATCHES = {
    "a batch": Case(**structured([{"specversion": "1.0", "type": MODIFY}], b"application/cloudevents-batch+json"))
}
OF_ANOTHER_VERSION = {"version 0.3": Case(headers={"ce_specversion": b"0.3"})}
NO_DATA = {"base64 of no JSON": Case(**structured({"specversion": "1.0", "type": MODIFY, "data_base64": "e30="[:3]}))}
NO_JSON = {"Avro": Case(b"\x00", headers={"content-type": b"application/avro"})}
INVALID = {
    **{f"body {text}": Case(text.encode()) for text in ("[]", '"text"', "1", "null", "true", '[{"structure": 1}]')},
    "no structure": Case(b"{}"),
    "a number for an object": Case(b'{"structure": 1}'),
    "two names of the structure": Case(body({"structure": {"id": 1, "identifier": {"type": "AUTRE", "value": "x"}}})),
    "an id beyond 64 bits": Case(body({"structure": {"id": 2**64}})),
    "an id beyond 63 bits": Case(body({"structure": {"id": 2**63}})),
    "an id that not every reader can hold": Case(body({"structure": {"id": 2**53}})),
    "an id that is true": Case(body({"structure": {"id": True}})),
    "an id in words": Case(body({"structure": {"id": "1"}})),
    "an id with a fraction": Case(b'{"structure": {"id": 1.0}}'),
    "a box that is a word": Case(body({"structure": {"id": 1}, "parameters": {"moa": "true"}})),
    "a text with a NUL": Case(body({"structure": {"id": 1}, "label": "a\x00b"})),
    "a text that turns around": Case(body({"structure": {"id": 1}, "label": "a\u202eb"})),
    "an id below one": Case(body({"structure": {"id": -1}})),
    "objects nested nine hundred deep": Case(b'{"structure":' * 900 + b"1" + b"}" * 900),
    "a field with a huge name": Case(body({"x" * HUGE: 1})),
    "ten thousand unknown fields": Case(body({f"field{n}": 1 for n in range(10_000)})),
    "a huge text": Case(body({"structure": {"id": 1}, "label": "x" * HUGE})),
    "ten thousand attachments": Case(
        body(
            {
                "structure": {"id": 1},
                "billing_mandate": {
                    "mandatary": {"type": "AUTRE", "value": "x"},
                    "start": "2026-01-01",
                    "attachments": ["a" * 50] * 10_000,
                },
            }
        )
    ),
    "data that is text": Case(**structured({"specversion": "1.0", "type": MODIFY, "data": "{}"})),
    "no data": Case(**structured({"specversion": "1.0", "type": MODIFY})),
    "data that is a list": Case(**structured({"specversion": "1.0", "type": MODIFY, "data": []})),
}
UNKNOWN = {
    "an unknown type": Case(headers={"ce_type": b"structure.explode.v1"}),
    "a version to come": Case(headers={"ce_type": b"structure.modify.v2"}),
    "another owner's type": Case(headers={"ce_type": b"membership.set.v1"}),
    "a type in capitals": Case(headers={"ce_type": MODIFY.upper().encode()}),
    "a huge type": Case(headers={"ce_type": b"t" * HUGE}),
}
UNNAMED = {
    f"id {id_[:12]!r}": Case(headers={"ce_id": id_.encode()})
    for id_ in ("a b", "a|b", "x" * 101, "é", "a\x00b", "i" * HUGE, "../x", "a\nb")
}
UNPROVED = {
    "no token": ("token_missing", Case(headers={"authorization": ...})),
    "a token that is no text": ("token_missing", Case(headers={"authorization": b"\xff\xfe"})),
    "two tokens": ("token_invalid", Case(doubled=[("authorization", b"Bearer a.b.c")])),
    "a huge token": ("token_invalid", Case(headers={"authorization": b"Bearer " + b"a" * HUGE})),
    "acting for another": ("act_for_forbidden", Case(headers={"ce_actor": b"marc"})),
}

REFUSED: dict[str, Case] = {}
for cases, code in (
    (UNREADABLE, "message_unreadable"),
    (EMPTY, "message_empty"),
    (UNTYPED, "message_type_missing"),
    (MISNAMED, "message_headers_misnamed"),
    (BATCHES, "message_batch"),
    (OF_ANOTHER_VERSION, "message_version_unsupported"),
    (NO_DATA, "message_data_unreadable"),
    (NO_JSON, "media_type_unsupported"),
    (INVALID, "invalid_request"),
    (UNKNOWN, "unsupported_type"),
    (UNNAMED, "request_id_invalid"),
):
    for name, case in cases.items():
        # What is not unpacked has no token either: nobody can be answered.
        REFUSED[name] = Case(**{**vars(case), "outcome": None if case.codec == "zstd" else code, "dead_letter": code})
for name, (code, case) in UNPROVED.items():
    REFUSED[name] = Case(**{**vars(case), "outcome": code})


class Sent:
    """What was sent, to be recognised by its correlation."""

    def __init__(self, system: System, clients: Clients, case: Case) -> None:
        self.mark = f"case-{os.getpid()}-{next(_numbers)}"
        usual = {
            "ce_id": self.mark.encode(),
            "ce_type": MODIFY.encode(),
            "ce_correlationid": self.mark.encode(),
            "correlationid": self.mark.encode(),
            "authorization": f"Bearer {system.token('alice', KAFKA_AUDIENCE)}".encode(),
        }
        headers = [(name, value) for name, value in {**usual, **case.headers}.items() if value is not ...]
        clients[case.codec].send(TOPIC, case.value, [*headers, *case.doubled], case.key)

    def answered(self, seen: Mapping[str, Any]) -> bool:
        return seen.get("correlation_id") == self.mark


@pytest.fixture(scope="module")
def clients(system: System) -> Clients:
    """Clients without a limit of their own, by how they compress."""
    settings = {**system.partner(), "message.max.bytes": 200_000_000}
    return {codec: Partner({**settings, "compression.codec": codec or "none"}) for codec in (None, "gzip", "zstd")}


@pytest.fixture(scope="module")
def dead_letters(system: System) -> Iterator[Reader]:
    operator = {**system.partner(), "sasl.username": "ops", "sasl.password": system.brokers.password("kafka/ops")}
    reader = Reader(operator, "structure_svc.dlq")
    yield reader
    reader.close()


@pytest.fixture
def goes_on(system: System, partner: Partner, outcomes: Reader, structure: dict[str, Any]) -> Iterator[None]:
    """After the test a request on the same partition is accepted, by the process that was there before."""
    before = system.supervisor["structure_svc"].pid
    yield
    token = system.token("alice", KAFKA_AUDIENCE)
    data = {"structure": {"id": structure["id"]}, "label": f"après {next(_numbers)}"}
    rid = partner.submit(TOPIC, MODIFY, data, token, key=KEY)
    assert outcomes.until(of(rid, "accepted"), 60)
    assert system.supervisor["structure_svc"].pid == before
    live = httpx2.get(f"http://127.0.0.1:{system.settings.structure_svc_port}/live", timeout=30).json()
    assert live == {"ok": True, "problems": []}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.usefixtures("goes_on")
def test_rubbish_stops_nothing_but_itself(
    system: System, clients: Clients, outcomes: Reader, every_outcome: Reader, dead_letters: Reader, name: str
) -> None:
    case = REFUSED[name]
    sent = Sent(system, clients, case)
    if case.outcome:
        outcome = every_outcome.until(sent.answered, 60)
        assert (outcome["status"], outcome["code"], outcome["recorded"]) == ("rejected", case.outcome, False)
        assert outcome["message"]
        assert len(outcome["value"]) < 50_000, "what was huge comes back as an excerpt"
        if not case.outcome.startswith("token_"):  # Whose token it is, is known: its client receives the same.
            assert outcomes.until(sent.answered, 60)["value"] == outcome["value"]
    if case.dead_letter:
        dead_letter = dead_letters.until(lambda seen: _is(seen, case, sent.mark), 60)
        assert dead_letter["headers"]["dlq_code"] == case.dead_letter
        assert dead_letter["headers"]["dlq_reason"]
        assert "authorization" not in dead_letter["headers"]


def _is(seen: Mapping[str, Any], case: Case, mark: str) -> bool:
    headers = seen["headers"]
    # Of a batch too large to be unpacked nothing is known but its place: no other case comes that way.
    unpacked = headers.get("correlationid") == mark
    return unpacked or (case.codec == "zstd" and "left-out" in headers)


MARKED = {
    "a header that is no text": Case(headers={"x": b"\xff\xfe", "ce_x": b"\xff", "empty": b""}),
    "twenty thousand headers": Case(doubled=[(f"h{n}", b"x") for n in range(20_000)]),
    "a huge correlation": Case(headers={"ce_correlationid": b"c" * HUGE}),
    "a huge trace": Case(headers={"traceparent": b"00-" + b"0" * HUGE}),
    "the same token twice": Case(doubled=[("Authorization", b"")]),
    "an id twice": Case(doubled=[("CE_ID", b"")]),
    "another content type": Case(headers={"content-type": b"text/plain"}),
    "a key that is no text": Case(key=b"\xff\x00\xfe"),
    "a huge key": Case(key=b"k" * HUGE),
    "forged headers of a dead letter": Case(headers={"dlq_actor": b"admin", "left-out": b"x"}),
}


@pytest.mark.parametrize("name", MARKED)
@pytest.mark.usefixtures("goes_on")
def test_what_is_odd_and_can_be_understood_is_accepted(
    system: System, clients: Clients, outcomes: Reader, structure: dict[str, Any], name: str
) -> None:
    case, rid = MARKED[name], f"odd-{os.getpid()}-{next(_numbers)}"
    token = f"Bearer {system.token('alice', KAFKA_AUDIENCE)}".encode()
    usual = {"ce_id": rid.encode(), "ce_type": MODIFY.encode(), "authorization": token}
    again = {"Authorization": token, "CE_ID": rid.encode()}
    doubled = [(header, value or again.get(header, b"")) for header, value in case.doubled]
    data = body({"structure": {"id": structure["id"]}, "label": f"drôle {next(_numbers)}"})
    clients[None].send(TOPIC, data, [*{**usual, **case.headers}.items(), *doubled], case.key)
    assert outcomes.until(of(rid, "accepted"), 60)["correlation_id"] == rid
    assert outcomes.until(of(rid, "applied"), 60)


@pytest.mark.usefixtures("goes_on")
def test_a_header_whose_very_name_is_no_text(
    system: System, kcat: Kcat, outcomes: Reader, structure: dict[str, Any]
) -> None:
    """Kafka lets it through, and most clients can neither write nor read it."""
    rid = f"name-{os.getpid()}"
    headers = [
        (b"\xff\xfe", b"1"),
        (b"ce_id", rid.encode()),
        (b"ce_type", MODIFY.encode()),
        (b"authorization", f"Bearer {system.token('alice', KAFKA_AUDIENCE)}".encode()),
    ]
    kcat.send(TOPIC, body({"structure": {"id": structure["id"]}, "label": "nom"}), headers, KEY)
    assert outcomes.until(of(rid, "accepted"), 60)


def test_rubbish_for_users_and_teams(system: System, partner: Partner) -> None:
    """A number that Kafka and JSON carry and MongoDB, or another reader, does not."""
    answers = Reader(system.partner(), OUTCOMES)
    token = system.token("alice", KAFKA_AUDIENCE)
    for id_ in (2**63, 2**64 - 1, 2**63 - 1, 2**53, 2**53 - 1):
        data = {"structure_id": id_, "user": "marc", "profile": "consultation"}
        rid = partner.submit("manager.requests", "membership.set.v1", data, token, key=KEY)
        assert answers.until(of(rid, "rejected"), 60)["code"] == (
            "structure_not_found" if id_ < 2**53 else "invalid_request"
        )
    rid = partner.submit("manager.requests", "team.open.v1", {"structure_id": 1}, token, key=KEY)
    assert answers.until(of(rid, "rejected"), 60)["code"] == "unsupported_type", "what only the owner submits to itself"
    answers.close()
