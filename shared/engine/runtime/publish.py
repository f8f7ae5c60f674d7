"""Turns what was decided into messages."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from shared.clock import iso
from shared.contracts import codes, topics
from shared.contracts.messages.cloudevents import Message, build
from shared.engine.core.incoming import Incoming
from shared.engine.core.rules import LookUp, Owner, View
from shared.engine.core.transition import Step
from shared.runtime.tracing import next_span

_INSTANTS = ("at", "received_at", "accepted_at", "effective_at")
_OURS = ("traceparent", "body_hash", "asked_again", "outsider", "client")
_VALUES = ("before", "after")


class Publisher:
    """Builds the messages of one owner."""

    def __init__(self, owner: Owner[Any], delay: int) -> None:
        self._owner = owner.name
        self._present = owner.present
        self._source = f"/{topics.OWNERS.get(owner.name, owner.name)}"
        self._outcomes = topics.name(owner.name, topics.OUTCOMES)
        self._journal = topics.name(owner.name, topics.JOURNAL)
        self._state = topics.name(owner.name, topics.STATE)
        self._due = topics.name(owner.name, topics.DUE)
        self._delay = topics.delay_topic(delay)

    def step(self, step: Step, *, repeated: bool = False) -> list[Message]:
        """Return the outcome and the journal entry of a step and, when it takes effect later, the poke for then."""
        told = _told(step)
        messages = [
            *self._outcome(step, told, repeated=repeated),
            self._event(self._journal, step.journal_key, told, step, "journal"),
        ]
        for other in step.asked_again:
            messages += self._outcome(step.but(correlation_id=other), {**told, "correlation_id": other})
        if step.status == "accepted" and not repeated:
            messages.append(self.poke(step))
        return messages

    def answer(self, step: Step) -> list[Message]:
        """Return the outcome of a message that never became a request: told, and recorded nowhere."""
        return self._outcome(step, {**_told(step), "recorded": False})

    def _outcome(self, step: Step, told: Mapping[str, Any], *, repeated: bool = False) -> list[Message]:
        """Return the outcome, and the same for the client that asked. Whether that has a topic, the bus finds out."""
        value = {name: value for name, value in told.items() if name not in _VALUES}
        if step.outsider:
            value.pop("document", None)
        value["message"] = codes.sentence_of(told)
        value["repeated"] = repeated
        outcome = self._event(self._outcomes, value.get("document") or step.request_id, value, step, "outcome")
        return [outcome, replace(outcome, topic=topics.partner_outcomes(step.client))] if step.client else [outcome]

    def _event(self, topic: str, key: str, value: Mapping[str, Any], step: Step, what: str) -> Message:
        return build(
            topic,
            key,
            orjson.dumps(value),
            event_id=f"{step.journal_key}|{value['version']}",
            event_type=f"{self._owner}.{what}.v1",
            source=self._source,
            at=step.at,
            correlation_id=step.correlation_id,
            traceparent=step.traceparent,
        )

    def poke(self, step: Step) -> Message:
        """Return the message that waits in the delay topic until a change is due."""
        assert step.document is not None and step.effective_at is not None  # noqa: S101, PT018 - it was accepted so.
        return build(
            self._delay,
            step.document,
            _poke_data(step.document, step.effective_at),
            event_id=f"{step.key}|due",
            event_type=f"{self._owner}.due.v1",
            source=self._source,
            at=step.at,
            correlation_id=step.correlation_id,
            traceparent=step.traceparent,
            extra=(("due_at", b"%d" % step.effective_at), ("target", self._due.encode())),
        )

    def poke_now(self, document: str, due_at: int, now: int) -> Message:
        """Return a poke straight to the owner, for what is overdue."""
        return poke_now(self._owner, document, due_at, now, source=self._source)

    def state(self, view: View[Any], now: int) -> Message:
        """Return the record as it is now."""
        return build(
            self._state,
            view.id,
            self._present(view),
            event_id=f"{view.id}|{view.version}",
            event_type=f"{self._owner}.state.v1",
            source=self._source,
            at=now,
        )

    def ask(self, look_up: LookUp, incoming: Incoming, now: int) -> Message:
        """Return the look-up that a waiting request needs."""
        return build(
            look_up.topic,
            look_up.key,
            orjson.dumps(look_up.data),
            event_id=f"{incoming.key}|{look_up.key}|{now}",
            event_type=look_up.type,
            source=self._source,
            at=now,
            correlation_id=incoming.correlation_id,
            traceparent=next_span(incoming.traceparent),
        )


def poke_now(owner: str, document: str, due_at: int, now: int, *, source: str) -> Message:
    """Return a poke straight to an owner, from whoever sees that something is overdue."""
    return build(
        topics.name(owner, topics.DUE),
        document,
        _poke_data(document, due_at),
        event_id=f"{document}|{due_at}|{now}",
        event_type=f"{owner}.due.v1",
        source=source,
        at=now,
    )


def _poke_data(document: str, due_at: int) -> bytes:
    return orjson.dumps({"document": document, "due_at": iso(due_at)})


def _told(step: Step) -> dict[str, Any]:
    """Return a step as the journal tells it: our own fields left out, instants as RFC 3339 text, always a version.

    There is always an actor too: where nobody was proved it is empty, and the gateway knows by it that it was refused.
    And there is a type: empty where the message had none. An outsider is told the version of a decision about nothing
    that exists: the document's own would show that it does.
    """
    told: dict[str, Any] = {"version": 0, "actor": "", "type": "", **step.raw}
    if step.outsider:
        told["version"] = min(told["version"], 1)
    for name in _OURS:
        told.pop(name, None)
    for name in _INSTANTS:
        if name in told:
            told[name] = iso(told[name])
    return told
