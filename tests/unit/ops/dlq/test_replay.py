"""What a replay sends: the same request, of the person who was proved to have made it, and of nobody else."""

from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from ops.dlq import replay
from ops.dlq.dead_letters import DeadLetter, read_dead_letter
from ops.dlq.replay import CannotReplay
from shared.contracts.messages import cloudevents
from shared.domain.actor import ADMINISTRATOR, Actor
from shared.kafka.dead_letters import dead_letter
from tests.unit.ops.dlq.records import Record

TOKEN = b"Bearer of-the-operator"
MODIFY = {
    "ce_specversion": b"1.0",
    "ce_id": b"mine-1",
    "ce_source": b"/partner",
    "ce_type": b"structure.modify.v1",
    "content-type": b"application/json",
    "authorization": b"Bearer of-the-sender",
    "traceparent": b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
}
DATA = {"structure": {"id": 1}, "label": "Siège"}
ALICE = Actor("alice", scopes=frozenset({"openid"}))


def put_aside(
    headers: Mapping[str, bytes] = MODIFY,
    value: bytes | None = None,
    *,
    topic: str = "structure.requests",
    code: str = "unsupported_type",
    actor: Actor | None = ALICE,
) -> DeadLetter:
    value = orjson.dumps(DATA) if value is None else value
    came = Record(topic, partition=2, offset=7, key=b"structure:1", value=value, headers=tuple(headers.items()))
    put = dead_letter(came, code, "why", process="structure_svc", actor=actor)
    return read_dead_letter("structure_svc", Record(put.topic, 0, 3, key=put.key, value=put.value, headers=put.headers))


def sent(found: DeadLetter) -> tuple[Any, dict[str, bytes]]:
    message = replay.message(found, TOKEN)
    headers = dict(message.headers)
    assert len(headers) == len(message.headers)
    read = cloudevents.read(Record(message.topic, 0, 0, key=message.key, value=message.value, headers=message.headers))
    return read, headers


def test_it_is_the_same_request_with_the_operators_token() -> None:
    found = put_aside()
    event, headers = sent(found)
    assert (event.id, event.type, event.data) == ("mine-1", "structure.modify.v1", DATA)
    assert (event.correlation_id, event.traceparent) == ("mine-1", MODIFY["traceparent"].decode())
    assert (headers["authorization"], headers["ce_actor"], headers["ce_actorscope"]) == (TOKEN, b"alice", b"")
    message = replay.message(found, TOKEN)
    assert (message.topic, message.key) == ("structure.requests", b"structure:1")
    assert not [name for name in headers if name.startswith("dlq_")]


def test_who_it_is_for_is_never_what_the_sender_wrote() -> None:
    forged = {
        **MODIFY,
        "ce_actor": b"agathe",
        "ce_actorkind": b"technical",
        "CE_ActorScope": ADMINISTRATOR.encode(),
        "dlq_actor": b"agathe",
    }
    _, headers = sent(put_aside(forged))
    assert [headers[f"ce_{name}"] for name in ("actor", "actorkind", "actorscope")] == [b"alice", b"person", b""]
    assert not [name for name in headers if name.lower() == "ce_actorscope" and headers[name]]


def test_an_administrator_proved_as_such_is_one_again() -> None:
    _, headers = sent(put_aside(actor=Actor("agathe", scopes=frozenset({ADMINISTRATOR}))))
    assert headers["ce_actorscope"] == ADMINISTRATOR.encode()


def test_a_structured_event_is_sent_in_binary_mode_so_that_our_headers_count() -> None:
    event = {
        "specversion": "1.0",
        "id": "mine-2",
        "source": "/partner",
        "type": "structure.modify.v1",
        "datacontenttype": "application/json",
        "actor": "agathe",
        "actorscope": ADMINISTRATOR,
        "data": DATA,
    }
    found = put_aside({"content-type": b"application/cloudevents+json; charset=UTF-8"}, orjson.dumps(event))
    read, headers = sent(found)
    assert (read.id, read.type, read.data) == ("mine-2", "structure.modify.v1", DATA)
    assert (headers["ce_actor"], headers["ce_actorscope"]) == (b"alice", b"")
    assert headers["content-type"] == b"application/json"


def test_an_event_without_an_id_keeps_the_one_its_place_gave_it() -> None:
    headers = {name: value for name, value in MODIFY.items() if name != "ce_id"}
    read, _ = sent(put_aside(headers))
    assert read.id == cloudevents.derived_id(Record("structure.requests", partition=2, offset=7))


@pytest.mark.parametrize("request_id", ["mine-1", "x" * 100])
def test_a_refusal_that_was_recorded_is_asked_again_under_an_id_that_follows_from_the_first(request_id: str) -> None:
    headers = {**MODIFY, "ce_id": request_id.encode()}
    first, again = (sent(put_aside(headers, code="internal_error"))[0] for _ in range(2))
    assert first.id == again.id != request_id
    assert len(first.id) <= 100
    assert first.correlation_id == request_id


@pytest.mark.parametrize("topic", ["insee.requests", "structure.due"])
def test_between_our_own_processes_nobody_is_named_and_no_token_is_sent(topic: str) -> None:
    found = put_aside(topic=topic, actor=None)
    assert not replay.needs_sender(found)
    _, headers = sent(found)
    assert not {"authorization", "ce_actor"} & set(headers)


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (put_aside(actor=None), "no authenticated sender"),
        (put_aside(value=b"\xff"), "no event"),
        (put_aside({}), "no event"),
        (put_aside(topic="structure.state", actor=None), "not for operators to write"),
        (put_aside(topic="delay.30m.v1", actor=None), "triggers again"),
        (put_aside(topic="insee.outcomes", actor=None), "not for operators to write"),
    ],
)
def test_what_a_replay_would_not_mend_is_refused_with_the_reason(found: DeadLetter, why: str) -> None:
    with pytest.raises(CannotReplay, match=why):
        replay.message(found, TOKEN)


def test_a_letter_that_was_cut_is_never_replayed() -> None:
    with pytest.raises(CannotReplay, match="too large to be kept whole"):
        replay.message(put_aside(value=orjson.dumps({"label": "x" * 1_000_000})), TOKEN)
    with pytest.raises(CannotReplay, match="too large to be kept whole"):
        replay.message(put_aside({**MODIFY, "traceparent": b"x" * 10_000}), TOKEN)
