"""The life of a request, the same for every owner: its transitions as published, and the due trigger."""

from typing import Any, Literal

from pydantic import Field

from shared.clock import Instant
from shared.contracts.messages.common import Stored

Status = Literal["waiting", "accepted", "rejected", "applied", "failed", "cancelled"]
FINAL: frozenset[str] = frozenset({"rejected", "applied", "failed", "cancelled"})


class Published(Stored):
    """What is published of a transition on every topic: ids, codes, dates and names of fields, never values."""

    owner: str = Field(description="owner of the data, such as `structure`")
    request_id: str
    actor: str = Field(description="subject of whoever asked")
    type: str = Field(description="type of the request, such as `structure.modify.v1`")
    status: Status
    code: str = Field(description="stable code of the catalogue: why, or what happened")
    fields: dict[str, str] = Field(default_factory=dict, description="path of a field → code of what is wrong with it")
    details: dict[str, Any] = Field(
        default_factory=dict, description="public values the sentences need; those of one field under `fields`"
    )
    reference: dict[str, Any] = Field(default_factory=dict, description="what it is about: ids and identifiers")
    document: str | None = Field(None, description="id of the document, prefixed by its kind")
    version: int = Field(0, description="version of the document with this transition; readers ignore lower ones")
    at: Instant = Field(description="when this transition was decided")
    received_at: Instant | None = None
    accepted_at: Instant | None = None
    effective_at: Instant | None = Field(None, description="when it takes effect; present once decided")
    follow_up: str | None = Field(None, description="id of a second request that this one made")
    correlation_id: str | None = None


class JournalEntry(Published):
    """A transition of a request, as the journal keeps it under actor, request id and status."""

    before: dict[str, Any] = Field(default_factory=dict, description="what changed, as it was")
    after: dict[str, Any] = Field(default_factory=dict, description="what changed, as it is or will be")
    part_of: str | None = Field(None, description="id of the request over several documents of which this is a part")
    traceparent: str | None = None
    body_hash: str = Field("", description="SHA-256 of type and body: tells a repeat from a reused id")


class Outcome(Published):
    """A transition as published on `<owner>.outcomes`."""

    message: str = Field(description="the code's sentence, in French")
    repeated: bool = Field(default=False, description="published before, and again because the request came again")
    recorded: bool = Field(default=True, description="false when the message was refused before it became a request")


class DueTrigger(Stored):
    """Says that a change of a document is due. It applies nothing by itself: the owner looks up what is due."""

    document: str
    due_at: Instant


def request_key(actor: str, request_id: str) -> str:
    """Return what identifies a request everywhere.

    An actor may contain `|` and a request id can't, so the last one separates the two: no other pair has this key.
    Suffixes (a status, an owner, a version) contain none either, and can be split off from the end.
    """
    return f"{actor}|{request_id}"
