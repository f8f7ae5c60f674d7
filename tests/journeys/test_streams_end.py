"""An open stream of events ends within seconds once its reader may not read any more what it sends."""

import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from tests.journeys.builders import add_member, new_structure
from tests.support.system import System, until

SECONDS = 20
"""Within which it ends here: seven are promised, on a machine that does nothing else."""


def _followed(client: httpx2.Client, url: str, begun: "Future[float]") -> tuple[list[str], float]:
    """Follow a request; return the lines of its events, and when its stream ended."""
    lines: list[str] = []
    with client.stream("GET", url) as answer:
        assert answer.status_code == 200
        for line in answer.iter_lines():
            if line.startswith("data:"):
                lines.append(line)
                if not begun.done():
                    begun.set_result(time.monotonic())
    return lines, time.monotonic()


def _ends(client: httpx2.Client, url: str, end: Callable[[], Any]) -> None:
    """Follow a request, do what ends the stream, and see it end, with nothing sent but that it was received."""
    begun: Future[float] = Future()
    with ThreadPoolExecutor(1) as beside:
        following = beside.submit(_followed, client, url, begun)
        begun.result(SECONDS)
        end()
        done = time.monotonic()
        lines, ended = following.result(2 * SECONDS)
    assert ended - done < SECONDS
    assert len(lines) == 1
    assert '"received"' in lines[0]


@pytest.fixture
def structure(system: System) -> Iterator[dict[str, Any]]:
    """A structure of alice, of which marc is a member. Requests about it get no answer: no stream ends by itself."""
    made = new_structure(system)
    add_member(system, made["id"], "marc", "modification")
    owner = system.supervisor["structure_svc"]
    owner.send(signal.SIGSTOP)
    try:
        yield made
    finally:
        owner.send(signal.SIGCONT)


def _submitted(system: System, structure: dict[str, Any], who: str) -> str:
    """Make a request that is not waited for; return where it is followed."""
    with system.as_(who, wait=None) as client:
        request = client.patch(f"/structures/{structure['id']}", json={"label": "suivie"}).json()
        assert request["status"] == "received"
        return f"/requests/{request['request_id']}/events?actor={who}"


def test_when_its_reader_is_no_member_any_more(system: System, structure: dict[str, Any]) -> None:
    url = _submitted(system, structure, "alice")
    with system.as_("marc") as marc, system.as_("alice") as alice:

        def removed() -> None:
            time.sleep(7)  # By now nothing was sent for so long that it is looked after as seldom as ever.
            assert alice.delete(f"/structures/{structure['id']}/members/marc").json()["status"] == "applied"

        _ends(marc, url, removed)
        assert marc.get(url).status_code == 404


def test_when_the_account_of_its_reader_is_closed(system: System, structure: dict[str, Any]) -> None:
    url = _submitted(system, structure, "marc")
    with system.as_("marc") as marc, system.as_("admin") as admin:
        try:
            _ends(marc, url, lambda: admin.put("/users/marc/active", json={"active": False}))
            assert marc.get(url).status_code == 403
        finally:
            admin.put("/users/marc/active", json={"active": True})
            until(lambda: marc.get("/me").status_code == 200, what="let in again")


def test_when_the_token_of_its_reader_expires(system: System, structure: dict[str, Any]) -> None:
    url = _submitted(system, structure, "marc")
    token = system.token("marc", expires_in=4)
    with httpx2.Client(base_url=system.api, headers={"Authorization": f"Bearer {token}"}, timeout=40) as marc:
        _ends(marc, url, lambda: time.sleep(4))
