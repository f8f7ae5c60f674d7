"""Finds dead letters, replays and discards them, and remembers what was done."""

import heapq
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Generic, TypeVar

from ops import show
from ops.dlq import dead_letters, replay
from ops.dlq.dead_letters import DeadLetter, Mark, Wanted
from ops.dlq.replay import CannotReplay
from ops.errors import OpsError
from ops.sending import publishing
from ops.settings import OperatorSettings
from shared.auth.service_token import ServiceToken
from shared.clock import SystemClock
from shared.runtime.settings import KafkaSettings

_AT_ONCE = 100

T = TypeVar("T")
Keep = Callable[[DeadLetter, Mark | None], T]


@dataclass
class Found(Generic[T]):
    """What is kept of the oldest dead letters that are meant, oldest first, and how many more there are."""

    kept: list[T]
    more: int


async def found(
    kafka: KafkaSettings, process: str, wanted: Wanted, keep: Keep[T], *, handled: bool, limit: int
) -> Found[T]:
    """Return what `keep` makes of the dead letters that are meant, and of what was done with each; of `limit` at most.

    Those that were replayed or discarded come only with `handled`. Raises OpsError for a place without a dead letter.
    """
    # The newest of those kept so far comes first, and goes when an older one comes.
    oldest: list[tuple[int, int, int, T]] = []
    more = 0
    async for dead_letter, mark in _meant(kafka, process, wanted, handled=handled):
        place = dead_letter.place
        entry = (-dead_letter.at, -place.partition, -place.offset, keep(dead_letter, mark))
        if len(oldest) < limit:
            heapq.heappush(oldest, entry)
        else:
            heapq.heappushpop(oldest, entry)
            more += 1
    return Found([kept for *_, kept in sorted(oldest, key=lambda entry: entry[:3], reverse=True)], more)


async def counted(kafka: KafkaSettings, process: str, wanted: Wanted, *, handled: bool) -> Counter[tuple[str, str]]:
    """Return how many dead letters are meant, by code and topic."""
    counts: Counter[tuple[str, str]] = Counter()
    async for dead_letter, _ in _meant(kafka, process, wanted, handled=handled):
        counts[dead_letter.code, dead_letter.original.topic] += 1
    return counts


async def _meant(
    kafka: KafkaSettings, process: str, wanted: Wanted, *, handled: bool
) -> AsyncIterator[tuple[DeadLetter, Mark | None]]:
    """Give the dead letters that are meant as they are read: there may be more of them than memory holds."""
    marks = None
    missing = set(wanted.places)
    async for dead_letter in dead_letters.read(kafka, process):
        if wanted.has(dead_letter):
            missing.discard(dead_letter.place)
            if marks is None:
                marks = await dead_letters.marks(kafka, process)
            mark = marks.get(dead_letters.mark_key(process, dead_letter.place))
            if handled or mark is None:
                yield dead_letter, mark
    if missing:
        which = ", ".join(sorted(map(str, missing)))
        raise OpsError(f"{process} has no dead letter at {which} (any more), or a filter leaves it out: see `dlq list`")


async def handle(
    kafka: KafkaSettings, chosen: Sequence[DeadLetter], done: str, *, dry_run: bool
) -> list[tuple[DeadLetter, CannotReplay]]:
    """Replay or discard dead letters; return those that can't be replayed, with why.

    One is marked once Kafka has its replay: interrupted, the command sends at most a few again, to no effect.
    """
    left: list[tuple[DeadLetter, CannotReplay]] = []
    async with nullcontext() if dry_run else publishing(kafka) as bus:
        token = (
            _token() if done == "replayed" and any(replay.needs_sender(dead_letter) for dead_letter in chosen) else None
        )
        with show.progress(list(show.chunks(chosen, _AT_ONCE)), done) as steps:
            for some in steps:
                sent, marked = [], []
                # It is asked for in a dry run too, which so shows whether the real one would go through.
                authorization = await token.header() if token else b""
                for dead_letter in some:
                    try:
                        if done == "replayed":
                            sent.append(replay.message(dead_letter, authorization))
                        marked.append(replay.mark(dead_letter, done))
                    except CannotReplay as why:
                        left.append((dead_letter, why))
                if bus:
                    await bus.publish(sent)
                    await bus.publish(marked)
    return left


def _token() -> ServiceToken:
    settings = OperatorSettings()
    secret = settings.client_secret.get_secret_value()
    return ServiceToken(settings.oidc.issuer, settings.client_id, secret, settings.oidc.audience, SystemClock())
