"""A team follows its structure, in whatever order and how often its records come."""

from typing import Any

import pytest

from services.manager_svc.reactions import REACTIONS
from shared.engine.entrypoint.reacting import react
from shared.engine.runtime.engine import Engine
from shared.engine.storage.memory import MemoryBus, MemoryStore
from shared.engine.storage.protocol import Copy
from tests.support.toy import ManualClock
from tests.unit.services.manager_svc.builders import OWNER, TIMING


class Teams:
    """manager_svc on a storage in memory."""

    def __init__(self) -> None:
        self.store = MemoryStore(OWNER)
        self.bus = MemoryBus()
        self.engine = Engine(OWNER, self.store, self.bus, ManualClock(), TIMING, process="manager_svc")

    async def hear(self, version: int, sphere: str) -> str:
        """Let a record of the structure arrive, and what it makes of the team; return the team's sphere."""
        identifier = {"type": "AUTRE", "value": "X"}
        record = {"id": 42, "version": version, "identifier": identifier, "sphere": sphere, "principal": "alice"}
        records = [Copy("structure:structure:42", version, record)]
        await react(self.engine, REACTIONS["structure"], records, process="manager_svc")
        raw: dict[str, Any] = self.store.documents["structure:42"]
        self.store.copies_kept["manager:structure:42"] = (raw["version"], raw["state"])
        return str(raw["state"]["sphere"])


async def test_an_old_record_that_comes_late_does_not_set_the_sphere_back() -> None:
    teams = Teams()
    assert await teams.hear(1, "private") == "private"
    assert await teams.hear(2, "public_non_state") == "public_non_state"
    assert await teams.hear(1, "private") == "public_non_state", "rewound, or published late"
    assert await teams.hear(2, "public_non_state") == "public_non_state"
    assert await teams.hear(3, "state") == "state"


@pytest.mark.parametrize("first", [1, 2])
async def test_a_team_opens_once_by_whichever_record_comes_first(first: int) -> None:
    teams = Teams()
    await teams.hear(first, "private")
    await teams.hear(3 - first, "private")
    assert len(teams.bus.on("manager.state")) == 1
