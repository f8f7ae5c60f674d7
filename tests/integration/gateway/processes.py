"""The gateway as a process of its own, and whoever calls it from another address while it is attacked."""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2

from tests.integration.gateway.stack import Stack, fresh_user, until

PROMPT = 5
"""Seconds within which a bystander is answered: far above what it takes, and below how long an attack lasts."""
ELSEWHERE = "127.0.0.2"
"""The bystander's address."""


class Gateway:
    """A running process: its port, what it logged, what it measures."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        self.port = int(environment["API_PORT"])
        self.api = f"http://127.0.0.1:{self.port}/api/v1"
        self._own = f"http://127.0.0.1:{environment['HTTP_PORT']}"
        self._log = log
        with log.open("w") as file:
            command = [sys.executable, "-m", "gateway"]
            self._process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=file)

    async def is_ready(self) -> bool:
        """Tell whether it can work."""
        assert self._process.poll() is None, self._log.read_text()
        try:
            async with httpx2.AsyncClient() as client:
                return (await client.get(f"{self._own}/ready")).status_code == 200
        except httpx2.HTTPError:
            return False

    async def metrics(self, name: str) -> dict[str, float]:
        """Return the values of a metric, by its labels as they are written."""
        async with httpx2.AsyncClient() as client:
            text = (await client.get(f"{self._own}/metrics")).text
        found = re.findall(rf"^{name}(?:\{{(.*)\}})? (\S+)$", text, re.MULTILINE)
        return {labels: float(value) for labels, value in found}

    async def refused(self, code: str) -> float:
        """Return how many were refused for a reason."""
        return (await self.metrics("structures_http_refused_total")).get(f'code="{code}"', 0.0)

    def logged(self, *levels: str) -> list[str]:
        """Return what it logged at these levels. Kafka's client warns of each gateway that comes or goes."""
        lines: list[dict[str, Any]] = [json.loads(line) for line in self._log.read_text().splitlines()]
        return [line["event"] for line in lines if line["level"] in levels]

    def errors(self) -> list[str]:
        """Return what it logged as an error of ours."""
        return self.logged("error", "critical")

    def stop(self) -> None:
        """Stop it."""
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@asynccontextmanager
async def gateway(environment: Mapping[str, str], log: Path) -> AsyncIterator[Gateway]:
    """Run a gateway until the context is left; it is ready."""
    process = Gateway(environment, log)
    try:
        await until(process.is_ready, within=60)
        yield process
    finally:
        await asyncio.to_thread(process.stop)


@asynccontextmanager
async def bystander(stack: Stack, api: str, *, every: float = 0.05) -> AsyncIterator[None]:
    """Let somebody else call from another address for as long as the context lasts, each time by a new connection.

    Fails when a call is not answered promptly.
    """
    headers = {"Authorization": f"Bearer {stack.issuer.token(fresh_user('bystander'))}"}
    ends = asyncio.Event()

    async def calls() -> None:
        while not ends.is_set():
            transport = httpx2.AsyncHTTPTransport(local_address=ELSEWHERE)
            async with httpx2.AsyncClient(transport=transport, headers=headers) as client:
                async with asyncio.timeout(PROMPT):
                    answer = await client.get(f"{api}/me")
                assert answer.status_code == 200, answer.text
            await asyncio.sleep(every)

    calling = asyncio.create_task(calls())
    try:
        yield
    finally:
        ends.set()
    await calling
