"""The state in which a case begins: box 1 exists, and nothing has been delivered."""

from typing import Any, cast

from shared.engine.runtime.engine import Engine
from shared.engine.storage.memory import MemoryStore
from shared.engine.storage.protocol import Bus, Sweepable
from tests.explorer.cases import Case
from tests.explorer.check import shown
from tests.explorer.perform import at_once
from tests.explorer.stack import CLOCKS, Stack, digest
from tests.support.toy import NOW, OWNER, TIMING, ManualClock, incoming
from tests.support.toy.requests import Find


class _Straight:
    """A store used without stopping, and a bus that nobody reads."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def publish(self, messages: Any) -> None:
        del messages


def beginning(case: Case) -> Stack:
    """Return the initial state of a case."""
    store = MemoryStore(OWNER)
    port = _Straight(store)
    engine = Engine(OWNER, cast("Sweepable", port), cast("Bus", port), ManualClock(), TIMING, process="box_svc")
    at_once(engine.requests([incoming(Find(box="1", thing="lid"), "made")]))
    stack, box = Stack(), store.documents["box:1"]
    if not case.republishing:
        box = {name: value for name, value in box.items() if name != "republish_at"}
    stack.documents, stack.digests = {"box:1": box}, {"box:1": digest(box)}
    stack.shown = {"box:1": shown(box)}
    stack.counters = {"box": 1}  # The box did not take its id from the counter, and is not to be met by it.
    stack.clocks = (NOW,) * len(CLOCKS)
    stack.committed = (False,) * (len(case.batches) + len(case.copies) + len(case.answers))
    stack.faults = case.faults
    return stack
