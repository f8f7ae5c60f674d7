"""A little demo data, created by requests to the API. Loading it again changes nothing.

`python -m dev.demo ISSUER API [FILE]` loads it, with the URLs of the issuer and of the API. With a file, it creates
that file once the data are there, and stays until it gets a signal to end. So a health check can wait for the data.
"""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx2

from dev.issuer.accounts import PASSWORD, PEOPLE

_END = {signal.SIGTERM, signal.SIGINT}

COMPANY = "41816609600069"
TOWN = "21920023500014"

_STRUCTURES: tuple[dict[str, Any], ...] = (
    {
        "identifier": {"type": "AUTRE", "value": "DEMO-ASSO"},
        "name": "Association des Lumières d'Été",
        "address": {"line1": "3 rue des Lilas", "postcode": "69003", "city": "Lyon"},
        "activate": True,
    },
    {"identifier": {"type": "SIRET", "value": COMPANY}, "label": "Siège", "activate": True},
    {"identifier": {"type": "SIRET", "value": TOWN}, "label": "Mairie", "activate": True},
)


class Client:
    """A client of the API for the demo accounts."""

    def __init__(self, issuer: str, api: str) -> None:
        self._issuer = issuer
        self._http = httpx2.Client(base_url=f"{api}/api/v1", timeout=40)
        self._tokens: dict[str, str] = {}

    def call(self, user: str, method: str, path: str, body: Any = None, key: str | None = None) -> dict[str, Any]:
        """Make a call, waiting for its decision; return the body of the response."""
        headers = {"Authorization": f"Bearer {self._token(user)}", "Prefer": "wait=20"}
        if key:
            headers["Idempotency-Key"] = key
        answer: dict[str, Any] = self._http.request(method, path, json=body, headers=headers).json()
        return answer

    def close(self) -> None:
        """Close the client."""
        self._http.close()

    def _token(self, user: str) -> str:
        if user not in self._tokens:
            form = {"grant_type": "password", "username": user, "password": PASSWORD}
            self._tokens[user] = httpx2.post(f"{self._issuer}/token", data=form).json()["access_token"]
        return self._tokens[user]


def load(issuer: str, api: str, report: Callable[[str], None] = print) -> None:
    """Create the demo users, structures and memberships; each step prints a line."""
    client = Client(issuer, api)
    try:
        for line in _load(client):
            report(f"  demo: {line}")
    finally:
        client.close()


def _load(client: Client) -> Iterator[str]:
    for user in PEOPLE:
        client.call(user, "GET", "/me")
    yield f"users {', '.join(PEOPLE)}"
    _until(lambda: client.call("admin", "GET", "/users/alice").get("id") == "alice")
    client.call("admin", "PUT", "/users/alice/pigp", {"pigp": True}, "demo-pigp-alice")
    for number, structure in enumerate(_STRUCTURES):
        answer = client.call("alice", "POST", "/structures", structure, f"demo-structure-{number}")
        id_ = answer.get("reference", {}).get("structure", {}).get("id")
        yield f"structure {structure['identifier']['value']}: {answer.get('message') or answer.get('title')}"
        if id_ is None:
            continue
        _until(partial(_has_team, client, id_))
        for user, profile in (("marc", "modification"), ("chloe", "consultation")):
            key = f"demo-member-{number}-{user}"
            client.call("alice", "PUT", f"/structures/{id_}/members/{user}", {"profile": profile}, key)
    yield "members marc (modification) and chloe (consultation)"


def _has_team(client: Client, structure_id: int) -> bool:
    return "principal" in client.call("alice", "GET", f"/structures/{structure_id}/members")


def _until(holds: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise RuntimeError("The demo data can't be loaded: the services do not answer as expected.")
        time.sleep(0.1)


def main(issuer: str, api: str, done: str | None = None) -> None:
    """Load the data, then stay running if `done` names a file."""
    if done is not None:
        # First of all: the first process of a container ignores signals that it has no handler for.
        signal.pthread_sigmask(signal.SIG_BLOCK, _END)
    load(issuer, api)
    if done is not None:
        Path(done).touch()
        signal.sigwait(_END)


if __name__ == "__main__":
    main(*sys.argv[1:])
