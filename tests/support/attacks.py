"""What a hostile neighbour sends, or a document that should not be holds: each harms nobody else, whatever it is.

Attacks are bounded in number, stay on the loopback, and use what anybody has: an account, a partner's Kafka user.
"""

import base64
import json
import secrets
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

from confluent_kafka import Producer
from pymongo import MongoClient

from dev.run.system import KAFKA_AUDIENCE, System

WHO = "chloe"
"""The account of the attacker."""
_LONG = "\N{MATHEMATICAL BOLD SMALL A}" * 100
"""The longest name of an attachment, four bytes a character."""

Bodies = Iterable[tuple[str, Mapping[str, Any]]]
Raw = dict[str, Any]


class Attacker:
    """Somebody with an account, a structure of their own (`structure`, whose id it is), and a Kafka user."""

    def __init__(self, system: System, structure: int) -> None:
        self.system, self.structure = system, structure
        self._token = system.token(WHO, KAFKA_AUDIENCE)
        self._producer = Producer({**system.partner(), "acks": "1", "linger.ms": 5, "log_level": 0})

    def publish(
        self, bodies: Bodies, *, type_: str = "structure.modify.v1", token: str | None = None, **headers: bytes
    ) -> None:
        """Send requests, each with its id; returns once the broker has them."""
        common = {
            "ce_specversion": b"1.0",
            "ce_source": b"/attacker",
            "ce_type": type_.encode(),
            "authorization": f"Bearer {token or self._token}".encode(),
            **headers,
        }
        for request_id, body in bodies:
            record_headers = {**common, "ce_id": request_id.encode()}
            value, key = json.dumps(body).encode(), f"structure:{self.structure}".encode()
            while True:
                try:
                    self._producer.produce("structure.requests", value, key, headers=list(record_headers.items()))
                    break
                except BufferError:
                    self._producer.poll(0.1)
            self._producer.poll(0)
        self._producer.flush(60)

    def mine(self) -> dict[str, Any]:
        """Return how a request names the attacker's structure."""
        return {"structure": {"id": self.structure}}

    # ---- messages ---------------------------------------------------------------------------------------------

    def many_pending_changes(self) -> None:
        """Ask for thousands of changes of one's own structure."""
        run = secrets.token_hex(4)
        self.publish((f"{run}-{n}", {**self.mine(), "label": f"{run} {n}"}) for n in range(5_000))

    def heavy_pending_changes(self) -> None:
        """Ask for hundreds of changes as large as a message may be."""
        run = secrets.token_hex(4)
        mandate = {"mandatary": {"type": "AUTRE", "value": "M"}, "start": "2026-01-01"}
        self.publish(
            (f"{run}-{n}", {**self.mine(), "billing_mandate": {**mandate, "attachments": [f"{n}{_LONG}"[:100]] * 50}})
            for n in range(400)
        )

    def copies_of_one_request(self) -> None:
        """Send one request thousands of times."""
        request_id = secrets.token_hex(8)
        self.publish((request_id, {**self.mine(), "label": request_id}) for _ in range(3_000))

    def one_id_with_many_bodies(self) -> None:
        """Send many requests under one id."""
        request_id = secrets.token_hex(8)
        self.publish((request_id, {**self.mine(), "label": f"{n}"}) for n in range(1_000))

    def requests_that_wait(self) -> None:
        """Ask thousands of times for what may only be refused once a copy has come."""
        run = secrets.token_hex(4)
        self.publish((f"{run}-{n}", {"structure": {"id": 1}, "label": f"{run} {n}"}) for n in range(3_000))

    def huge_headers(self) -> None:
        """Send messages whose headers are as large as Kafka takes them."""
        run = secrets.token_hex(4)
        self.publish(((f"{run}-{n}", {**self.mine(), "label": "x"}) for n in range(20)), x=b"y" * 900_000)

    def made_up_keys(self) -> None:
        """Sign with keys whose names nobody has heard of, a new one each time."""
        run = secrets.token_hex(4)
        for n in range(300):
            self.publish([(f"{run}-{n}", {**self.mine(), "label": "x"})], token=_made_up(self.system.issuer, n))

    # ---- documents that should not be -------------------------------------------------------------------------

    @contextmanager
    def stored(self, change: Callable[[Raw], Raw]) -> Iterator[None]:
        """Let the attacker's document be stored as it never should be; as it was, afterwards."""
        with _documents(self.system) as documents:
            id_ = f"structure:{self.structure}"
            before = documents.find_one({"_id": id_})
            documents.replace_one({"_id": id_}, change(json_copy(before)))
            try:
                yield
            finally:
                now = documents.find_one({"_id": id_}, {"version": 1}) or {}
                restored = {**before, "version": now.get("version", before["version"]), "outbox": []}
                documents.replace_one({"_id": id_}, restored)

    def submit_changes(self) -> None:
        """Submit a few changes of one's own structure."""
        run = secrets.token_hex(4)
        self.publish((f"{run}-{n}", {**self.mine(), "label": f"{run} {n}"}) for n in range(20))

    @contextmanager
    def newer_requests(self) -> Iterator[None]:
        """Let many requests wait that only a newer version knows, all past their deadline."""
        with _documents(self.system) as documents:
            records = documents.database["structure_requests"]
            transition = {
                "owner": "structure",
                "actor": WHO,
                "type": "structure.new.v9",
                "status": "waiting",
                "code": "x",
            }
            incoming = {"type": "structure.new.v9", "actor": {"id": "newer"}}
            ids = [f"newer|{n}" for n in range(3_000)]
            records.insert_many(
                {
                    "_id": id_,
                    "version": 0,
                    "status": "waiting",
                    "deadline": 1,
                    "look_up_at": 1,
                    "waits_for": "x",
                    "incoming": incoming,
                    "step": {**transition, "request_id": id_, "at": 1},
                }
                for id_ in ids
            )
            try:
                yield
            finally:
                records.delete_many({"_id": {"$in": ids}})

    # ---- HTTP -------------------------------------------------------------------------------------------------

    @contextmanager
    def half_open_connections(self) -> Iterator[None]:
        """Open many connections, and say nothing on half of them, half a request on the others."""
        with ExitStack() as stack:
            for n in range(400):
                with suppress(OSError):  # A server that takes no more of them is right.
                    connection = stack.enter_context(_connect(self.system.api))
                    if n % 2:
                        connection.sendall(b"GET /api/v1/me HTTP/1.1\r\nHost: x\r\nX-Slow: ")
            yield

    @contextmanager
    def slow_bodies(self) -> Iterator[None]:
        """Announce bodies that never come whole."""
        head = f"POST /api/v1/structures HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self._token}\r\n"
        head += "Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n{"
        with ExitStack() as stack:
            for _ in range(100):
                with suppress(OSError):
                    stack.enter_context(_connect(self.system.api)).sendall(head.encode())
            yield

    def huge_http_header(self) -> None:
        """Send a header without end, as long as the server takes it."""
        with suppress(OSError), _connect(self.system.api) as connection:
            connection.sendall(b"GET /api/v1/me HTTP/1.1\r\nHost: x\r\nX-Huge: ")
            for _ in range(96):
                connection.sendall(b"y" * 1_000_000)


def json_copy(raw: Any) -> Raw:
    """Return a document to be changed, without touching the original."""
    return {name: (dict(value) if isinstance(value, dict) else value) for name, value in raw.items()}


def with_state(**fields: Any) -> Callable[[Raw], Raw]:
    """Return what changes fields of a stored state."""
    return lambda raw: {**raw, "state": {**raw["state"], **fields}}


@contextmanager
def _documents(system: System) -> Iterator[Any]:
    client: MongoClient[Any] = MongoClient(system.brokers.mongo_admin_uri)
    try:
        yield client["structure_svc"]["structure_documents"]
    finally:
        client.close()


def _connect(api: str) -> socket.socket:
    where = urlsplit(api)
    return socket.create_connection((where.hostname or "127.0.0.1", where.port or 80), timeout=5)


def _made_up(issuer: str, number: int) -> str:
    now = int(time.time())
    claims = {"iss": issuer, "sub": WHO, "aud": KAFKA_AUDIENCE, "exp": now + 600}
    parts: Sequence[Any] = ({"alg": "RS256", "typ": "JWT", "kid": f"made-up-{number}"}, claims)
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*encoded, base64.urlsafe_b64encode(b"s" * 256).rstrip(b"=").decode()])
