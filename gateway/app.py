"""Plugs the gateway together: the only file here that names concrete classes."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from fastapi import FastAPI

from gateway import problems
from gateway.auth import Callers
from gateway.deps import Services
from gateway.door import feeding
from gateway.guard import Guard
from gateway.insee import InseeLookUps
from gateway.openapi import describe
from gateway.read_model.projections import ReadModel
from gateway.read_model.queries import Queries
from gateway.routes import insee, me, members, requests, structures
from gateway.sender import Sender
from gateway.settings import Settings
from gateway.tail import Tail
from gateway.tokens import ServiceToken
from shared import broker as brokers
from shared import mongo
from shared.auth import Verifier
from shared.consume import consume
from shared.engine.bus import KafkaBus
from shared.health import Health
from shared.process import serve_http
from shared.settings import KafkaSettings, MongoSettings, OidcSettings
from shared.topics import OWNERS

PROCESS = "gateway"


def create_api(services: Services | None = None) -> FastAPI:
    """Return the API; without services it can only describe itself."""
    api = FastAPI(title="Structures", version="1.0.0", docs_url="/docs", redoc_url=None, openapi_url="/openapi.json")
    for router in (structures.router, members.router, requests.router, me.router, insee.router):
        api.include_router(router, prefix="/api/v1")
    problems.install(api)
    describe(api)
    api.state.services = services
    return api


@asynccontextmanager
async def running(settings: Settings, health: Health) -> AsyncIterator[None]:
    """Run until the context is left."""
    kafka, oidc, clock = KafkaSettings(), OidcSettings(), settings.clock()
    database = mongo.connect(MongoSettings())
    model = ReadModel(database)
    await model.prepare()
    producer = brokers.build_producer(kafka)
    bus, tail, queries = KafkaBus(producer), Tail(), Queries(model)
    sender = Sender(bus, ServiceToken(settings, oidc, clock), tail, model, clock)
    verifier = Verifier(oidc.issuer, settings.http_audience, clock)
    look_ups = InseeLookUps(settings, database, bus, tail, clock)
    await look_ups.prepare()
    services = Services(queries, sender, Callers(verifier, queries, sender), look_ups)

    broker = brokers.build_broker(kafka)
    for topic, handler in feeding(model, bus).items():
        consume(broker, health, [topic], handler, group=f"{PROCESS}.{settings.read_model}.{topic}")
    outcomes = [f"{owner}.outcomes" for owner in OWNERS]
    tails = [
        _tailing(broker, health, topics, take)
        for topics, take in ((outcomes, tail.outcomes), (["insee.outcomes"], tail.insee))
    ]
    health.check("mongodb", lambda: database.command("ping"))
    health.check("issuer", verifier.ready)
    async with AsyncExitStack() as stack:
        await producer.start()
        stack.push_async_callback(producer.stop)
        await broker.start()
        stack.push_async_callback(broker.stop)
        for subscriber in tails:
            await _at_the_end(subscriber)
        server = await serve_http(Guard(create_api(services)), settings.api_host, settings.api_port)
        try:
            yield
        finally:
            server.should_exit = True


def _tailing(
    broker: Any, health: Health, topics: Sequence[str], take: Callable[[Sequence[Any]], Awaitable[None]]
) -> Any:
    return consume(broker, health, topics, take, group=None, from_start=False)


async def _at_the_end(subscriber: Any) -> None:
    """Wait until a tail stands at the end of its topics: an answer that comes before would not be seen."""
    consumer = subscriber.consumer
    for partition in consumer.assignment():
        await consumer.position(partition)
