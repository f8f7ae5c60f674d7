"""The composition root: the only file here that names concrete classes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import httpx2

from services.insee_adapter import metrics
from services.insee_adapter.auth import Account, ApiKey, Credentials, PasswordGrant
from services.insee_adapter.breaker import Breaker
from services.insee_adapter.cache import Cache
from services.insee_adapter.entrypoint import PROCESS, REQUESTS, Answers, EntryPoint
from services.insee_adapter.queue import Queue
from services.insee_adapter.quota import Quota
from services.insee_adapter.settings import Settings
from services.insee_adapter.sirene import Limits, Sirene, http_client
from services.insee_adapter.steady import SteadyClock
from services.insee_adapter.worker import Worker
from shared.clock import SECOND, Clock
from shared.kafka import clients as brokers
from shared.kafka.consumer import consume
from shared.kafka.dead_letter_limit import DeadLetterLimit
from shared.kafka.producer import KafkaBus
from shared.mongo import client as mongo
from shared.runtime.health import Health
from shared.runtime.settings import KafkaSettings, MongoSettings

_COUNT_EVERY_S = 5
_WORKER_HANGS_AFTER_S = 180
# A look-up with retries and a doublon's target may wait for several permits.


@asynccontextmanager
async def running(settings: Settings, health: Health) -> AsyncIterator[None]:
    """Run until the context is left; look-ups under way then go back to the queue, for another replica."""
    kafka, clock = KafkaSettings(), settings.clock()
    database = mongo.connect(MongoSettings())
    cache = Cache(database)
    queue = Queue(database, lease=settings.insee_lease, max_wait=settings.insee_max_wait)
    quota = Quota(
        database,
        limit=settings.insee_quota,
        window=settings.insee_quota_window,
        call_ms=settings.insee_connect_timeout + 2 * settings.insee_read_timeout,
    )
    await cache.prepare()
    await queue.prepare()

    producer = brokers.build_producer(kafka)
    bus = KafkaBus(producer, health, DeadLetterLimit(PROCESS))
    wake = asyncio.Event()
    answers = Answers(bus.publish, clock)
    entry_point = EntryPoint(cache, queue, answers, bus.publish, wake)
    broker = brokers.build_broker(kafka)
    consume(broker, health, [REQUESTS], entry_point.requests, group=f"{PROCESS}.{REQUESTS}")
    health.check("mongodb", lambda: database.command("ping"))
    health.check("kafka", lambda: brokers.answers(producer))

    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(http_client(_limits(settings)))
        sirene = _sirene(settings, http, clock)
        await producer.start()
        stack.push_async_callback(producer.stop)
        worker = partial(
            Worker, queue=queue, cache=cache, quota=quota, sirene=sirene, publish=answers.publish, wake=wake
        )
        for number in range(settings.insee_workers):
            stack.push_async_callback(_cancel, _start(f"worker {number}", worker, health))
        counting = asyncio.create_task(_count(queue), name="count")
        health.part("count", alive=lambda: not counting.done())
        stack.push_async_callback(_cancel, counting)
        await brokers.start(broker)
        stack.push_async_callback(broker.stop)
        yield


def _limits(settings: Settings) -> Limits:
    return Limits(
        connect_s=settings.insee_connect_timeout / SECOND,
        read_s=settings.insee_read_timeout / SECOND,
        attempts=settings.insee_attempts,
    )


def _sirene(settings: Settings, http: httpx2.AsyncClient, clock: Clock) -> Sirene:
    steady = SteadyClock()
    return Sirene(
        http,
        settings.insee_base_url,
        _credentials(settings, http, steady),
        Breaker(settings.insee_breaker_failures, settings.insee_breaker_rest),
        clock=clock,
        steady=steady,
        limits=_limits(settings),
    )


def _credentials(settings: Settings, http: httpx2.AsyncClient, steady: Clock) -> Credentials:
    if settings.insee_plan == "public":
        assert settings.insee_api_key is not None  # noqa: S101 - the settings were checked.
        return ApiKey(settings.insee_api_key)
    assert settings.insee_client_id and settings.insee_client_secret  # noqa: S101, PT018 - the same.
    assert settings.insee_username and settings.insee_password  # noqa: S101, PT018 - the same.
    account = Account(
        settings.insee_token_url,
        settings.insee_client_id,
        settings.insee_client_secret,
        settings.insee_username,
        settings.insee_password,
    )
    return PasswordGrant(http, account, steady)


def _start(name: str, worker: Callable[..., Worker], health: Health) -> asyncio.Task[None]:
    loop = health.loop(name, stalled_after=_WORKER_HANGS_AFTER_S, alive=lambda: not task.done())
    task = asyncio.create_task(worker(beat=loop.beat).run(), name=name)
    return task


async def _count(queue: Queue) -> None:
    while True:
        with contextlib.suppress(mongo.PyMongoError):  # The workers log such errors; this only sets a metric.
            metrics.LOOK_UPS.set(await queue.size())
            metrics.OLDEST_SECONDS.set(await queue.oldest())
        await asyncio.sleep(_COUNT_EVERY_S)


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
