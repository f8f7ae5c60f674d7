"""The two doors as another system uses them: HTTP, and Kafka by a client that is not ours. Both tell the history."""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

import httpx2
from confluent_kafka import Producer

from dev.run.system import KAFKA_AUDIENCE, System
from shared.clock import SystemClock
from shared.contracts.messages.life import request_key
from tests.faults.history import Event, History
from tests.faults.plan import Ask

ACTOR = "alice"
TOPIC = "structure.requests"
PATIENCE = 90.0
"""Seconds for which a sender tries again. A fault lasts less."""

_TYPES = {kind: f"structure.{kind}.v1" for kind in ("modify", "activate", "deactivate", "cancel")}
_CLOCK = SystemClock()

Partition = Callable[[Ask], int | None]


def _anywhere(_: Ask) -> int | None:
    return None


class Channels:
    """Sends requests about `structures` (their ids). `async with` opens and closes the connections."""

    def __init__(self, system: System, history: History, structures: list[int], *, partition: Partition = _anywhere):
        self._structures = structures
        self._history = history
        self._partition = partition
        self._token = system.token(ACTOR, KAFKA_AUDIENCE)
        headers = {"Authorization": f"Bearer {system.token(ACTOR)}"}
        self._http = httpx2.AsyncClient(base_url=system.api, headers=headers, timeout=15)
        # The hash of Java's clients and of ours: librdkafka has another one by default.
        self._producer = Producer(
            {
                **system.partner(),
                "acks": "all",
                "enable.idempotence": True,
                "partitioner": "murmur2_random",
                "log_level": 0,
            }
        )

    async def __aenter__(self) -> "Channels":
        self._polling = asyncio.create_task(self._poll())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._polling.cancel()
        await asyncio.gather(self._polling, return_exceptions=True)
        await self._http.aclose()
        await asyncio.to_thread(self._producer.flush, 20)

    async def _poll(self) -> None:
        while True:
            self._producer.poll(0)
            await asyncio.sleep(0.005)

    async def send(self, ask: Ask) -> None:
        """Send a request until a door has taken it. Raises TimeoutError when none does in time."""
        async with asyncio.timeout(PATIENCE):
            self._tell("sent", ask, code=ask.kind)
            if ask.door == "kafka":
                await self._by_kafka(ask)
                return
            while not await self._by_http(ask):  # noqa: ASYNC110 - nobody tells when a process is there again.
                await asyncio.sleep(0.3)

    def _tell(self, what: Any, ask: Ask, **more: Any) -> None:
        document = f"structure:{self._structures[ask.target]}"
        key = request_key(ACTOR, ask.request_id)
        self._history.report(Event(what, _CLOCK.now(), ask.door, key, document, **more))

    # ---- Kafka ------------------------------------------------------------------------------------------------

    async def _by_kafka(self, ask: Ask) -> None:
        structure = self._structures[ask.target]
        data = {**ask.body, "structure": {"id": structure}}
        headers = {"ce_id": ask.request_id.encode(), "ce_type": _TYPES[ask.kind].encode(), **envelope(self._token)}
        loop, taken = asyncio.get_running_loop(), asyncio.Event()
        failed: list[Any] = []

        def delivered(error: Any, _: Any) -> None:
            failed.append(error)
            loop.call_soon_threadsafe(taken.set)

        partition = self._partition(ask)
        place = {} if partition is None else {"partition": partition}
        self._producer.produce(
            TOPIC,
            json.dumps(data).encode(),
            f"structure:{structure}".encode(),
            headers=list(headers.items()),
            on_delivery=delivered,
            **place,
        )
        await taken.wait()
        self._tell("unsure" if failed[0] else "acknowledged", ask)

    # ---- HTTP -------------------------------------------------------------------------------------------------

    async def _by_http(self, ask: Ask) -> bool:
        """Ask once; return whether there is nothing left to try."""
        method, path, body = self._route(ask)
        headers = {"Idempotency-Key": ask.request_id}
        if ask.wait:
            headers["Prefer"] = f"wait={ask.wait}"
        try:
            answer = await self._http.request(method, path, json=body, headers=headers)
        except httpx2.HTTPError:
            self._tell("unsure", ask)
            return False
        if answer.status_code >= 500:
            self._tell("unsure", ask, code=str(answer.status_code))
            return False
        told = answer.json()
        if answer.status_code == 202:
            self._tell("acknowledged", ask)
            if told["status"] not in {"received", "waiting"}:
                self._tell("answered", ask, status=told["status"], code=told["code"], version=told.get("version", 0))
        elif "request_id" in told:  # Its owner refused it; without an id the gateway did, and nothing was asked.
            self._tell("acknowledged", ask)
            self._tell("answered", ask, status="rejected", code=told["code"])
        return True

    def _route(self, ask: Ask) -> tuple[str, str, Mapping[str, Any] | None]:
        path = f"/structures/{self._structures[ask.target]}"
        match ask.kind:
            case "modify":
                return "PATCH", path, ask.body
            case "cancel":
                return "POST", f"/requests/{ask.body['request_id']}/cancel", None
            case "member":
                return "PUT", f"{path}/members/{ask.body['user']}", {"profile": ask.body["profile"]}
            case verb:
                return "POST", f"{path}/{verb}", None


def envelope(token: str) -> dict[str, bytes]:
    """Return the headers that every request of another system has."""
    return {
        "ce_specversion": b"1.0",
        "ce_source": b"/faults",
        "content-type": b"application/json",
        "authorization": f"Bearer {token}".encode(),
    }
