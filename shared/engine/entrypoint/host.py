"""Runs an owner: its engine on MongoDB and Kafka, its consumers and its sweeper. A service's `app.py` calls it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from pydantic import Field

from shared.auth.issuer_keys import IssuerKeys
from shared.auth.key_store import MongoKeyStore
from shared.auth.verifier import Verifier
from shared.clock import SECOND, Duration
from shared.contracts import topics
from shared.engine.core.decide import COPY, Timing
from shared.engine.core.rules import Owner
from shared.engine.entrypoint.handlers import Feeds, Handlers
from shared.engine.entrypoint.intake import Intake
from shared.engine.runtime.early_triggers import EarlyTriggers
from shared.engine.runtime.engine import Engine, Registration
from shared.engine.runtime.partner_bus import PartnerBus
from shared.engine.runtime.sweep import Sweeper
from shared.engine.storage import views
from shared.engine.storage.mongo import MongoStore
from shared.errors import Transient
from shared.kafka import clients as brokers
from shared.kafka.consumer import consume
from shared.kafka.dead_letter_limit import DeadLetterLimit
from shared.kafka.producer import KafkaBus
from shared.mongo import client as mongo
from shared.runtime.health import Health, Loop
from shared.runtime.settings import KafkaSettings, MongoSettings, OidcSettings, ProcessSettings


class OwnerSettings(ProcessSettings):
    """The settings that every owner's process has besides the common ones."""

    copy_lag_max_wait: Duration = Field(2 * SECOND, description="how long a refusal waits for a copy that may lag")
    overdue_after: Duration = Field(30 * SECOND, description="how late a change must be to be triggered again")
    batch_size: int = Field(500, ge=1, le=5000, description="records handled together at most")


@asynccontextmanager
async def hosting(
    settings: OwnerSettings,
    owner: Owner[Any],
    health: Health,
    *,
    process: str,
    feeds: Feeds,
    register_unknown: Registration = lambda *_: None,
) -> AsyncIterator[None]:
    """Run the owner until the context is left; then batches under way are finished and committed."""
    kafka, oidc, clock = KafkaSettings(), OidcSettings(), settings.clock()
    # No retries by the driver: every write of the engine is guarded or idempotent, and a failed batch is handled again.
    database = mongo.connect(MongoSettings(), retry_writes=False)
    kept = MongoKeyStore(database, oidc.issuer, oidc.keys_kept)
    keys = IssuerKeys(oidc.issuer, clock, kept, kept=oidc.keys_kept, grace=oidc.keys_grace)
    store = MongoStore(database, owner, overdue_after=settings.overdue_after)
    await kept.prepare()
    await store.prepare()
    await views.prepare(database, owner.name)
    producer, partners = brokers.build_producer(kafka), brokers.build_producer(kafka, once=False)
    bus = PartnerBus(
        KafkaBus(producer, health, DeadLetterLimit(process)),
        KafkaBus(partners, health, name="producer for partners"),
        lambda: brokers.topics_seen(partners),
    )
    timing = Timing(settings.effective_delay, {COPY: settings.copy_lag_max_wait, **owner.waits})
    engine = Engine(owner, store, bus, clock, timing, process=process, register_unknown=register_unknown)
    verifier = Verifier(keys, oidc.audience, clock)
    intake = Intake(owner, verifier, engine.publisher, clock, process=process)
    early = EarlyTriggers(engine.bus, engine.publisher, clock)
    handlers = Handlers(engine, store, intake, early, process=process)
    broker = brokers.build_broker(kafka)
    for topic, handler in handlers.table(owner.name, feeds).items():
        consume(
            broker,
            health,
            [topic],
            handler,
            group=f"{process}.{topic}",
            max_records=settings.batch_size,
            # The retry topic may wait for the issuer, whose absence readiness reports anyway.
            may_stand_still=topic == topics.name(owner.name, topics.RETRIES),
        )
    health.check("mongodb", lambda: database.command("ping"))
    health.check("kafka", lambda: brokers.answers(producer))
    health.check("issuer", verifier.ready)
    async with AsyncExitStack() as stack:
        for started in (producer, partners):
            await started.start()
            stack.push_async_callback(started.stop)
        with contextlib.suppress(Transient):  # The stored keys are loaded before the first message is read.
            await keys.ready()
        await stack.enter_async_context(early.scheduled())
        await brokers.start(broker)
        stack.push_async_callback(broker.stop)
        _run(stack, health, "sweeper", Sweeper(engine, store).run)
        if any(rule.jointly is not None for rule in owner.rules.values()):
            _run(stack, health, "joint decisions", engine.joint.run)
        await stack.enter_async_context(keys.kept_fresh(oidc.keys_refreshed))
        yield


def _run(stack: AsyncExitStack, health: Health, name: str, work: Callable[[Loop], Coroutine[Any, Any, None]]) -> None:
    """Run a loop of its own until the context is left."""
    loop = health.loop(name, alive=lambda: not running.done())
    running = asyncio.create_task(work(loop), name=name)
    stack.push_async_callback(_cancel, running)


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
