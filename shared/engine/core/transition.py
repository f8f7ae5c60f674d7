"""A transition: a step in the life of a request, as the very mapping that is stored, read by name.

A busy owner makes, stores, reads back and publishes thousands of steps a second, so a step is no model that is filled
and emptied again. What it means is told by `shared.contracts.messages.life`: `JournalEntry` is a step as published.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.contracts.messages.life import Status, request_key


class Transition:
    """One step. `raw` is what is stored: plain values, the empty ones left out; those of a newer version stay in it.

    Instants are in ms. Never changed once made: `replace` returns another.
    """

    __slots__ = ("raw",)

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self.raw = raw

    @classmethod
    def of(cls, **fields: Any) -> "Transition":
        """Make a step; empty fields are left out."""
        return cls({name: value for name, value in fields.items() if value not in _EMPTY})

    def replace(self, **fields: Any) -> "Transition":
        """Return this step with other values."""
        changed = {**self.raw, **fields}
        return Transition({name: value for name, value in changed.items() if value not in _EMPTY})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Transition) and self.raw == other.raw

    __hash__ = None  # type: ignore[assignment]  # It holds a mapping; its key identifies the request.

    def __repr__(self) -> str:
        return f"Step({self.raw!r})"

    @property
    def owner(self) -> str:
        """Return the owner of the data."""
        return str(self.raw["owner"])

    @property
    def request_id(self) -> str:
        """Return the request's id, chosen by whoever asked."""
        return str(self.raw["request_id"])

    @property
    def actor(self) -> str:
        """Return the subject of whoever asked; empty when that is not proved."""
        return str(self.raw.get("actor", ""))

    @property
    def client(self) -> str | None:
        """Return the client whose token brought the request on Kafka, which is told of it on a topic of its own."""
        return self.raw.get("client")

    @property
    def type(self) -> str:
        """Return the type of the request."""
        return str(self.raw["type"])

    @property
    def status(self) -> Status:
        """Return what the request has come to."""
        status: Status = self.raw["status"]
        return status

    @property
    def code(self) -> str:
        """Return the stable code of what happened."""
        return str(self.raw["code"])

    @property
    def at(self) -> int:
        """Return when this step was decided."""
        return int(self.raw["at"])

    @property
    def received_at(self) -> int | None:
        """Return when the broker took the request."""
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
        """Return the document's version with this step; 0 while the request waits."""
        return int(self.raw.get("version", 0))

    @property
    def reference(self) -> Mapping[str, Any]:
        """Return what it is about: ids and identifiers."""
        found: Mapping[str, Any] = self.raw.get("reference", {})
        return found

    @property
    def outsider(self) -> bool:
        """Tell whether whoever asked may not know what it is about, nor whether that exists."""
        return bool(self.raw.get("outsider"))

    @property
    def details(self) -> Mapping[str, Any]:
        """Return the public values that the code's sentence needs."""
        found: Mapping[str, Any] = self.raw.get("details", {})
        return found

    @property
    def fields(self) -> Mapping[str, str]:
        """Return the paths of fields that are wrong, each with the code of what is wrong with it."""
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
        """Return the id of a second request that this one made."""
        return self.raw.get("follow_up")

    @property
    def correlation_id(self) -> str | None:
        """Return what ties the answers to the message that asked."""
        return self.raw.get("correlation_id")

    @property
    def also_answer(self) -> Sequence[str]:
        """Return what ties the answers to others who sent the same request before it was decided."""
        found: Sequence[str] = self.raw.get("also_answer", ())
        return found

    @property
    def traceparent(self) -> str | None:
        """Return the tracing context."""
        return self.raw.get("traceparent")

    @property
    def body_hash(self) -> str:
        """Return what tells a repeat from an id used for another request."""
        return str(self.raw.get("body_hash", ""))

    @property
    def key(self) -> str:
        """Return what identifies the request: actor and request id."""
        return request_key(self.actor, self.request_id)

    @property
    def journal_key(self) -> str:
        """Return the key in the journal: each step has its own, or compaction could keep an older one."""
        return f"{self.key}|{self.status}"


_EMPTY: tuple[Any, ...] = (None, "", {}, [])
