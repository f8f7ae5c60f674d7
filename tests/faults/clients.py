"""The two entry points as another system uses them: HTTP, and Kafka by a client that is not ours.

Both record in the history."""

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
from tests.faults.plan import PlannedRequest

ACTOR = "alice"
TOPIC = "structure.requests"
PATIENCE = 90.0
"""Seconds for which a sender tries again. A fault lasts less."""

_TYPES = {kind: f"structure.{kind}.v1" for kind in ("modify", "activate", "deactivate", "cancel")}
_CLOCK = SystemClock()

Partition = Callable[[PlannedRequest], int | None]


def _anywhere(_: PlannedRequest) -> int | None:
    return None


class Clients:
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

    async def __aenter__(self) -> "Clients":
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

    async def send(self, request: PlannedRequest) -> None:
        """Send a request until its entry point has taken it. Raises TimeoutError when none does in time."""
        async with asyncio.timeout(PATIENCE):
            self._record("sent", request, code=request.kind)
            if request.channel == "kafka":
                await self._by_kafka(request)
                return
            while not await self._by_http(request):  # noqa: ASYNC110 - nothing says when a process is there again.
                await asyncio.sleep(0.3)

    def _record(self, what: Any, request: PlannedRequest, **more: Any) -> None:
        document = f"structure:{self._structures[request.target]}"
        key = request_key(ACTOR, request.request_id)
        self._history.record(Event(what, _CLOCK.now(), request.channel, key, document, **more))

    # ---- Kafka ------------------------------------------------------------------------------------------------

    async def _by_kafka(self, request: PlannedRequest) -> None:
        structure = self._structures[request.target]
        data = {**request.body, "structure": {"id": structure}}
        headers = {
            "ce_id": request.request_id.encode(),
            "ce_type": _TYPES[request.kind].encode(),
            **envelope(self._token),
        }
        loop, taken = asyncio.get_running_loop(), asyncio.Event()
        failed: list[Any] = []

        def delivered(error: Any, _: Any) -> None:
            failed.append(error)
            loop.call_soon_threadsafe(taken.set)

        partition = self._partition(request)
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
        self._record("unsure" if failed[0] else "acknowledged", request)

    # ---- HTTP -------------------------------------------------------------------------------------------------

    async def _by_http(self, request: PlannedRequest) -> bool:
        """Try once; return whether there is nothing left to try."""
        method, path, body = self._route(request)
        headers = {"Idempotency-Key": request.request_id}
        if request.wait:
            headers["Prefer"] = f"wait={request.wait}"
        try:
            answer = await self._http.request(method, path, json=body, headers=headers)
        except httpx2.HTTPError:
            self._record("unsure", request)
            return False
        if answer.status_code >= 500:
            self._record("unsure", request, code=str(answer.status_code))
            return False
        outcome = answer.json()
        if answer.status_code == 202:
            self._record("acknowledged", request)
            if outcome["status"] not in {"received", "waiting"}:
                self._record(
                    "answered",
                    request,
                    status=outcome["status"],
                    code=outcome["code"],
                    version=outcome.get("version", 0),
                )
        elif "request_id" in outcome:  # Its owner refused it; without an id the gateway did, and nothing was submitted.
            self._record("acknowledged", request)
            self._record("answered", request, status="rejected", code=outcome["code"])
        return True

    def _route(self, request: PlannedRequest) -> tuple[str, str, Mapping[str, Any] | None]:
        path = f"/structures/{self._structures[request.target]}"
        match request.kind:
            case "modify":
                return "PATCH", path, request.body
            case "cancel":
                return "POST", f"/requests/{request.body['request_id']}/cancel", None
            case "member":
                return "PUT", f"{path}/members/{request.body['user']}", {"profile": request.body["profile"]}
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
