"""Structures and members for journeys, made through the API."""

import itertools
import os
from typing import Any

from dev.run.clients import Channels
from tests.support.system import until

_numbers = itertools.count(1)


def new_structure(system: Channels, who: str = "alice", **fields: Any) -> dict[str, Any]:
    """Create a structure and return its record once it can be read."""
    name = f"J{os.getpid()}-{next(_numbers)}"
    body = {"identifier": {"type": "AUTRE", "value": name}, "name": f"Exemple {name}", "address": {"city": "Lyon"}}
    with system.as_(who) as api:
        answer = api.post("/structures", json={**body, **fields})
        assert answer.status_code == 202, answer.text
        outcome = answer.json()
        id_ = outcome["reference"]["structure"]["id"]
        found = until(lambda: _found(api.get(f"/structures/{id_}")), what=f"structure {id_} readable")
        until(lambda: api.get(f"/structures/{id_}/members").status_code == 200, what="its team")
    record: dict[str, Any] = found
    return record


def _found(answer: Any) -> Any:
    return answer.json() if answer.status_code == 200 else None


def add_member(system: Channels, structure_id: int, user: str, profile: str) -> None:
    """Attach a user to a structure of alice."""
    with system.as_(user) as api:
        until(lambda: "version" in api.get("/me").json(), what=f"{user} known")
    with system.as_("alice") as api:
        answer = api.put(f"/structures/{structure_id}/members/{user}", json={"profile": profile})
        assert answer.status_code == 202, answer.text
        until(
            lambda: any(m["user"] == user for m in api.get(f"/structures/{structure_id}/members").json()["members"]),
            what="member readable",
        )
