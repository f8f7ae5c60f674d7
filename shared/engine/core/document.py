"""A document as stored, and the draft on which a batch decides before it writes it once."""

import contextlib
import copy
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from pydantic import BaseModel

from shared.engine.core.rules import Owner, Pending, Rule, View
from shared.engine.core.transition import Transition
from shared.errors import Failed, MayLag
from shared.runtime.logging import get_logger

log = get_logger(__name__)


HEAVIEST_WRITE = 2_000_000
"""Bytes of transitions in an outbox beyond which nothing is added: MongoDB limits documents to 16 MB."""


class UnknownType(Exception):
    """A pending change is of a type that only a newer version knows: it is left to the processes that know it."""


def size(transition: Transition) -> int:
    """Return about how many bytes a transition takes."""
    return len(orjson.dumps(transition.raw))


@dataclass(slots=True)
class Document:
    """One entity, or one decision about nothing that exists (then `state` is None). `version` 0: not stored yet."""

    id: str
    version: int = 0
    state: BaseModel | None = None
    pending: Sequence[Pending] = ()
    outbox: Sequence[Transition] = ()
    keys: tuple[str, ...] = ()
    refs: tuple[str, ...] = ()
    idempotency_key: str | None = None
    followed: Mapping[str, int] = field(default_factory=dict)
    """The records of other owners to which this document has reacted, by key, each with its version."""
    _weight: int | None = None
    broken: Exception | None = None
    """The error, when the stored document can't be read: then there is no state, and nothing is decided on it."""

    @property
    def kind(self) -> str:
        """Return the kind of entity, the id's prefix."""
        return self.id.partition(":")[0]

    def outbox_weight(self) -> int:
        """Return about how many bytes its outbox takes."""
        if self._weight is None:
            self._weight = sum(map(size, self.outbox))
        return self._weight


@dataclass(slots=True)
class Write:
    """One guarded write: it happens only if the document's version still is `base`."""

    id: str
    base: int
    version: int
    transitions: Sequence[Transition]
    state: Mapping[str, Any] | None = None
    """Fields of the state that changed (all of them for a new document); None when the state is as it was."""
    pending: Sequence[Pending] | None = None
    """All pending changes, when one of them ended."""
    appended: Sequence[Pending] = ()
    """New pending changes, when none ended."""
    keys: tuple[str, ...] | None = None
    refs: tuple[str, ...] | None = None
    idempotency_key: str | None = None
    followed: Mapping[str, int] | None = None
    """The records to which the document has reacted, when that changed."""
    changed: bool = False
    decision_only: bool = False
    """True for a decision about nothing that exists: it expires."""
    batch_id: str = ""
    """The same for all writes of one batch and for no other: a document that still has it was not written since."""


def changes(before: BaseModel | None, after: BaseModel) -> dict[str, tuple[Any, Any]]:
    """Return the fields that differ, with their values before and after."""
    names, new = type(after).model_fields, after.__dict__
    if before is None:
        return {n: (None, v) for n in names if (v := new[n]) is not None}
    old = before.__dict__
    # Most fields of a changed copy are identical objects: comparing models by their values costs much more.
    return {n: (b, a) for n in names if (b := old[n]) is not (a := new[n]) and b != a}


