"""What a dead letter keeps of a message, and what it never keeps."""

from types import SimpleNamespace
from typing import Any

from shared.auth import ACT_FOR, ADMINISTRATOR, Actor, actor_of, on_behalf
from shared.dead_letters import dead_letter

AGATHE = Actor("agathe", scopes=frozenset({ADMINISTRATOR, ACT_FOR, "openid"}))


def letter(*headers: tuple[str, bytes], actor: Actor | None = None) -> dict[str, bytes]:
    record: Any = SimpleNamespace(
        topic="structure.requests", partition=2, offset=7, timestamp=5, key=b"k", value=b"v", headers=headers
    )
    message = dead_letter(record, "invalid_request", "why", process="structure_svc", actor=actor)
    assert (message.topic, message.key, message.value) == ("structure_svc.dlq", b"k", b"v")
    assert len(dict(message.headers)) == len(message.headers)
    return dict(message.headers)


def test_the_token_is_left_out_however_it_is_written() -> None:
    headers = letter(("Authorization", b"Bearer x"), ("ce_id", b"1"), ("empty", b""))
    assert "Authorization" not in headers
    assert (headers["ce_id"], headers["empty"]) == (b"1", b"")
    assert (headers["dlq_topic"], headers["dlq_partition"], headers["dlq_offset"]) == (
        b"structure.requests",
        b"2",
        b"7",
    )


def test_a_sender_can_not_make_up_who_was_verified() -> None:
    forged = (("dlq_actor", b"agathe"), ("DLQ_ActorScope", ADMINISTRATOR.encode()), ("dlq_topic", b"manager.requests"))
    headers = letter(*forged)
    assert not {name.lower() for name in headers} & {"dlq_actor", "dlq_actorscope"}
    assert headers["dlq_topic"] == b"structure.requests"


def test_who_was_verified_is_recorded_as_a_replay_names_them() -> None:
    headers = letter(actor=AGATHE)
    named = {name.removeprefix("dlq_"): value.decode() for name, value in headers.items()}
    system = actor_of({"sub": "ops", "client_id": "ops", "scope": ACT_FOR})
    again = on_behalf(system, named)
    assert (again.id, again.kind, again.scopes, again.via) == ("agathe", "person", frozenset({ADMINISTRATOR}), "ops")
