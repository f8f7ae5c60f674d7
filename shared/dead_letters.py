"""Dead letters: a message nobody can handle is kept, with the reason, and its neighbours go on."""

from typing import Any

from shared import metrics
from shared.auth import Actor, acting_for
from shared.messages.cloudevents import Message
from shared.topics import dead_letters

SECRET_HEADERS = frozenset({"authorization"})
OURS = "dlq_"
"""What the names of our own headers begin with: the original's headers of such a name are left out, being forged."""


def dead_letter(record: Any, code: str, reason: str, *, process: str, actor: Actor | None = None) -> Message:
    """Return the message for this process's dead-letter topic.

    It holds the original key, bytes and headers (save the token) and, in headers of their own: `dlq_code`,
    `dlq_reason`, `dlq_topic`, `dlq_partition`, `dlq_offset`, `dlq_timestamp` (ms), and, when who sent it was verified,
    `dlq_actor`, `dlq_actorkind` and `dlq_actorscope`: a replay names them again, whatever the original's own headers
    say.
    """
    metrics.DEAD_LETTERS.labels(record.topic, code).inc()
    headers = [(name, value or b"") for name, value in record.headers or () if _is_kept(name.lower())]
    headers += [
        ("dlq_code", code.encode()),
        ("dlq_reason", reason.encode()),
        ("dlq_topic", record.topic.encode()),
        ("dlq_partition", b"%d" % record.partition),
        ("dlq_offset", b"%d" % record.offset),
        ("dlq_timestamp", b"%d" % record.timestamp),
    ]
    if actor is not None:
        headers += [(name.replace("ce_", "dlq_"), value) for name, value in acting_for(actor)]
    return Message(dead_letters(process), record.key or b"", record.value or b"", tuple(headers))


def _is_kept(header: str) -> bool:
    return header not in SECRET_HEADERS and not header.startswith(OURS)
