"""A transition: one step in the life of a request, as the stored mapping itself, with properties to read it.

A busy owner makes, stores, reads and publishes thousands of transitions a second, so they are not converted to models
and back. The fields are described in `shared.contracts.messages.life`: `JournalEntry` is a transition as published.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.contracts.messages.life import Status, request_key


class Transition:
    """One transition. `raw` is what is stored: plain values that are not empty, and unknown fields of newer versions.

    Instants are in ms. Immutable: `replace` returns another.
    """

    __slots__ = ("raw",)

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self.raw = raw

    @classmethod
    def of(cls, **fields: Any) -> "Transition":
        """Make a transition; empty fields are left out."""
        return cls({name: value for name, value in fields.items() if value not in _EMPTY})

    def replace(self, **fields: Any) -> "Transition":
        """Return a copy of this transition with other values."""
        changed = {**self.raw, **fields}
        return Transition({name: value for name, value in changed.items() if value not in _EMPTY})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Transition) and self.raw == other.raw

    __hash__ = None  # type: ignore[assignment]  # It holds a mapping; its key identifies the request.

    def __repr__(self) -> str:
        return f"Transition({self.raw!r})"

    @property
    def owner(self) -> str:
        """Return the owner of the data."""
        return str(self.raw["owner"])

    @property
    def request_id(self) -> str:
        """Return the request's id, chosen by the sender."""
        return str(self.raw["request_id"])

    @property
    def actor(self) -> str:
        """Return the actor's subject; empty when they are not authenticated."""
        return str(self.raw.get("actor", ""))

    @property
    def client(self) -> str | None:
        """Return the client whose token brought the request on Kafka; it has the outcomes on a topic of its own."""
        return self.raw.get("client")

    @property
    def type(self) -> str:
        """Return the type of the request."""
        return str(self.raw["type"])

    @property
    def status(self) -> Status:
        """Return the status that the request reached."""
        status: Status = self.raw["status"]
        return status

    @property
    def code(self) -> str:
        """Return the stable code: why, or what happened."""
        return str(self.raw["code"])

    @property
    def at(self) -> int:
        """Return when this transition was decided."""
        return int(self.raw["at"])

    @property
    def received_at(self) -> int | None:
        """Return when the broker appended the request."""
        return self.raw.get("received_at")

    @property
    def accepted_at(self) -> int | None:
        """Return when it was accepted."""
        return self.raw.get("accepted_at")

    @property
    def effective_at(self) -> int | None:
        """Return when it takes effect."""
        return self.raw.get("effective_at")

    @property
    def document(self) -> str | None:
        """Return the id of the document it is about; None when nothing of the kind exists."""
        return self.raw.get("document")

    @property
    def version(self) -> int:
        """Return the document's version with this transition; 0 while the request waits."""
        return int(self.raw.get("version", 0))

    @property
    def reference(self) -> Mapping[str, Any]:
        """Return what it is about: ids and identifiers."""
        found: Mapping[str, Any] = self.raw.get("reference", {})
        return found

    @property
    def outsider(self) -> bool:
        """Tell whether the actor may not know the document, nor whether it exists."""
        return bool(self.raw.get("outsider"))

    @property
    def details(self) -> Mapping[str, Any]:
        """Return the public values that the code's sentence needs."""
        found: Mapping[str, Any] = self.raw.get("details", {})
        return found

    @property
    def fields(self) -> Mapping[str, str]:
        """Return the codes of what is wrong with fields, by path."""
        found: Mapping[str, str] = self.raw.get("fields", {})
        return found

    @property
    def before(self) -> Mapping[str, Any]:
        """Return what changed, as it was."""
        found: Mapping[str, Any] = self.raw.get("before", {})
        return found

    @property
    def after(self) -> Mapping[str, Any]:
        """Return what changed, as it is or will be."""
        found: Mapping[str, Any] = self.raw.get("after", {})
        return found

    @property
    def follow_up(self) -> str | None:
        """Return the id of the follow-up that this request made."""
        return self.raw.get("follow_up")

    @property
    def correlation_id(self) -> str | None:
        """Return the correlation id of the answers to the message that asked."""
        return self.raw.get("correlation_id")

    @property
    def also_answer(self) -> Sequence[str]:
        """Return the correlation ids of repeats that came before the request was decided."""
        found: Sequence[str] = self.raw.get("also_answer", ())
        return found

    @property
    def traceparent(self) -> str | None:
        """Return the tracing context."""
        return self.raw.get("traceparent")

    @property
    def part_of(self) -> str | None:
        """Return the id of the request of which this is what it did to one document."""
        return self.raw.get("part_of")

    @property
    def body_hash(self) -> str:
        """Return the body hash, by which a repeat differs from a reused id."""
        return str(self.raw.get("body_hash", ""))

    @property
    def key(self) -> str:
        """Return the idempotency key: actor and request id."""
        return request_key(self.actor, self.request_id)

    @property
    def journal_key(self) -> str:
        """Return the key in the journal: each transition has its own, or compaction could keep an older one."""
        return f"{self.key}|{self.status}"


_EMPTY: tuple[Any, ...] = (None, "", {}, [])
