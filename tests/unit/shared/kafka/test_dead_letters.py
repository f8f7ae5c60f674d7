"""What a dead letter keeps of a message, and what it never keeps."""

from types import SimpleNamespace
from typing import Any

import pytest

from shared.auth.verifier import ACT_FOR, actor_of, on_behalf
from shared.contracts.messages.cloudevents import Message
from shared.domain.actor import ADMINISTRATOR, Actor
from shared.kafka.dead_letters import LARGEST, dead_letter

AGATHE = Actor("agathe", scopes=frozenset({ADMINISTRATOR, ACT_FOR, "openid"}))


def record(*headers: tuple[str, bytes | None], key: bytes = b"k", value: bytes = b"v") -> Any:
    return SimpleNamespace(
        topic="structure.requests", partition=2, offset=7, timestamp=5, key=key, value=value, headers=headers
    )


def size(message: Message) -> int:
    return len(message.key) + len(message.value) + sum(len(n.encode()) + len(v) for n, v in message.headers)


def headers_of(*headers: tuple[str, bytes], actor: Actor | None = None) -> dict[str, bytes]:
    message = dead_letter(record(*headers), "invalid_request", "why", process="structure_svc", actor=actor)
    assert (message.topic, message.key, message.value) == ("structure_svc.dlq", b"k", b"v")
    assert len(dict(message.headers)) == len(message.headers)
    return dict(message.headers)


def test_the_token_is_left_out_however_it_is_written() -> None:
    headers = headers_of(
        ("Authorization", b"Bearer x"), ("ce_authorization", b"bearer x"), ("ce_id", b"1"), ("empty", b"")
    )
    assert not {"Authorization", "ce_authorization", "dlq_cut"} & set(headers)
    assert (headers["ce_id"], headers["empty"]) == (b"1", b"")
    assert (headers["dlq_topic"], headers["dlq_partition"], headers["dlq_offset"]) == (
        b"structure.requests",
        b"2",
        b"7",
    )


def test_a_sender_can_not_make_up_who_was_verified() -> None:
    forged = (("dlq_actor", b"agathe"), ("DLQ_ActorScope", ADMINISTRATOR.encode()), ("dlq_topic", b"manager.requests"))
    headers = headers_of(*forged)
    assert not {name.lower() for name in headers} & {"dlq_actor", "dlq_actorscope"}
    assert headers["dlq_topic"] == b"structure.requests"


def test_who_was_verified_is_recorded_as_a_replay_names_them() -> None:
    headers = headers_of(actor=AGATHE)
    named = {name.removeprefix("dlq_"): value.decode() for name, value in headers.items()}
    system = actor_of({"sub": "ops", "client_id": "ops", "scope": ACT_FOR})
    again = on_behalf(system, named)
    assert (again.id, again.kind, again.scopes, again.via) == ("agathe", "person", frozenset({ADMINISTRATOR}), "ops")
    assert again.client is None


def test_a_replay_is_told_to_the_client_that_sent_the_first() -> None:
    client = "facturier"
    headers = headers_of(actor=Actor("alice", client=client))
    named = {name.removeprefix("dlq_"): value.decode() for name, value in headers.items()}
    ops = actor_of({"sub": "ops", "client_id": "ops", "scope": ACT_FOR})
    assert on_behalf(ops, named).client == client
    stranger = actor_of({"sub": "sam", "client_id": "autre"})
    assert on_behalf(stranger, {"actorclient": client}).client == "autre", "whoever acts for nobody is told alone"


@pytest.mark.parametrize(
    "huge",
    [
        record(value=b"v" * 60_000_000),
        record(key=b"k" * 1_000_000),
        record(("ce_id", b"i" * 1_000_000)),
        record(("n" * 1_000_000, b"")),
        record(("é" * 500_000, b"x")),
        record(*((f"h{number}", b"x" * 50) for number in range(20_000))),
        record(*((f"{number}" * 100, b"x" * 5_000) for number in range(200)), key=b"k" * 5_000, value=b"v" * 900_000),
    ],
    ids=["value", "key", "header", "name", "name beyond ASCII", "headers", "everything"],
)
def test_whatever_came_its_letter_can_be_sent_and_says_that_it_was_cut(huge: Any) -> None:
    message = dead_letter(huge, "invalid_request", "why" * 1_000_000, process="structure_svc", actor=AGATHE)
    headers = dict(message.headers)
    assert size(message) <= LARGEST + 100, "the reason and where it came from are never what is cut"
    assert int(headers["dlq_cut"]) > 500_000
    assert (headers["dlq_code"], headers["dlq_offset"], headers["dlq_actor"]) == (b"invalid_request", b"7", b"agathe")


def test_what_fits_is_kept_to_the_last_byte() -> None:
    message = dead_letter(record(value=b"v" * 800_000), "invalid_request", "why", process="structure_svc")
    assert len(message.value) == 800_000
    assert "dlq_cut" not in dict(message.headers)
