"""The composition root of the gateway: the only file here that names concrete classes."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from gateway.api.app import create_api
from gateway.api.authentication import Callers
from gateway.api.dependencies import Services
from gateway.api.middleware import HttpGuard
from gateway.api.rate_limit.middleware import RateLimit
from gateway.api.rate_limit.store import MongoPermits
from gateway.application.lookup import InseeLookUps, Limits
from gateway.application.outcome_listener import OutcomeListener
from gateway.application.registration import Registrations
from gateway.application.submit import RequestSubmitter
from gateway.projections.catch_up import CatchUp
from gateway.projections.consumer import PROCESS, feeding
from gateway.projections.request_writer import RequestWriter
from gateway.queries.manager import Users
from gateway.queries.requests import Requests
from gateway.queries.structure import Structures
from gateway.read_model.schema import ReadModel
from gateway.settings import Settings
from shared.auth.issuer_keys import IssuerKeys
from shared.auth.service_token import ServiceToken
from shared.auth.verifier import Verifier
from shared.contracts import topics
from shared.kafka import clients as brokers
from shared.kafka.consumer import consume
from shared.kafka.dead_letter_limit import DeadLetterLimit
from shared.kafka.producer import KafkaBus
from shared.mongo import client as mongo
from shared.runtime.health import Health
from shared.runtime.http_server.server import serving
from shared.runtime.settings import KafkaSettings, MongoSettings, OidcSettings

__all__ = ["PROCESS", "running"]


@asynccontextmanager
async def running(settings: Settings, health: Health) -> AsyncIterator[None]:
    """Run until the context is left."""
    kafka, oidc, clock = KafkaSettings(), OidcSettings(), settings.clock()
    database = mongo.connect(MongoSettings(), patience=settings.broker_patience)
    model = ReadModel(database, settings.read_model)
    with mongo.patiently():
        await model.prepare()
    producer = brokers.build_producer(kafka)
    bus, listener, writer = (
        KafkaBus(producer, health, DeadLetterLimit(PROCESS)),
        OutcomeListener(),
        RequestWriter(model),
    )
    secret = settings.gateway_client_secret.get_secret_value()
    token = ServiceToken(oidc.issuer, settings.gateway_client_id, secret, oidc.audience, clock)
    structures = Structures(model, settings.min_version_wait)
    requests = Requests(model, structures)
    submitter = RequestSubmitter(bus, token, listener, writer, requests, clock, patience=settings.broker_patience)
    registrations = Registrations(submitter)
    users = Users(model, settings.min_version_wait)
    keys = IssuerKeys(oidc.issuer, clock, kept=oidc.keys_kept, grace=oidc.keys_grace)
    verifier = Verifier(keys, settings.http_audience, clock)
    look_ups = InseeLookUps(_look_up_limits(settings), database, bus, listener, clock)
    await look_ups.prepare()
    services = Services(
        structures=structures,
        requests=requests,
        users=users,
        callers=Callers(verifier, users, registrations, settings.user_kept),
        submitter=submitter,
        writer=writer,
        listener=listener,
        insee=look_ups,
    )

    broker = brokers.build_broker(kafka)
    feeds = {
        topic: consume(broker, health, [topic], handler, group=model.group(topic))
        for topic, handler in feeding(model, bus).items()
    }
    followed = [topics.name(owner, topics.OUTCOMES) for owner in (*topics.OWNERS, "insee")]
    following = consume(broker, health, followed, listener.take, group=None, from_start=False)
    catch_up = CatchUp(feeds)
    health.check("mongodb", lambda: database.command("ping"))
    # Bearable: without Kafka, the read model can still be consulted.
    health.check("kafka", lambda: brokers.answers(producer), bearable=True)
    health.check("issuer", verifier.ready)
    health.check("own token", token.ready)
    health.check("read model", catch_up.check)
    permits = MongoPermits(database)
    await permits.prepare()
    routes = create_api(services, docs=settings.environment == "development")
    limited = RateLimit(routes, verifier, permits, settings.rates())
    api = HttpGuard(limited, access_log=settings.access_log)

    async with AsyncExitStack() as stack:
        stack.callback(database.client.close)
        await stack.enter_async_context(keys.kept_fresh(oidc.keys_refreshed, on_withdrawal=token.renew))
        await producer.start()
        stack.push_async_callback(producer.stop)
        stack.push_async_callback(registrations.end)
        await brokers.start(broker)
        stack.push_async_callback(broker.stop)
        await _at_the_end(following)
        await catch_up.start()
        await stack.enter_async_context(
            serving(
                api,
                settings.api_host,
                settings.api_port,
                limits=settings.limits(),
                proxies=settings.proxies(),
                setting="API_PORT",
            )
        )
        stack.callback(listener.stop)
        yield


async def _at_the_end(following: Any) -> None:
    """Wait until the listener is at the end of its topics: an outcome published before that would not be seen."""
    consumer = following.consumer
    for partition in consumer.assignment():
        await consumer.position(partition)


def _look_up_limits(settings: Settings) -> Limits:
    return Limits(
        wait=settings.insee_look_up_wait,
        broker_patience=settings.broker_patience,
        window=settings.insee_look_up_window,
        count=settings.insee_look_ups,
    )
