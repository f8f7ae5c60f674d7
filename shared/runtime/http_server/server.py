"""Serves an application in this process's event loop; when it stops, requests under way may finish."""

import asyncio
import contextlib
import resource
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from ipaddress import ip_network

import uvicorn
from starlette.types import ASGIApp

from shared.runtime.http_server.connections import Connections
from shared.runtime.http_server.limits import Limits
from shared.runtime.http_server.protocol import BoundedProtocol

_GRACE_S = 10
"""Seconds that requests under way may take to finish."""
_SWEEP_S = 0.5
"""Seconds between two checks for connections whose deadline has passed."""
_OTHER_FILES = 200
"""Open files reserved for everything but HTTP: brokers, logs."""


@asynccontextmanager
async def serving(
    app: ASGIApp,
    host: str,
    port: int,
    *,
    limits: Limits | None = None,
    proxies: Sequence[str] = (),
    setting: str = "HTTP_PORT",
) -> AsyncIterator[None]:
    """Listen until the context is left. Ends the process when the port is taken; `setting` is the name of its setting.

    `proxies` are the addresses and networks of trusted proxies, whose `X-Forwarded-For` names the client.
    """
    listener = _listening(host, port, setting)
    connections = Connections(_possible(limits or Limits()), [ip_network(proxy) for proxy in proxies])
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            http=partial(BoundedProtocol, connections=connections),  # type: ignore[arg-type]
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(proxies),
            forwarded_allow_ips=list(proxies),
            timeout_graceful_shutdown=_GRACE_S,
        )
    )
    # The process handles its own signals: uvicorn must not take them over.
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
    serves = asyncio.create_task(server.serve(sockets=[listener]), name="http")
    sweeps = asyncio.create_task(_sweep(connections), name="http limits")
    try:
        yield
    finally:
        server.should_exit = True
        try:
            await serves
        finally:
            sweeps.cancel()


async def _sweep(connections: Connections) -> None:
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(_SWEEP_S)
        connections.sweep(loop.time())


def _possible(limits: Limits) -> Limits:
    """Return the limits, with no more connections than this process may open files; that number is raised first.

    Without a free file, a connection could not even be refused.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = limits.connections + _OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        limits = replace(limits, connections=max(1, min(limits.connections, soft - _OTHER_FILES)))
    return limits


def _listening(host: str, port: int, setting: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise SystemExit(
            f"Cannot listen on {host}:{port} ({error.strerror}). Choose another with {setting}."
        ) from error
