"""The entry point from Kafka: look-ups come in, answers go out. It only translates."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import starmap
from typing import Any

import orjson
from pydantic import ValidationError

from services.insee_adapter import metrics
from services.insee_adapter.cache import Cache
from services.insee_adapter.queue import Asker, Queue
from shared.clock import Clock
from shared.contracts import topics
from shared.contracts.messages import cloudevents
from shared.contracts.messages.cloudevents import Event, Message
from shared.contracts.messages.insee import Because, InseeAnswer, InseeLookUp, Result
from shared.errors import Poison
from shared.kafka.dead_letters import dead_letter
from shared.runtime.tracing import next_span

PROCESS = "insee_adapter"
REQUESTS = topics.name("insee", topics.REQUESTS)
OUTCOMES = topics.name("insee", topics.OUTCOMES)

Publish = Callable[[Sequence[Message]], Awaitable[None]]

_AT_ONCE = 20
# How many look-ups of a batch are put in the queue concurrently.
_LONGEST = 200
# Characters kept of the asker that a message names.


class Answers:
    """Publishes answers on `insee.outcomes`, keyed as their look-ups, one for each who asked."""

    def __init__(self, publish: Publish, clock: Clock) -> None:
        self._publish = publish
        self._clock = clock

    async def publish(self, key: str, answer: InseeAnswer, askers: Sequence[Asker]) -> None:
        """Publish the answer to a look-up; returns once Kafka has it for good."""
        await self._publish(self.messages(key, answer, askers))

    def messages(self, key: str, answer: InseeAnswer, askers: Sequence[Asker]) -> list[Message]:
        """Return the messages that carry an answer."""
        value = orjson.dumps(answer.model_dump(mode="json", exclude_none=True))
        now = self._clock.now()
        return [
            cloudevents.build(
                OUTCOMES,
                key,
                value,
                event_id=f"{key}|{answer.as_of}|{asker.correlation_id}",
                event_type=InseeAnswer.type,
                source=f"/{PROCESS}",
                at=now,
                correlation_id=asker.correlation_id,
                traceparent=next_span(asker.traceparent),
            )
            for asker in askers
        ]

    def full(self, look_up: InseeLookUp, asker: Asker) -> list[Message]:
        """Return the message that says that the queue has no room. It is the last word, so it may be asked again."""
        answer = InseeAnswer(
            siret=look_up.siret,
            result=Result.UNAVAILABLE,
            because=Because.QUOTA,
            as_of=self._clock.now(),
            message="Trop de questions à l'INSEE attendent déjà leur tour : reposez celle-ci dans quelques minutes.",
        )
        return self.messages(look_up.key, answer, [asker])


class EntryPoint:
    """Takes batches of `insee.requests`: look-ups in the cache are answered at once, the others are queued.

    When the queue is full, that is the answer. `wake` is set when there is new work.
    """

    def __init__(self, cache: Cache, queue: Queue, answers: Answers, publish: Publish, wake: asyncio.Event) -> None:
        self._cache = cache
        self._queue = queue
        self._answers = answers
        self._publish = publish
        self._wake = wake

    async def requests(self, records: Sequence[Any]) -> None:
        """Take a batch. When this returns, each look-up is answered, or stored in the queue."""
        out: list[Message] = []
        asked: list[tuple[InseeLookUp, Asker]] = []
        for record in records:
            try:
                asked.append(_read(cloudevents.read(record)))
            except Poison as poison:
                out.append(dead_letter(record, poison.code, poison.reason, process=PROCESS))
        known = await self._cache.get({look_up.key for look_up, _ in asked if not look_up.fresh})
        waiting = []
        for look_up, asker in asked:
            answer = None if look_up.fresh else known.get(look_up.key)
            if answer is None:
                waiting.append((look_up, asker))
            else:
                out.extend(self._answers.messages(look_up.key, answer, [asker]))
                metrics.ANSWERS.labels(answer.result, "cache").inc()
        for start in range(0, len(waiting), _AT_ONCE):
            some = waiting[start : start + _AT_ONCE]
            for (look_up, asker), has_room in zip(some, await asyncio.gather(*starmap(self._add, some)), strict=True):
                if not has_room:
                    out.extend(self._answers.full(look_up, asker))
                    metrics.ANSWERS.labels(Result.UNAVAILABLE, "full").inc()
        if waiting:
            self._wake.set()
        if out:
            await self._publish(out)

    async def _add(self, look_up: InseeLookUp, asker: Asker) -> bool:
        return await self._queue.add(look_up.key, asker, max_wait=look_up.max_wait)


def _read(event: Event) -> tuple[InseeLookUp, Asker]:
    if event.type != InseeLookUp.type:
        raise Poison("unsupported_type", f"{event.type[:100]} is no look-up")
    try:
        look_up = InseeLookUp.model_validate(event.data)
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, problem["loc"])) for problem in error.errors(include_input=False))
        raise Poison("message_invalid", f"wrong fields: {fields}") from error
    actor = look_up.actor or event.attributes.get("source", "")[:_LONGEST]
    traceparent = event.traceparent
    return look_up, Asker(event.correlation_id, actor, traceparent if len(traceparent or "") <= _LONGEST else None)
