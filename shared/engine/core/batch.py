"""What one round over a batch has loaded, and what it has decided."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.contracts.messages.cloudevents import Message
from shared.engine.core.decide import Wait
from shared.engine.core.document import Document, Draft
from shared.engine.core.incoming import Incoming, RequestRecord
from shared.engine.core.rules import Owner, Target
from shared.engine.core.transition import Transition

Copies = Mapping[str, tuple[int, Mapping[str, Any]]]
"""What other owners publish, by key, with its version."""


@dataclass(slots=True)
class Loaded:
    """What is stored about a round's requests and their documents. Nothing changes it once it is loaded."""

    documents: Iterable[Document]
    records: Mapping[str, RequestRecord]
    targets: Mapping[str, Target]
    broken: Mapping[str, Exception]
    """Requests that can't be decided: finding their target raised an error, or stored data can't be read."""
    copies: Copies = field(default_factory=dict)
    known: Mapping[str, str] = field(default_factory=dict)
    """The keys of the copies that have the names which requests use, by name."""
    values: Mapping[str, Mapping[str, Any]] = field(init=False)
    """The values of the copies, without their versions."""
    by_id: dict[str, Document] = field(init=False)
    holders: dict[str, str] = field(init=False)
    """The unique keys of these documents, each with its document's id."""
    decided: dict[str, tuple[Transition, Document]] = field(init=False)
    """Decided requests, as far as documents show them: in a pending change or, newer, in the outbox."""

    def __post_init__(self) -> None:
        self.values = {key: value for key, (_, value) in self.copies.items()}
        self.by_id = {document.id: document for document in self.documents}
        self.holders = {key: document.id for document in self.documents for key in document.keys}
        self.decided = {
            transition.key: (transition, document)
            for document in self.documents
            for transition in (*(p.transition for p in document.pending), *document.outbox)
        }

    def id_of(self, target: Target) -> str:
        """Return the id of the document a request is about, or nothing when no document loaded has its keys."""
        if target.id is not None:
            return target.id
        return next((self.holders[key] for key in target.keys if key in self.holders), "")

    def has_waited(self, key: str) -> bool:
        """Tell whether this request was already waiting before this round."""
        return (record := self.records.get(key)) is not None and record.broken is None and record.is_waiting


@dataclass(slots=True)
class Batch:
    """A round: what was loaded, and what has been decided on it, request by request."""

    loaded: Loaded
    made: dict[str, str] = field(default_factory=dict)
    """The unique keys of documents created in this round, each with its document's id."""
    drafts: dict[str, Draft] = field(default_factory=dict)
    deciders: dict[str, str] = field(default_factory=dict)
    """The id of the document on which each request was decided."""
    waits: dict[str, tuple[Incoming, Draft, Wait]] = field(default_factory=dict)
    """Requests that can't be decided yet, by request key."""
    postponed: set[str] = field(default_factory=set)
    """Keys of requests left to the next round: they would make a write too large, or need what this round decides."""
    answers: list[Message] = field(default_factory=list)
    """Messages that answer repeats of decided requests, and registrations of unknown users."""
    besides: dict[str, list[Message]] = field(default_factory=dict)
    """Messages sent beside a request's outcome, by request key, once its decision has been written."""
    unfinished: dict[str, Document] = field(default_factory=dict)
    """Documents with an outbox to publish at once: it holds a request that came again, or is too large to grow."""

    def draft_of(self, owner: Owner[Any], target: Target) -> Draft | None:
        """Return the draft of the document a request is about, or None when there is no such document."""
        id_ = self.loaded.id_of(target) or next((self.made[key] for key in target.keys if key in self.made), "")
        if id_ in self.drafts:  # Decided on already in this round, or created in it.
            return self.drafts[id_]
        document = self.loaded.by_id.get(id_)
        return Draft(owner, document) if document is not None and document.state is not None else None

    def last_transition(self, key: str, draft: Draft | None = None) -> Transition | None:
        """Return the last known transition of a request; those that this round decided on the draft count too."""
        transitions = [transition for transition in (draft.transitions if draft else ()) if transition.key == key]
        if (record := self.loaded.records.get(key)) is not None and record.broken is None:
            transitions.append(record.transition)
        if key in self.loaded.decided:
            transitions.append(self.loaded.decided[key][0])
        return max(transitions, key=lambda transition: transition.version, default=None)

    def taken_back(self, target: Target) -> Transition | None:
        """Return the last known transition of the request that this one cancels, if that one has no document yet."""
        transition = self.last_transition(target.cancels) if target.cancels else None
        return transition if transition is not None and transition.document is None else None
