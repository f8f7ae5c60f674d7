"""Finds letters, replays and discards them, and remembers what was done."""

from collections.abc import Sequence
from contextlib import nullcontext

from ops import show
from ops.dlq import letters, replay
from ops.dlq.letters import Letter, Mark, Wanted
from ops.dlq.replay import CannotReplay
from ops.errors import OpsError
from ops.sending import publishing
from ops.settings import OperatorSettings
from shared.clock import SystemClock
from shared.settings import KafkaSettings
from shared.tokens import ServiceToken

_AT_ONCE = 100


async def found(
    kafka: KafkaSettings, process: str, wanted: Wanted, *, handled: bool
) -> list[tuple[Letter, Mark | None]]:
    """Return the letters that are meant, oldest first, with what was done with each.

    Those that were settled come only with `handled`. Raises OpsError for a place where no letter stands.
    """
    chosen = [letter async for letter in letters.read(kafka, process) if wanted.has(letter)]
    if missing := set(wanted.places) - {letter.place for letter in chosen}:
        which = ", ".join(sorted(map(str, missing)))
        raise OpsError(f"{process} has no letter at {which} (any more), or a filter leaves it out: see `dlq list`")
    marks = await letters.marks(kafka) if chosen else {}
    known = ((letter, marks.get(letters.mark_key(process, letter.place))) for letter in chosen)
    return sorted(
        ((letter, mark) for letter, mark in known if handled or mark is None),
        key=lambda pair: (pair[0].at, pair[0].place.partition, pair[0].place.offset),
    )


async def handle(
    kafka: KafkaSettings, chosen: Sequence[Letter], done: str, *, dry_run: bool
) -> list[tuple[Letter, CannotReplay]]:
    """Replay or discard letters; return those that can't be replayed, with why.

    A letter is marked once Kafka has its replay: interrupted, the command sends at most a few again, to no effect.
    """
    left: list[tuple[Letter, CannotReplay]] = []
    async with nullcontext() if dry_run else publishing(kafka) as bus:
        token = _token() if done == "replayed" and any(replay.must_be_proved(letter) for letter in chosen) else None
        with show.progress(list(show.chunks(chosen, _AT_ONCE)), done) as steps:
            for some in steps:
                sent, marked = [], []
                # It is asked for in a dry run too, which so shows whether the real one would go through.
                authorization = await token.header() if token else b""
                for letter in some:
                    try:
                        if done == "replayed":
                            sent.append(replay.message(letter, authorization))
                        marked.append(replay.mark(letter, done))
                    except CannotReplay as why:
                        left.append((letter, why))
                if bus:
                    await bus.publish(sent)
                    await bus.publish(marked)
    return left


def _token() -> ServiceToken:
    settings = OperatorSettings()
    secret = settings.client_secret.get_secret_value()
    return ServiceToken(settings.oidc.issuer, settings.client_id, secret, settings.oidc.audience, SystemClock())
