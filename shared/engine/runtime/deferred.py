"""Deferred requests: they wait for a copy that may lag, or for the answer to a look-up."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from shared.clock import Clock
from shared.contracts.messages.cloudevents import Message
from shared.engine.core.batch import Batch
from shared.engine.core.decide import Wait
from shared.engine.core.document import Draft
from shared.engine.core.incoming import Incoming, RequestRecord
from shared.engine.core.rules import Owner
from shared.engine.core.transition import Transition
from shared.engine.runtime.publish import Publisher
from shared.engine.storage.protocol import Bus, Store
from shared.errors import Rejected


class Deferred:
    """Stores deferred requests, publishes that they wait, and publishes their look-ups."""

    def __init__(self, owner: Owner[Any], store: Store, bus: Bus, clock: Clock, publisher: Publisher) -> None:
        self._owner, self._store, self._bus = owner, store, bus
        self._clock, self._publisher = clock, publisher

    async def put(self, batch: Batch) -> set[str]:
        """Store the deferred requests of a round and publish what they need; return those to decide again at once."""
        if not batch.waits:
            return set()
        now = self._clock.now()
        too_many = await self._too_many([request for request, _, _ in batch.waits.values()])
        records: list[RequestRecord] = []
        messages: list[list[Message]] = []
        for key, (request, draft, wait) in batch.waits.items():
            if key not in too_many:
                old = batch.loaded.records.get(key)
                record = self._record(request, draft, wait, old, batch.loaded.targets[key].reference, now)
                records.append(record)
                messages.append(self._messages(request, record.transition, wait, now, goes_on=_goes_on(old, wait)))
        decided = await self._store.put_waiting(records)
        out = [
            message
            for record, of_record in zip(records, messages, strict=True)
            if record.key not in decided
            for message in of_record
        ]
        if out:
            await self._bus.publish(out)
        return too_many | decided | await self._changed_meanwhile(batch, records)

    async def _too_many(self, requests: Sequence[Incoming]) -> set[str]:
        """Return the requests beyond the number that may wait for one actor; their next round refuses them."""
        new = [request for request in requests if not request.waiting]
        if not new:
            return set()
        limit = self._owner.limits.waiting_of_actor
        waiting = Counter(await self._store.waiting_of({request.actor.id for request in new}))
        refused = set()
        for request in new:
            waiting[request.actor.id] += 1
            if waiting[request.actor.id] > limit:
                request.refused = Rejected("too_many_waiting", details={"max": limit})
                refused.add(request.key)
        return refused

    def _record(
        self, request: Incoming, draft: Draft, wait: Wait, old: RequestRecord | None, named: Mapping[str, Any], now: int
    ) -> RequestRecord:
        transition = request.transition(self._owner.name, "waiting", wait.code, now, reference=named)
        if wait.reference is not None:
            transition = transition.replace(reference=wait.reference, outsider=True)
        if draft.state is not None:
            about = self._owner.reference(draft.state) if wait.reference is None else wait.reference
            transition = transition.replace(document=draft.document.id, reference=about)
        is_answered = request.known.pop(wait.waits_for, None) is not None
        look_up_at = old.look_up_at if old is not None and _goes_on(old, wait) and not is_answered else wait.look_up_at
        return RequestRecord(transition, wait.waits_for, wait.deadline, look_up_at, _look_up(wait), incoming=request)

    def _messages(
        self, request: Incoming, transition: Transition, wait: Wait, now: int, *, goes_on: bool
    ) -> list[Message]:
        """Return the messages to publish. A request that waited before has none, unless it was sent again.

        A repeat is answered, and its look-up published again: the process that deferred it may have died before that.
        """
        if goes_on and not request.came_again:
            return []
        messages = [] if goes_on else self._publisher.transition(transition)
        for each in request.answer_now if goes_on else ():
            messages += self._publisher.transition(
                transition.replace(correlation_id=each, also_answer=()), repeated=True
            )
        return [*messages, self._publisher.look_up(wait.look_up, request, now)] if wait.look_up else messages

    async def _changed_meanwhile(self, batch: Batch, records: Sequence[RequestRecord]) -> set[str]:
        """Return the requests whose copy changed after it was read and before their records could be found by it.

        What is waited for may also be the name of a copy: then a copy with that name has come meanwhile.
        """
        awaited = {record.waits_for for record in records if record.waits_for and record.look_up is None}
        if not awaited:
            return set()
        now = await self._store.copies(awaited)
        old = {key: version for key, (version, _) in batch.loaded.copies.items()}
        changed = {key for key, (version, _) in now.items() if version > old.get(key, 0)}
        asked = {name for record in records if record.incoming for name in self._owner.names(record.incoming.request)}
        if unknown := awaited & asked - batch.loaded.known.keys():
            changed.update(await self._store.named(unknown))
        return {record.key for record in records if record.waits_for in changed}


def _goes_on(old: RequestRecord | None, wait: Wait) -> bool:
    return old is not None and old.is_waiting and old.waits_for == wait.waits_for


def _look_up(wait: Wait) -> Mapping[str, Any] | None:
    look_up = wait.look_up
    if look_up is None:
        return None
    return {"topic": look_up.topic, "type": look_up.type, "key": look_up.key, "data": dict(look_up.data)}