def diff(before: BaseModel | None, after: BaseModel, hidden: Collection[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the fields that differ, as the journal shows them; of a hidden field it shows only that it differs."""
    names = changes(before, after)
    return ({} if before is None else _as_json(before, names, hidden)), _as_json(after, names, hidden)


def _as_json(model: BaseModel, names: Collection[str], hidden: Collection[str]) -> dict[str, Any]:
    values = {name: getattr(model, name) for name in names}
    # Most changes are of texts, which need no conversion: going through the model costs twenty times as much.
    serialized = {name for name, value in values.items() if value is not None and type(value) is not str}
    if serialized:
        values |= model.model_dump(mode="json", include=serialized, exclude_none=True)
    return {name: "***" if name in hidden else value for name, value in values.items()}


def plain(value: Any) -> Any:
    """Return a value as MongoDB and JSON can hold it."""
    if isinstance(value, BaseModel):
        return value.model_dump(exclude_none=True)
    if isinstance(value, tuple | list):
        return [plain(v) for v in value]
    return value


@dataclass(slots=True)
class Draft:
    """A document while a batch decides on it: every decision adds a transition with a version of its own."""

    owner: Owner[Any]
    document: Document
    version: int = 0
    state: BaseModel | None = None
    pending: list[Pending] = field(default_factory=list)
    transitions: list[Transition] = field(default_factory=list)
    idempotency_key: str | None = None
    followed: Mapping[str, int] = field(default_factory=dict)
    changed: bool = False
    weight: int = 0
    """About how many bytes the transitions decided in this batch take."""
    _projected: BaseModel | None = None
    _ended: bool = False

    def __post_init__(self) -> None:
        self.version = self.document.version
        self.state = self.document.state
        self.pending = list(self.document.pending)
        self.followed = self.document.followed

    def copy(self) -> "Draft":
        """Return a copy of the draft, to return to should the next decision fail half-way."""
        twin = copy.copy(self)
        twin.pending, twin.transitions = list(self.pending), list(self.transitions)
        return twin

    def follow(self, source: tuple[str, int]) -> None:
        """Note that the document has reacted to a record of another owner."""
        self.followed = {**self.followed, source[0]: source[1]}

    def has_followed(self, source: tuple[str, int]) -> bool:
        """Tell whether the document has already reacted to this record, or to a later version of it."""
        return self.followed.get(source[0], -1) >= source[1]

    def rule(self, request_type: str) -> Rule | None:
        """Return the rule of a request type, or None when this version does not know it."""
        request = self.owner.types.get(request_type)
        return self.owner.rules[request] if request else None

    def projected(self) -> BaseModel | None:
        """Return the state as it will be once all pending changes have applied, in order (rule R5)."""
        if self._projected is None:
            state = self.state
            for change in self.pending:
                with contextlib.suppress(Failed, UnknownType):
                    state = self.applied(change, state)
            self._projected = state
        return self._projected

    def applied(
        self, change: Pending, state: BaseModel | None, copies: Mapping[str, Mapping[str, Any]] | None = None
    ) -> Any:
        """Return the state after a change. Raises Failed when the change can't be applied.

        With `copies`, the rule looks at them first: it is due. It then raises MayLag when one may only be late.
        An unexpected error of a rule fails this change alone. Raised further, it would stop the document, and the
        others of its batch, for ever.
        """
        rule = self.rule(change.transition.type)
        if rule is None or rule.apply is None:
            raise UnknownType(change.transition.type)
        try:
            if copies is not None and rule.due is not None:
                rule.due(change.change, state, change.due_at, copies)
            return rule.apply(change.change, state, change.due_at)
        except (Failed, MayLag):
            raise
        except Exception as error:
            log.exception(
                "a rule failed on a pending change",
                type=change.transition.type,
                request_id=change.transition.request_id,
            )
            raise Failed("internal_error") from error

    def put(self, state: BaseModel) -> None:
        """Replace the state."""
        self.state, self.changed, self._projected = state, True, None

    def await_due(self, change: Pending, projected: BaseModel) -> None:
        """Add a pending change; those before it stay before it. `projected` is the state once it has applied too."""
        self.pending.append(change)
        self.changed, self._projected = True, projected

    def drop(self, change: Pending) -> None:
        """Remove a pending change: it was applied, failed or cancelled."""
        self.pending.remove(change)
        self.changed, self._ended, self._projected = True, True, None

    def add(self, transition: Transition, reference: Mapping[str, Any] | None = None) -> Transition:
        """Add a transition with the next version and its reference: `reference` if given, else the document's own."""
        self.version += 1
        about: dict[str, Any] = {"version": self.version, "document": None if self.decision_only else self.document.id}
        if self.state is not None:
            known = self.owner.reference(self.state) if reference is None else reference
            about["reference"] = {**transition.reference, **known}
        transition = transition.replace(**about)
        self.transitions.append(transition)
        self.weight += size(transition)
        return transition

    @property
    def decision_only(self) -> bool:
        """Tell whether this is a decision about nothing that exists."""
        return self.state is None

    def keys(self) -> tuple[str, ...]:
        """Return the unique keys the document holds: those of its state and those its pending changes reserve."""
        held = self.owner.keys(self.state) if self.state is not None else ()
        return tuple(dict.fromkeys((*held, *(k for p in self.pending for k in p.reserves))))

    def refs(self) -> tuple[str, ...]:
        """Return what the state refers to."""
        return tuple(dict.fromkeys(self.owner.refs(self.state))) if self.state is not None else ()

    def write(self, batch_id: str) -> Write:
        """Return the guarded write of all decisions of the batch."""
        document = self.document
        state = None
        if self.state is not None and self.state is not document.state:
            diff = changes(document.state, self.state)
            state = {name: plain(after) for name, (_, after) in diff.items()}
        keys, refs = self.keys(), self.refs()
        return Write(
            id=document.id,
            base=document.version,
            version=self.version,
            transitions=self.transitions,
            state=state,
            pending=self.pending if self._ended else None,
            appended=() if self._ended else self.pending[len(document.pending) :],
            keys=keys if keys != document.keys else None,
            refs=refs if refs != document.refs else None,
            idempotency_key=self.idempotency_key,
            followed=self.followed if self.followed is not self.document.followed else None,
            changed=self.changed,
            decision_only=self.decision_only,
            batch_id=batch_id,
        )

    def view(self) -> View[Any] | None:
        """Return the document as published on the `state` topic; None for a decision about nothing that exists."""
        if self.state is None:
            return None
        return View(self.document.id, self.version, self.state, self.pending, self.projected())


def view(owner: Owner[Any], document: Document) -> View[Any] | None:
    """Return a stored document as published on the `state` topic."""
    return Draft(owner, document).view()
