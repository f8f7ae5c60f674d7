"""Dead letters: a message that can't be handled is kept, with the reason, and the messages around it go on."""

from collections.abc import Iterable
from typing import Any

from shared.auth.verifier import acting_for
from shared.contracts.messages.cloudevents import Message
from shared.contracts.topics import dead_letters
from shared.domain.actor import Actor
from shared.runtime import metrics

SECRET_HEADERS = frozenset({"authorization"})
LARGEST = 900_000
"""Bytes of a dead letter at most, below the broker's limit: a message that came compressed may be far larger."""
_LARGEST_HEADER, _MOST_HEADERS, _LONGEST_NAME, _LONGEST_REASON = 4_096, 100, 200, 1_000
OURS = "dlq_"
"""Prefix of our own headers: headers of the original that begin with it are left out, since they are forged."""


def dead_letter(record: Any, code: str, reason: str, *, process: str, actor: Actor | None = None) -> Message:
    """Return the message for this process's dead-letter topic.

    It has the original key, bytes and headers (except the token) and, in headers of their own: `dlq_code`,
    `dlq_reason`, `dlq_topic`, `dlq_partition`, `dlq_offset`, `dlq_timestamp` (ms), and, when its sender was
    authenticated, `dlq_actor`, `dlq_actorkind` and `dlq_actorscope`: a replay acts for them, whatever the original's
    own headers say. A value that is too large is cut; then `dlq_cut` is how many bytes the original has, which is still
    in its topic.
    """
    metrics.DEAD_LETTERS.labels(record.topic, code).inc()
    kept = [(name, value or b"") for name, value in record.headers or () if _is_kept(name.lower(), value or b"")]
    headers = [(name[:_LONGEST_NAME], value[:_LARGEST_HEADER]) for name, value in kept[:_MOST_HEADERS]]
    headers += [
        ("dlq_code", code.encode()),
        ("dlq_reason", reason[:_LONGEST_REASON].encode()),
        ("dlq_topic", record.topic.encode()),
        ("dlq_partition", b"%d" % record.partition),
        ("dlq_offset", b"%d" % record.offset),
        ("dlq_timestamp", b"%d" % record.timestamp),
    ]
    if actor is not None:
        headers += [(name.replace("ce_", "dlq_"), value) for name, value in acting_for(actor)]
    whole = (record.key or b"", record.value or b"")
    key = whole[0][:_LARGEST_HEADER]
    value = whole[1][: LARGEST - len(key) - _size(headers)]
    if (key, value) != whole or headers[: len(kept)] != kept:
        headers.append(("dlq_cut", b"%d" % (len(whole[0]) + len(whole[1]) + _size(kept))))
    return Message(dead_letters(process), key, value, tuple(headers))


def _is_kept(header: str, value: bytes) -> bool:
    # A token may have been put under another name by mistake.
    is_secret = header in SECRET_HEADERS or value[:7].lower() == b"bearer "
    return not is_secret and not header.startswith(OURS)


def _size(headers: Iterable[tuple[str, bytes]]) -> int:
    return sum(len(name.encode()) + len(value) for name, value in headers)
