"""Follows the answers: each replica reads `*.outcomes` from the end, without a group, and keeps those it waits for."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import orjson

_CORRELATION = "ce_correlationid"


class Tail:
    """Hands each answer to whoever waits for its correlation id; the others are not even parsed."""

    def __init__(self) -> None:
        self._replica = secrets.token_hex(6)
        self._count = 0
        self._waiting: dict[str, asyncio.Queue[dict[str, Any]]] = {}
        self._insee: dict[str, set[asyncio.Queue[dict[str, Any]]]] = {}

    @contextmanager
    def expect(self) -> Iterator[tuple[str, asyncio.Queue[dict[str, Any]]]]:
        """Give a fresh correlation id and the queue in which its answers arrive."""
        self._count += 1
        correlation = f"{self._replica}-{self._count}"
        queue = self._waiting[correlation] = asyncio.Queue()
        try:
            yield correlation, queue
        finally:
            del self._waiting[correlation]

    @contextmanager
    def expect_siret(self, siret: str) -> Iterator[asyncio.Queue[dict[str, Any]]]:
        """Give the queue in which INSEE's answers about a SIRET arrive."""
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._insee.setdefault(siret, set()).add(queue)
        try:
            yield queue
        finally:
            self._insee[siret].discard(queue)
            if not self._insee[siret]:
                del self._insee[siret]

    async def outcomes(self, records: Sequence[Any]) -> None:
        """Take a batch of outcomes."""
        for record in records:
            for name, value in record.headers:
                if name == _CORRELATION and value is not None:
                    queue = self._waiting.get(value.decode(errors="replace"))
                    if queue is not None and record.value:
                        queue.put_nowait(orjson.loads(record.value))
                    break

    async def insee(self, records: Sequence[Any]) -> None:
        """Take a batch of INSEE's answers."""
        for record in records:
            for queue in self._insee.get((record.key or b"").decode(errors="replace"), ()):
                queue.put_nowait(orjson.loads(record.value))


async def until(queue: "asyncio.Queue[dict[str, Any]]", seconds: float) -> AsyncIterator[dict[str, Any]]:
    """Yield what arrives in the queue, for at most that long."""
    end = asyncio.get_running_loop().time() + seconds
    while (left := end - asyncio.get_running_loop().time()) > 0:
        try:
            yield await asyncio.wait_for(queue.get(), left)
        except TimeoutError:
            return
