"""What is sent when a dead letter is replayed, and what is sent to remember that it was. Pure.

A replay is the same request: the same id, the same body, in the name of the first one's authenticated sender. It
therefore has one effect, however often it is made. Who they are comes from what the process recorded, never from the
headers of the message, which its sender could write as they liked.
"""

import hashlib
import re
from typing import Literal

import orjson

from ops.dlq.dead_letters import DeadLetter, mark_key
from ops.errors import OpsError
from shared.auth.verifier import acting_for
from shared.clock import MINUTE
from shared.contracts.messages.cloudevents import JSON, Event, Message
from shared.contracts.topics import DELAY_PATTERN, HANDLED, OPS, OWNERS, REQUESTS, name, table
from shared.domain.actor import ADMINISTRATOR, Actor
from shared.errors import Poison

_AUTHENTICATED = frozenset(name(owner, REQUESTS) for owner in OWNERS)
_WRITABLE = frozenset(topic.name for topic in table(30 * MINUTE) if OPS in topic.writers)
_RECORDED = frozenset({"internal_error"})
"""Codes whose refusal is recorded under the request's id: asked again under it, the same would only be repeated."""
_LONGEST_ID = 100
_ATTRIBUTES = frozenset({"content-type", "authorization"})


class CannotReplay(OpsError):
    """This dead letter can't be replayed; the text says why and what else can be done."""


def message(dead_letter: DeadLetter, authorization: bytes) -> Message:
    """Return the message that replays a dead letter, with the operator's own token. Raises CannotReplay."""
    topic = dead_letter.original.topic
    if "cut" in dead_letter.recorded:
        raise CannotReplay(f"it was too large to be kept whole ({dead_letter.recorded['cut']} bytes); discard it")
    if topic not in _WRITABLE:
        raise CannotReplay(f"{topic or 'its topic'} is not for operators to write; {_instead(topic)}")
    try:
        event = dead_letter.event()
    except Poison as poison:
        raise CannotReplay(f"it is no event ({poison}); discard it") from poison
    headers = [
        *((f"ce_{name}", value.encode()) for name, value in _attributes(dead_letter, event).items()),
        ("content-type", JSON),
        *_others(dead_letter),
    ]
    if needs_sender(dead_letter):
        headers += [("authorization", authorization), *acting_for(_sender(dead_letter))]
    return Message(topic, dead_letter.original.key or b"", orjson.dumps(event.data), tuple(headers))


def needs_sender(dead_letter: DeadLetter) -> bool:
    """Return whether a dead letter came from a topic whose messages need an authenticated sender."""
    return dead_letter.original.topic in _AUTHENTICATED


def new_id(dead_letter: DeadLetter, event: Event) -> str:
    """Return the id of the replay: the request's own, save where that would only repeat the recorded refusal.

    The other id follows from the first, so that two replays still have one effect.
    """
    if dead_letter.code not in _RECORDED:
        return event.id
    again = f"{event.id}.replay"
    return again if len(again) <= _LONGEST_ID else hashlib.sha256(again.encode()).hexdigest()


def mark(dead_letter: DeadLetter, done: str) -> Message:
    """Return the message that remembers what was done with a dead letter: `replayed` or `discarded`."""
    return Message(HANDLED, mark_key(dead_letter.process, dead_letter.place), orjson.dumps({"done": done}), ())


def _attributes(dead_letter: DeadLetter, event: Event) -> dict[str, str]:
    """Return the event's attributes as sent before, whatever the mode; but for who it claims to act for."""
    kept = {name: value for name, value in event.attributes.items() if not name.startswith("actor")}
    kept.pop("datacontenttype", None)
    return {**kept, "specversion": "1.0", "id": new_id(dead_letter, event), "correlationid": event.correlation_id}


def _others(dead_letter: DeadLetter) -> list[tuple[str, bytes]]:
    return [
        (n, v)
        for n, v in dead_letter.original.headers
        if not n.lower().startswith("ce_") and n.lower() not in _ATTRIBUTES
    ]


def _sender(dead_letter: DeadLetter) -> Actor:
    if not dead_letter.actor:
        raise CannotReplay("it has no authenticated sender; whoever sent it must send it again")
    scopes = set(dead_letter.recorded.get("actorscope", "").split()) & {ADMINISTRATOR}
    kind: Literal["person", "technical"] = (
        "technical" if dead_letter.recorded.get("actorkind") == "technical" else "person"
    )
    return Actor(dead_letter.actor, kind, frozenset(scopes), client=dead_letter.recorded.get("actorclient"))


def _instead(topic: str) -> str:
    if re.match(DELAY_PATTERN, topic):
        return "its owner triggers again what is overdue, so discard it"
    return "correct the process that reads it, then `read-model rebuild` or `topics rewind`, and discard it"
