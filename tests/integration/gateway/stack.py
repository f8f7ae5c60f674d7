"""What surrounds the gateway in these tests: an issuer, and the owners, played by the test on real topics."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import httpx2
import orjson
from joserfc import jwt

from dev.brokers import Brokers
from dev.issuer.keys import Keys
from shared.auth.issuer_keys import IssuerKeys
from shared.auth.verifier import Verifier
from shared.clock import SystemClock, iso
from shared.contracts import codes
from shared.contracts.messages import cloudevents
from shared.contracts.messages.cloudevents import Event, Headers
from shared.kafka.clients import build_consumer, build_producer
from shared.runtime.settings import KafkaSettings
from tests.support.contract import check_answer

HTTP, KAFKA = "structures-http", "structures-kafka"
ADMIN = "structures:admin"
OWN_SECRET = "secret-of-the-gateway"

_ids = itertools.count(1000)
Decide = Callable[[Event], Mapping[str, Any] | None]


def fresh_id() -> int:
    """Return an id no other test uses."""
    return next(_ids)


def fresh_user(name: str) -> str:
    return f"{name}-{next(_ids)}"


class Issuer:
    """Signs tokens as the issuer does; `address` is where it publishes its keys."""

    def __init__(self, address: str, keys: Keys) -> None:
        self.address = address
        self.keys = keys

    def token(self, subject: str, *, audience: str = HTTP, expires_in: int = 3600, **claims: Any) -> str:
        now = int(time.time())
        payload = {"iss": self.address, "sub": subject, "aud": audience, "iat": now, "exp": now + expires_in, **claims}
        return str(jwt.encode({"alg": "ES256", "kid": self.keys.signing.kid}, payload, self.keys.signing))


class Dead(NamedTuple):
    """A dead letter of the gateway."""

    headers: Mapping[str, bytes]
    value: bytes | None

    @property
    def code(self) -> str:
        return self.headers["dlq_code"].decode()


class Owners:
    """structure_svc, manager_svc and insee_adapter as the gateway meets them.

    `received` holds what came on the topics of requests. While `decide` is set, each request is answered with what it
    returns: fields of its outcome.
    """

    producer: Any

    def __init__(self, kafka: KafkaSettings) -> None:
        self.kafka = kafka
        self.received: list[tuple[str, bytes, Event]] = []
        self.dead: list[Dead] = []
        self.decide: Decide = lambda _: None

    @asynccontextmanager
    async def working(self) -> AsyncIterator["Owners"]:
        topics = ("structure.requests", "manager.requests", "insee.requests", "gateway.dlq")
        consumer = build_consumer(self.kafka, *topics, group=None)
        self.producer = build_producer(self.kafka)
        await self.producer.start()
        await consumer.start()
        listening = asyncio.create_task(self._listen(consumer))
        try:
            yield self
        finally:
            listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await listening
            await consumer.stop()
            await self.producer.stop()

    async def _listen(self, consumer: Any) -> None:
        async for record in consumer:
            if record.topic == "gateway.dlq":
                self.dead.append(Dead(dict(record.headers), record.value))
                continue
            event = cloudevents.read(record)
            self.received.append((record.topic, record.key, event))
            answer = self.decide(event)
            if answer is not None and record.topic == "insee.requests":
                await self.insee(event, **answer)
            elif answer is not None:
                await self.outcome(record.topic.partition(".")[0], event, **answer)

    def received_from(self, actor: str, type_: str | None = None) -> list[tuple[str, bytes, Event]]:
        """Return what came in somebody's name, registrations left out unless that type is given."""
        return [
            (topic, key, event)
            for topic, key, event in self.received
            if event.attributes.get("actor") == actor
            and (event.type == type_ if type_ else event.type != "user.register.v1")
        ]

    async def read_up_to_here(self, topic: str, key: str) -> None:
        """Return once the gateway has read, and written, all that was sent to the partition of a key.

        A record nobody can read is dead-lettered before its neighbours are written; a second one, after.
        """
        for _ in range(2):
            mark = f"mark {next(_ids)}".encode()
            await self.send(topic, key, mark)
            await until(lambda mark=mark: self._is_dead(mark))  # type: ignore[misc]

    async def _is_dead(self, value: bytes) -> bool:
        return any(dead.value == value for dead in self.dead)

    # ---- what owners publish ------------------------------------------------------------------------------------

    async def send(self, topic: str, key: str, value: Any, type_: str = "test", **more: Any) -> None:
        raw = value if isinstance(value, bytes) else orjson.dumps(value)
        about: dict[str, Any] = {"event_id": f"{key}-{next(_ids)}", "event_type": type_, "source": "/test", "at": 0}
        message = cloudevents.build(topic, key, raw, **about | more)
        await self.put(topic, message.value, message.key, message.headers)

    async def put(self, topic: str, value: bytes | None, key: bytes | None, headers: Headers) -> None:
        """Send a record as it is."""
        await self.producer.send_and_wait(topic, value, key=key, headers=list(headers))

    async def structure(self, id_: int, principal: str, *, version: int = 1, **fields: Any) -> dict[str, Any]:
        """Publish a structure; a public one unless stated otherwise."""
        record = {
            "id": id_,
            "version": version,
            "identifier": {"type": "AUTRE", "value": f"X{id_}"},
            "sphere": "public_non_state",
            "status": "inactive",
            "created_at": "2026-01-01T00:00:00.000Z",
            "name": f"Structure {id_}",
            "label": "Siège",
            "address": {"line1": "1 rue Haute", "postcode": "69003", "city": "Lyon", "country": "FR"},
            "email": "contact@example.fr",
            "parameters": {"edi_enabled": True},
            "creator": principal,
            "principal": principal,
            "pending": [],
            "modifiable_fields": ["email", "label"],
            "possible_requests": ["activate", "correct-sphere", "modify"],
            **fields,
        }
        published = {name: value for name, value in record.items() if value is not None}
        await self.send("structure.state", f"structure:{id_}", published)
        return published

    async def team(
        self, id_: int, principal: str, profiles: Mapping[str, str] | None = None, *, version: int = 1
    ) -> None:
        """Publish a team: users with their profiles; « ended » is a membership that was."""
        members = {
            user: {
                "profile": "consultation" if profile == "ended" else profile,
                "state": "ended" if profile == "ended" else "valid",
                "since": "2026-01-01T00:00:00.000Z",
            }
            for user, profile in (profiles or {}).items()
        }
        record = {"structure_id": id_, "version": version, "sphere": "private", "principal": principal}
        await self.send("manager.state", f"structure:{id_}", {**record, "members": members})

    async def user(self, id_: str, *, version: int = 1, **fields: Any) -> None:
        record = {"id": id_, "version": version, "kind": "person", "pigp": False, "active": True, **fields}
        await self.send("manager.state", f"user:{id_}", record)

    async def journal(self, owner: str, **step: Any) -> None:
        entry = {"owner": owner, "type": "structure.modify.v1", "code": step["status"], "at": iso(0), **step}
        key = f"{entry['actor']}|{entry['request_id']}|{entry['status']}"
        await self.send(f"{owner}.journal", key, {"before": {}, "after": {}, **entry})

    async def outcome(self, owner: str, event: Event, **fields: Any) -> None:
        """Answer a request, as its owner does."""
        answer = {
            "owner": owner,
            "request_id": event.id,
            "actor": event.attributes.get("actor", ""),
            "type": event.type,
            "status": "accepted",
            "code": fields.get("status", "accepted"),
            "version": 1,
            "at": iso(0),
            "message": "…",
            **fields,
        }
        key = f"{answer['actor']}|{answer['request_id']}|{answer['status']}|{answer['version']}"
        await self.send(
            f"{owner}.outcomes", "k", answer, event_id=key, correlation_id=event.attributes.get("correlationid")
        )

    async def insee(self, event: Event, **fields: Any) -> None:
        siret = event.data["siret"]
        answer = {"siret": siret, "as_of": iso(0), **fields}
        await self.send("insee.outcomes", siret, answer, correlation_id=event.attributes["correlationid"])


