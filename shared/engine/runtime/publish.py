"""Turns transitions, states and look-ups into messages."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from shared.clock import iso
from shared.contracts import codes, topics
from shared.contracts.messages.cloudevents import Message, build
from shared.engine.core.incoming import Incoming
from shared.engine.core.rules import LookUp, Owner, View
from shared.engine.core.transition import Transition
from shared.runtime.tracing import next_span

_INSTANTS = ("at", "received_at", "accepted_at", "effective_at")
_OURS = ("traceparent", "body_hash", "also_answer", "outsider", "client")
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

    def transition(self, transition: Transition, *, repeated: bool = False) -> list[Message]:
        """Return the outcome, the journal entry and, when it takes effect later, the delayed record of a transition."""
        entry = _entry(transition)
        if transition.part_of:  # The request of which it is a part has the outcome.
            return [self._event(self._journal, transition.journal_key, entry, transition, "journal")]
        messages = [
            *self._outcome(transition, entry, repeated=repeated),
            self._event(self._journal, transition.journal_key, entry, transition, "journal"),
        ]
        for other in transition.also_answer:
            messages += self._outcome(transition.replace(correlation_id=other), {**entry, "correlation_id": other})
        if transition.status == "accepted" and not repeated:
            messages.append(self.delayed_trigger(transition))
        return messages

    def answer(self, transition: Transition) -> list[Message]:
        """Return the outcome of a message that never became a request: it is published, and recorded nowhere."""
        return self._outcome(transition, {**_entry(transition), "recorded": False})

    def _outcome(self, transition: Transition, entry: Mapping[str, Any], *, repeated: bool = False) -> list[Message]:
        """Return the outcome, and the same for the client that asked; the bus drops that if the client has no topic."""
        value = {name: value for name, value in entry.items() if name not in _VALUES}
        if transition.outsider:
            value.pop("document", None)
        value["message"] = codes.sentence_of(entry)
        value["repeated"] = repeated
        outcome = self._event(
            self._outcomes, value.get("document") or transition.request_id, value, transition, "outcome"
        )
        return (
            [outcome, replace(outcome, topic=topics.partner_outcomes(transition.client))]
            if transition.client
            else [outcome]
        )

    def _event(self, topic: str, key: str, value: Mapping[str, Any], transition: Transition, what: str) -> Message:
        return build(
            topic,
            key,
            orjson.dumps(value),
            event_id=f"{transition.journal_key}|{value['version']}",
            event_type=f"{self._owner}.{what}.v1",
            source=self._source,
            at=transition.at,
            correlation_id=transition.correlation_id,
            traceparent=transition.traceparent,
        )

    def delayed_trigger(self, transition: Transition) -> Message:
        """Return the delayed record, which waits in the delay topic until a change is due."""
        assert transition.document is not None and transition.effective_at is not None  # noqa: S101, PT018 - it was accepted so.
        return build(
            self._delay,
            transition.document,
            _trigger_data(transition.document, transition.effective_at),
            event_id=f"{transition.key}|due",
            event_type=f"{self._owner}.due.v1",
            source=self._source,
            at=transition.at,
            correlation_id=transition.correlation_id,
            traceparent=transition.traceparent,
            extra=(("due_at", b"%d" % transition.effective_at), ("target", self._due.encode())),
        )

    def due_trigger(self, document: str, due_at: int, now: int) -> Message:
        """Return a due trigger that goes straight to the owner, for an overdue change."""
        return due_trigger(self._owner, document, due_at, now, source=self._source)

    def state(self, view: View[Any], now: int) -> Message:
        """Return the message with the state as it is now."""
        return build(
            self._state,
            view.id,
            self._present(view),
            event_id=f"{view.id}|{view.version}",
            event_type=f"{self._owner}.state.v1",
            source=self._source,
            at=now,
        )

    def look_up(self, look_up: LookUp, incoming: Incoming, now: int) -> Message:
        """Return the message with the look-up that a deferred request needs."""
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


def due_trigger(owner: str, document: str, due_at: int, now: int, *, source: str) -> Message:
    """Return a due trigger that goes straight to an owner, from a process that sees an overdue change."""
    return build(
        topics.name(owner, topics.DUE),
        document,
        _trigger_data(document, due_at),
        event_id=f"{document}|{due_at}|{now}",
        event_type=f"{owner}.due.v1",
        source=source,
        at=now,
    )


def _trigger_data(document: str, due_at: int) -> bytes:
    return orjson.dumps({"document": document, "due_at": iso(due_at)})


def _entry(transition: Transition) -> dict[str, Any]:
    """Return a transition as a journal entry: without internal fields, instants as RFC 3339 text, with a version.

    It always has an actor too: empty when the sender was not authenticated, by which the gateway knows that its own
    token was refused. And it always has a type: empty when the message had none. For an outsider the version is that of
    a decision about nothing that exists: the document's own would show that it exists.
    """
    entry: dict[str, Any] = {"version": 0, "actor": "", "type": "", **transition.raw}
    if transition.outsider:
        entry["version"] = min(entry["version"], 1)
    for name in _OURS:
        entry.pop(name, None)
    for name in _INSTANTS:
        if name in entry:
            entry[name] = iso(entry[name])
    return entry
