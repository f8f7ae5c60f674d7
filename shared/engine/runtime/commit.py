"""Steps 4 and 5 of a batch: guarded writes, publishing outboxes, writing request records, then clearing outboxes."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.clock import Clock
from shared.contracts.messages.cloudevents import Message
from shared.engine.core.batch import Batch
from shared.engine.core.document import Document, Draft, view
from shared.engine.core.rules import Owner, View
from shared.engine.core.transition import Transition
from shared.engine.runtime.publish import Publisher
from shared.engine.storage.protocol import Bus, Published, Saved, Store
from shared.runtime import metrics
from shared.runtime.logging import get_logger

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Outbox:
    """What to publish of a document: its transitions, and its state if this batch has written it (`draft`)."""

    document: str
    version: int
    transitions: Sequence[Transition]
    draft: Draft | None = None


class Committer:
    """Writes what was decided and publishes it."""

    def __init__(self, owner: Owner[Any], store: Store, bus: Bus, clock: Clock, publisher: Publisher) -> None:
        self._owner, self._store, self._bus = owner, store, bus
        self._clock, self._publisher = clock, publisher

    async def save(self, drafts: Mapping[str, Draft], batch: Batch | None = None) -> Saved:
        """Write the drafts and publish those whose write succeeded, with the other messages of the round.

        Returns which documents were not written: another process was first, or they can never be written.
        """
        batch_id = self.new_batch_id()
        saved = Saved()
        if drafts:
            saved = await self._store.save([d.write(batch_id) for d in drafts.values()], self._clock.now())
        for id_ in saved.refused:
            log.error("a document can never be written", document=id_)
        won = [d for id_, d in drafts.items() if id_ not in saved.lost and id_ not in saved.refused]
        await self.publish(won, batch, batch_id, drafts)
        return saved

    @staticmethod
    def new_batch_id() -> str:
        """Return what the writes of one batch, and of no other, bear."""
        return uuid.uuid4().hex

    async def publish(
        self, won: Sequence[Draft], batch: Batch | None = None, batch_id: str = "", drafts: Collection[str] = ()
    ) -> None:
        """Publish what was written, and what else a round publishes; `drafts` are the documents it decided on."""
        outboxes = [_Outbox(d.document.id, d.version, (*d.document.outbox, *d.transitions), d) for d in won]
        messages: list[Message] = []
        if batch is not None:
            stand = {d.document.id for d in won}
            messages += batch.answers
            for key, besides in batch.besides.items():
                if batch.deciders.get(key) in stand:
                    messages += besides
            outboxes += [_Outbox(d.id, d.version, d.outbox) for d in batch.unfinished.values() if d.id not in drafts]
        await self._publish(outboxes, messages, batch_id)
        for draft in won:
            for transition in draft.transitions:
                metrics.REQUESTS.labels(transition.type, transition.status).inc()
                self._measure(transition, waited=batch is not None and batch.loaded.has_waited(transition.key))

    async def finish(self, documents: Sequence[Document]) -> list[str]:
        """Publish what is left in these documents' outboxes; return the ids of those that can't be published."""
        readable = [d for d in documents if d.broken is None and self._is_publishable(d.outbox)]
        await self._publish([_Outbox(d.id, d.version, d.outbox) for d in readable], ())
        published = {document.id for document in readable}
        return [document.id for document in documents if document.id not in published]

    async def republish(self, ids: Sequence[str]) -> tuple[list[tuple[str, int]], list[str]]:
        """Publish the states of these documents as they are now.

        Returns the versions published, and the ids of the documents that can't be read or published.
        """
        shown: list[tuple[str, int]] = []
        broken: list[str] = []
        messages: list[Message] = []
        now = self._clock.now()
        for document in await self._store.load(ids, (), ()):
            message = None if document.broken is not None else self._state(document, now)
            if message is None and (document.broken is not None or document.state is not None):
                broken.append(document.id)
            elif message is not None:
                messages.append(message)
                shown.append((document.id, document.version))
        await self._bus.publish(messages)
        return shown, broken

    async def publish_until_current(self, ids: Sequence[str]) -> tuple[list[tuple[str, int]], list[str]]:
        """Publish the states of these documents, repeatedly, until the newest version of each is published."""
        published: dict[str, int] = {}
        unusable: list[str] = []
        while ids:
            shown, broken = await self.republish(ids)
            unusable += broken
            published.update(shown)
            ids = await self._store.clear([Published(id_, (), version) for id_, version in shown])
        return list(published.items()), unusable

    def _is_publishable(self, transitions: Sequence[Transition]) -> bool:
        try:
            for transition in transitions:
                self._publisher.transition(transition)
        except Exception:
            log.exception("an outbox can't be published")
            return False
        return True

    def _state(self, document: Document | Draft, now: int) -> Message | None:
        """Return the message with a document's state; None when it has no state, or its state can't be published."""
        shown: View[Any] | None = None
        try:
            shown = document.view() if isinstance(document, Draft) else view(self._owner, document)
            return self._publisher.state(shown, now) if shown else None
        except Exception:
            # This harms the document alone: readers keep the last state that was published.
            metrics.UNUSABLE.labels("show").inc()
            log.exception("a document's state can't be published", document=shown.id if shown else "")
            return None

    async def _publish(self, outboxes: Sequence[_Outbox], messages: Sequence[Message], batch_id: str = "") -> None:
        now = self._clock.now()
        out = list(messages)
        shown: set[str] = set()
        for outbox in outboxes:
            for transition in outbox.transitions:
                out.extend(self._publisher.transition(transition))
            if outbox.draft is not None and outbox.draft.changed and (state := self._state(outbox.draft, now)):
                out.append(state)
                shown.add(outbox.document)
        if out:
            await self._bus.publish(out)
        if not outboxes:
            return
        last = {
            transition.key: transition
            for o in outboxes
            for transition in sorted(o.transitions, key=lambda s: s.version)
        }
        await self._store.put_records(list(last.values()))
        published = [
            Published(o.document, [s.version for s in o.transitions], o.version if o.document in shown else None)
            for o in outboxes
        ]
        moved_on = await self._store.clear([each for each in published if each.document in shown], batch_id)
        # Of the others no state was published here: a mark of an unpublished state is of another batch's change.
        await self._store.clear([each for each in published if each.document not in shown])
        # Another process wrote meanwhile: our older state may come after theirs in the topic, so the newest follows.
        await self.publish_until_current(moved_on)

    def _measure(self, transition: Transition, *, waited: bool) -> None:
        now = self._clock.now()
        if transition.status == "applied" and transition.effective_at and transition.at > (transition.accepted_at or 0):
            metrics.APPLIED_LATE_SECONDS.observe(max(0, now - transition.effective_at) / 1000)
        elif (
            transition.status in {"accepted", "rejected", "applied"}
            and transition.received_at is not None
            and not waited
        ):
            # A request that waited, for INSEE for instance, had an answer before: the time it took is not ours.
            metrics.DECISION_SECONDS.observe(max(0, now - transition.received_at) / 1000)
