"""The table of topics: the name, owner, key and settings of each, and who may read and write it.

`ops topics provision` creates topics, users and ACLs from this table alone; no process creates a topic by accident.
The contract in `docs/contracts/` is generated from it too.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.clock import DAY, HOUR, duration, write_duration

PROCESSES = ("structure_svc", "manager_svc", "insee_adapter", "delay_svc", "gateway")
PARTNERS = "partners"
"""Stands for every other system: it may write `*.requests` and read its outcomes, nothing else."""
OPS = "ops"

OWNERS: Mapping[str, str] = {"structure": "structure_svc", "manager": "manager_svc"}
"""Each owner of data and the process that serves it."""

DEFAULT_PARTITIONS = 12

HANDLED = "ops.dlq-handled"
"""What operators did with dead letters. Kafka can't delete a single record, so a mark says that it was dealt with."""


@dataclass(frozen=True)
class Topic:
    """One topic. `key` describes the record key in words; `says` what a record means."""

    name: str
    key: str
    says: str
    writers: tuple[str, ...]
    readers: tuple[str, ...]
    config: Mapping[str, str] = field(default_factory=dict)
    partitions: int = DEFAULT_PARTITIONS


_KEPT = {"cleanup.policy": "delete", "retention.ms": str(7 * DAY)}
_STAMPED = {**_KEPT, "message.timestamp.type": "LogAppendTime"}
_COMPACTED = {"cleanup.policy": "compact", "max.compaction.lag.ms": str(7 * DAY), "min.compaction.lag.ms": str(HOUR)}
_DEAD = {"cleanup.policy": "delete", "retention.ms": str(14 * DAY)}
# A dead letter is kept up to 14 days after its segment, of 7 days, was closed: its mark must outlive it.
_MARKS = {"cleanup.policy": "delete", "retention.ms": str(30 * DAY)}

REQUESTS, OUTCOMES, STATE, JOURNAL, DUE = "requests", "outcomes", "state", "journal", "due"
RETRIES = "requests-retry"


def name(owner: str, what: str) -> str:
    """Return the name of an owner's topic, such as `structure.requests`."""
    return f"{owner}.{what}"


def dead_letters(process: str) -> str:
    """Return the name of a process's dead-letter topic."""
    return f"{process}.dlq"


def delay_topic(delay: int) -> str:
    """Return the topic of one delay (ms): `delay.30m.v1`. Each delay has its own, so that it is ordered by due time."""
    return f"delay.{write_duration(delay)}.v1"


PARTNER_PREFIX = "outcomes."
"""The prefix of the name of a partner's topic."""
CLIENT = re.compile(r"[A-Za-z0-9._-]{1,200}")
"""The form of a client's name that can be part of a topic's name."""


def partner_outcomes(client: str) -> str:
    """Return the name of the topic on which a client reads the outcomes of its requests: `outcomes.facturier`."""
    return f"{PARTNER_PREFIX}{client}"


def partner_topic(client: str) -> Topic:
    """Return the topic of one partner. `ops partners add` creates it: partners are in no table."""
    return Topic(
        partner_outcomes(client),
        "as the request",
        "outcomes of the requests that came on Kafka with a token of this client, whichever owner they went to",
        writers=tuple(OWNERS.values()),
        readers=(PARTNERS,),
        config=_KEPT,
        partitions=3,
    )


DELAY_PATTERN = r"^delay\.[0-9]+(ms|s|m|h|d)\.v1$"


def delay_of(topic: str) -> int:
    """Return the delay (ms) in the name of a delay topic. Raises ValueError for another topic."""
    return duration(topic.split(".")[1])


def _owned(
    owner: str,
    *,
    state_readers: tuple[str, ...],
    request_writers: tuple[str, ...] = (),
) -> list[Topic]:
    process = OWNERS[owner]
    return [
        Topic(
            name(owner, REQUESTS),
            "the entity's id, or the identifier for a creation",
            "a request",
            writers=("gateway", PARTNERS, OPS, *request_writers),
            readers=(process,),
            config=_STAMPED,
        ),
        Topic(
            name(owner, RETRIES),
            "as the request",
            "a request whose token could not be verified when it came, since the issuer did not answer",
            writers=(process,),
            readers=(process,),
            config=_KEPT,
            partitions=1,
        ),
        Topic(
            name(owner, OUTCOMES),
            "as the request",
            "the outcome of a request: waiting, accepted, rejected, applied, failed, cancelled; never a value",
            writers=(process,),
            readers=("gateway",),
            config=_KEPT,
        ),
        Topic(
            name(owner, STATE),
            "the document's id, prefixed by its kind",
            "the record as it is now, with its version",
            writers=(process,),
            readers=("gateway", *state_readers),
            config=_COMPACTED,
        ),
        Topic(
            name(owner, JOURNAL),
            "actor, request id and status",
            "each transition of a request, with what it changes; the highest version is the request as it is now",
            writers=(process,),
            readers=("gateway",),
            config=_COMPACTED,
        ),
        Topic(
            name(owner, DUE),
            "the document's id",
            "a change of this document is due",
            # A trigger applies nothing by itself, so an operator may give one.
            writers=("delay_svc", process, OPS),
            readers=(process,),
            config=_STAMPED,
        ),
    ]


def table(*delays: int) -> list[Topic]:
    """Return every topic; `delays` (ms) are the delays in use, the configured one first."""
    return [
        *_owned("structure", state_readers=("manager_svc",)),
        *_owned(
            "manager", state_readers=("structure_svc", "manager_svc"), request_writers=("structure_svc", "manager_svc")
        ),
        Topic(
            "insee.requests",
            "SIRET",
            "a look-up of a SIRET at INSEE",
            writers=("structure_svc", "gateway", OPS),
            readers=("insee_adapter",),
            config=_STAMPED,
        ),
        Topic(
            "insee.outcomes",
            "SIRET",
            "the answer to a look-up",
            writers=("insee_adapter",),
            readers=("structure_svc", "gateway"),
            config=_KEPT,
        ),
        *(
            Topic(
                delay_topic(delay),
                "the document's id",
                "a delayed record: a trigger, when it is due and which topic it goes to",
                writers=tuple(OWNERS.values()),
                readers=("delay_svc",),
                config=_STAMPED,
            )
            for delay in dict.fromkeys(delays)
        ),
        *(
            Topic(
                dead_letters(process),
                "as received",
                "a message that can't be handled: its bytes, the reason, its origin and its authenticated sender",
                writers=(process,),
                readers=(OPS,),
                config=_DEAD,
                partitions=3,
            )
            for process in PROCESSES
        ),
        Topic(
            HANDLED,
            "process, partition and offset of a dead letter",
            "an operator has replayed or discarded it",
            writers=(OPS,),
            readers=(OPS,),
            config=_MARKS,
            partitions=1,
        ),
    ]
