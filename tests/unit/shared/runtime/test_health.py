"""What a process tells of itself: whether it lives, whether it can work, and how much is wrong, among its metrics."""

import asyncio
import uuid

import httpx2
from prometheus_client import REGISTRY

from shared.runtime.health import Health, app


def started() -> tuple[Health, str]:
    name = uuid.uuid4().hex
    health = Health(name)
    health.started = True
    return health, name


async def fine() -> None:
    """Find nothing wrong."""


async def wrong() -> None:
    raise ConnectionRefusedError


async def asked(health: Health, path: str) -> httpx2.Response:
    transport = httpx2.ASGITransport(app(health))
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.get(path)


def counted(name: str) -> float | None:
    return REGISTRY.get_sample_value("structures_problems", {"process": name})


async def test_what_keeps_it_from_working_is_told_and_counted() -> None:
    health, name = started()
    health.check("fine", fine)
    health.check("wrong", wrong)
    health.loop("loop").stuck = "Transient"
    answer = await asked(health, "/ready")
    assert (answer.status_code, answer.json()["ok"]) == (503, False)
    assert answer.json()["problems"] == ["loop stands still: Transient", "wrong: ConnectionRefusedError"]
    assert (await asked(health, "/live")).status_code == 200
    assert f'structures_problems{{process="{name}"}} 2.0' in (await asked(health, "/metrics")).text


async def test_what_it_can_do_without_is_told_and_counted_and_it_is_ready() -> None:
    health, name = started()
    health.check("wrong", wrong, bearable=True)
    answer = await asked(health, "/ready")
    assert (answer.status_code, answer.json()) == (200, {"ok": True, "problems": ["wrong: ConnectionRefusedError"]})
    await asked(health, "/metrics")
    assert counted(name) == 1


async def test_nothing_is_counted_when_all_is_well() -> None:
    health, name = started()
    health.check("fine", fine)
    await asked(health, "/metrics")
    assert counted(name) == 0


async def test_everything_is_asked_at_once() -> None:
    """One that hangs for its three seconds leaves whoever asks time for the answers of the others."""
    health, _ = started()
    both = asyncio.Barrier(2)

    async def meets() -> None:
        await both.wait()

    health.check("one", meets)
    health.check("other", meets)
    assert await health.ready() == []