class Stack:
    """The gateway, its surroundings, and clients of it."""

    def __init__(self, brokers: Brokers, issuer: Issuer, owners: Owners, api: str) -> None:
        self.brokers = brokers
        self.issuer = issuer
        self.owners = owners
        self.api = api

    @asynccontextmanager
    async def as_(self, subject: str, *, wait: int = 0, **claims: Any) -> AsyncIterator[httpx2.AsyncClient]:
        """Give a client with somebody's token."""
        headers = {"Authorization": f"Bearer {self.issuer.token(subject, **claims)}"}
        if wait:
            headers["Prefer"] = f"wait={wait}"
        async with self.client(headers=headers) as client:
            yield client

    def client(self, api: str | None = None, *, headers: Mapping[str, str] | None = None) -> httpx2.AsyncClient:
        """Return a client, of another replica when its address is given; every answer is held against the contract."""
        hooks: Any = {"response": [check_answer]}
        return httpx2.AsyncClient(base_url=api or self.api, headers=headers, timeout=60, event_hooks=hooks)

    async def verified(self, authorization: str, audience: str) -> Mapping[str, Any]:
        """Return the claims of a header `authorization`, once its token is verified."""
        keys = IssuerKeys(self.issuer.address, SystemClock())
        return await Verifier(keys, audience, SystemClock()).verify(authorization)

    @staticmethod
    def sentence(code: str) -> str:
        """Return a code's French sentence."""
        return codes.CODES[code].sentence

    def admin(self) -> Any:
        return self.as_(fresh_user("admin"), scope=ADMIN)

    @asynccontextmanager
    async def anonymous(self) -> AsyncIterator[httpx2.AsyncClient]:
        async with self.client() as client:
            yield client


async def until(holds: Callable[[], Awaitable[Any]], within: float = 20.0) -> Any:
    """Return the first true answer of `holds`; fail when there is none in time."""
    end = time.monotonic() + within
    while not (answer := await holds()):
        assert time.monotonic() < end, "it did not happen in time"
        await asyncio.sleep(0.02)
    return answer


async def readable(client: httpx2.AsyncClient, path: str, **params: Any) -> Any:
    """Return what is at a path, once it is there."""

    async def found() -> Any:
        answer = await client.get(path, params=params)
        return answer.json() if answer.status_code == 200 else None

    return await until(found)
