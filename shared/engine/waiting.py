"""What can't be decided yet: a request waits for a copy that may lag, or for an answer that is asked for."""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.clock import Clock
from shared.engine.decide import Wait
from shared.engine.incoming import Row
from shared.engine.publish import Publisher
from shared.engine.round import Round
from shared.engine.rules import Owner
from shared.engine.store import Bus, Store


class Waiting:
    """Writes down what waits, tells whoever asked, and asks."""

    def __init__(self, owner: Owner[Any], store: Store, bus: Bus, clock: Clock, publisher: Publisher) -> None:
        self._owner, self._store, self._bus = owner, store, bus
        self._clock, self._publisher = clock, publisher

    async def wait(self, around: Round) -> set[str]:
        """Write waiting rows, tell, and ask; return the keys of requests to decide again at once."""
        if not around.waits:
            return set()
        now = self._clock.now()
        rows, told, asked = [], [], []
        for request, draft, wait in around.waits:
            old = around.rows.get(request.key)
            step = request.step(self._owner.name, "waiting", wait.code, now)
            if wait.reference is not None:
                step = step.but(reference=wait.reference, outsider=True)
            if draft.state is not None:
                about = self._owner.reference(draft.state) if wait.reference is None else wait.reference
                step = step.but(document=draft.document.id, reference=about)
            goes_on = old is not None and old.waits_for == wait.waits_for
            answered = request.known.pop(wait.waits_for, None) is not None
            ask_at = old.ask_at if old is not None and goes_on and not answered else wait.ask_at
            rows.append(Row(step, wait.waits_for, wait.deadline, ask_at, _ask(wait), incoming=request))
            told.append([] if goes_on else self._publisher.step(step))
            asked.append([self._publisher.ask(wait.ask, request, now)] if wait.ask and not goes_on else [])
        decided = await self._store.put_waiting(rows)
        out = [
            message
            for row, tell, ask in zip(rows, told, asked, strict=True)
            if row.key not in decided
            for message in (*tell, *ask)
        ]
        if out:
            await self._bus.publish(out)
        return decided | await self._moved_meanwhile(around, rows)

    async def _moved_meanwhile(self, around: Round, rows: Sequence[Row]) -> set[str]:
        """Return the requests whose copy moved after it was read and before their rows could be found by it."""
        awaited = {row.waits_for for row in rows if row.waits_for and row.ask is None}
        if not awaited:
            return set()
        now = await self._store.copies(awaited)
        old = {key: version for key, (version, _) in around.copies.items()}
        moved = {key for key, (version, _) in now.items() if version > old.get(key, 0)}
        return {row.key for row in rows if row.waits_for in moved}


def _ask(wait: Wait) -> Mapping[str, Any] | None:
    if wait.ask is None:
        return None
    return {"topic": wait.ask.topic, "type": wait.ask.type, "key": wait.ask.key, "data": dict(wait.ask.data)}
