"""What comes by Kafka is answered, in the queue, or refused for want of room; nothing of it grows without end."""

import asyncio
from collections.abc import Sequence
from typing import Any

import orjson

from dev.insee.units import made_up_siret
from services.insee_adapter.cache import Cache
from services.insee_adapter.entrypoint import OUTCOMES, REQUESTS, Answers, EntryPoint
from services.insee_adapter.queue import Queue
from shared.clock import SystemClock
from shared.contracts.messages import cloudevents
from shared.contracts.messages.cloudevents import Message
from shared.contracts.messages.insee import Because, InseeAnswer, InseeLookUp, Result
from tests.unit.ops.dlq.records import Record


def look_up(siret: str, correlation_id: str, *, data: dict[str, Any] | None = None, **more: Any) -> Record:
    """A look-up as it is read."""
    message = cloudevents.build(
        REQUESTS,
        siret,
        orjson.dumps({"siret": siret, "actor": "alice", **(data or {})}),
        event_id=correlation_id,
        event_type=InseeLookUp.type,
        source="/test",
        at=0,
        correlation_id=correlation_id,
        **more,
    )
    return Record(message.topic, key=message.key, value=message.value, headers=message.headers)


def entry_point(queue: Queue, database: Any) -> tuple[EntryPoint, list[Message]]:
    """An entry point, and what it publishes."""
    published: list[Message] = []

    async def publish(messages: Sequence[Message]) -> None:
        published.extend(messages)

    return EntryPoint(Cache(database), queue, Answers(publish, SystemClock()), publish, asyncio.Event()), published


async def test_who_finds_no_room_learns_so_and_may_try_again_and_the_others_wait(database: Any) -> None:
    queue = Queue(database, most_of_one=2)
    taking, published = entry_point(queue, database)

    await taking.requests([look_up(made_up_siret(n), f"c{n}") for n in (1, 2)])
    assert published == []
    await taking.requests([look_up(made_up_siret(n), f"c{n}") for n in (3, 4)])

    assert await queue.size() == 2
    refused = {dict(message.headers)["ce_correlationid"].decode(): message for message in published}
    assert set(refused) == {"c3", "c4"}
    assert {message.topic for message in published} == {OUTCOMES}
    answer = InseeAnswer.model_validate(orjson.loads(refused["c3"].value))
    assert (answer.siret, answer.result, answer.because) == (made_up_siret(3), Result.UNAVAILABLE, Because.QUOTA)
    assert answer.retry_after is None, "nothing follows: it was not kept"
    assert answer.message


async def test_what_a_message_says_of_its_sender_is_kept_only_as_far_as_an_answer_needs_it(database: Any) -> None:
    queue = Queue(database)
    taking, _ = entry_point(queue, database)

    await taking.requests([look_up(made_up_siret(1), "c1", traceparent="0" * 900_000)])

    job = await queue.claim()
    assert job is not None
    assert [a.traceparent for a in job.askers] == [None]


async def test_a_look_up_of_the_successor_is_another_look_up_r10(database: Any) -> None:
    queue = Queue(database)
    taking, published = entry_point(queue, database)
    siret = made_up_siret(1)
    await Cache(database).put(siret, InseeAnswer(siret=siret, result=Result.CLOSED, as_of=0))

    await taking.requests([look_up(siret, "plain"), look_up(siret, "followed", data={"successor": True})])

    assert [message.key for message in published] == [siret.encode()], "what is kept answers the other alone"
    job = await queue.claim()
    assert job is not None
    assert (job.siret, job.successor, [a.correlation_id for a in job.askers]) == (siret, True, ["followed"])
