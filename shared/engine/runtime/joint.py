"""Decides requests over several documents, one after the other, beside the batches: a transaction may take 150 ms.

Such a request waits in its record from the start, so that no batch is held up by it. Any process may claim it; that one
process does is a matter of economy, not of safety: the decision is one document, which only one transaction can insert.
"""

import asyncio
import random
from collections.abc import Sequence
from typing import Any

from shared.clock import SECOND, Clock
from shared.engine.core.batch import Batch, Loaded
from shared.engine.core.decide import Timing, Wait, reject
from shared.engine.core.document import Document, Draft, Write
from shared.engine.core.incoming import Incoming, RequestRecord
from shared.engine.core.joint import DECISION, decide_jointly
from shared.engine.core.rules import Context, Owner, Target
from shared.engine.runtime.commit import Committer
from shared.engine.runtime.deferred import Deferred
from shared.engine.runtime.repeat import Repeats
from shared.engine.storage.protocol import NeverStored, Selection, Store
from shared.errors import Rejected
from shared.kafka.consumer import TRANSIENT
from shared.runtime.health import Loop
from shared.runtime.logging import get_logger

log = get_logger(__name__)

CLAIM = 30 * SECOND
"""For how long (ms) a process has a request to itself; a transaction of MongoDB may last 3 s."""
TRIES = 8
_AT_ONCE = 100
_EVERY_S = 0.5
_AGAIN_AFTER_S = 2.0
_JITTER_S = 0.05


class _Attempt:
    """One try: what it decided on what it read within the transaction."""

    def __init__(self, owner: Owner[Any], incoming: Incoming, context: Context, timing: Timing, batch_id: str) -> None:
        self._owner, self._incoming, self._context, self._timing = owner, incoming, context, timing
        self._batch_id = batch_id
        self.drafts: list[Draft] = []
        self.wait: Wait | None = None
        self.decided: Document | None = None

    def decide(self, documents: list[Document]) -> Sequence[Write]:
        """Return what to write, which may be nothing: then `wait`, or the document that is `decided`, says why."""
        self.drafts, self.wait, self.decided = [], None, None
        for document in documents:
            if document.idempotency_key == self._incoming.key:
                self.decided = document
                return ()
        result = self._result(documents)
        if isinstance(result, Wait):
            self.wait = result
            return ()
        self.drafts = result
        return [draft.write(self._batch_id) for draft in result]

    def _result(self, documents: list[Document]) -> list[Draft] | Wait:
        incoming, context = self._incoming, self._context
        if any(document.broken is not None for document in documents):
            return self._refused(Rejected("internal_error"))
        if incoming.refused is not None:
            return self._refused(incoming.refused)
        try:
            return decide_jointly(self._owner, documents, incoming, context, self._timing)
        except Exception:
            log.exception("a rule broke", type=incoming.request.type, request_id=incoming.request_id)
            return self._refused(Rejected("internal_error"))

    def _refused(self, no: Rejected) -> list[Draft] | Wait:
        decision = Draft(self._owner, Document(f"{DECISION}:{self._incoming.key}"))
        decision.idempotency_key = self._incoming.key
        reference = self._context.reference
        return reject(decision, self._incoming, no, self._context.now, self._timing, reference) or [decision]


class JointDecisions:
    """Decides the joint requests of one owner."""

    def __init__(
        self,
        owner: Owner[Any],
        store: Store,
        clock: Clock,
        timing: Timing,
        committer: Committer,
        deferred: Deferred,
        repeats: Repeats,
    ) -> None:
        self._owner, self._store, self._clock, self._timing = owner, store, clock, timing
        self._committer, self._deferred, self._repeats = committer, deferred, repeats
        self.wake = asyncio.Event()
        """Set when a request has come that waits for its decision."""

    async def run(self, loop: Loop) -> None:
        """Decide for as long as the process lives."""
        while True:
            self.wake.clear()
            try:
                worked = await self.work()
            except TRANSIENT as error:
                log.warning("joint decisions will be tried again", error=type(error).__name__)
                loop.beat()
                await asyncio.sleep(_AGAIN_AFTER_S)
                continue
            except Exception:
                log.exception("joint decisions failed")
                await asyncio.sleep(_AGAIN_AFTER_S)
                continue
            loop.beat()
            if not worked:
                await self._rest()

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(_EVERY_S):
                await self.wake.wait()
        except TimeoutError:
            return

    async def work(self) -> int:
        """Decide requests that wait, one of each actor; return how many were."""
        now = self._clock.now()
        one_each: dict[str, RequestRecord] = {}
        for record in await self._store.joint(now, _AT_ONCE):
            if record.incoming is not None:
                one_each.setdefault(record.incoming.actor.id, record)
        worked = 0
        broken: list[Exception] = []
        for record in one_each.values():
            try:
                if record.incoming is not None and await self._store.claim(record.key, now, now + CLAIM):
                    await self.decide(record.incoming)
                    worked += 1
            except Exception as error:  # noqa: BLE001 - it is raised below: one request stops no other.
                broken.append(error)
        if broken and all(isinstance(error, TRANSIENT) for error in broken):
            raise broken[0]
        if broken:
            raise ExceptionGroup("joint decisions failed", broken)
        return worked

    async def decide(self, incoming: Incoming) -> None:
        """Decide one request. When it returns it is decided, or waits for something else."""
        target = await self._target(incoming)
        chosen = Selection(target.ids, target.refs, (incoming.key,), self._owner.limits.documents + 1)
        for attempt in range(1, TRIES + 1):
            context = await self._context(incoming, target, chosen)
            tried = _Attempt(self._owner, incoming, context, self._timing, self._committer.new_batch_id())
            last = attempt == TRIES
            # The last try locks the documents first: else writers of one document could starve it.
            try:
                done = await self._store.decide_together(chosen, tried.decide, self._clock.now(), touch=last)
            except NeverStored:
                log.exception("a joint decision can't be written", request_id=incoming.request_id)
                incoming.refused = Rejected("document_too_large")
                continue
            if done:
                await self._publish(incoming, target, tried)
                return
            await asyncio.sleep(random.uniform(0, _JITTER_S * attempt))  # noqa: S311 - jitter, no secret.
        log.warning("a joint decision found other writers at every try", request_id=incoming.request_id)

    async def _target(self, incoming: Incoming) -> Target:
        names = set(self._owner.names(incoming.request))
        known = await self._store.named(names) if names else {}
        try:
            return self._owner.target(incoming.request, incoming.actor, known)
        except Exception:
            log.exception("a rule broke", type=incoming.request.type, request_id=incoming.request_id)
            incoming.refused = Rejected("internal_error")
            return Target()

    async def _context(self, incoming: Incoming, target: Target, chosen: Selection) -> Context:
        """Read what the rule looks at besides the documents; those are read once more within the transaction."""
        documents = await self._store.select(chosen)
        states = {document.id: document.state for document in documents if document.state is not None}
        wanted = {*target.copies, *self._owner.joint_copies(incoming.request, states, incoming.actor)}
        copies = await self._store.copies(wanted) if wanted else {}
        [new_id] = await self._store.new_ids(target.fresh, 1) if target.fresh else [None]
        return Context(
            actor=incoming.actor,
            now=self._clock.now(),
            request_id=incoming.request_id,
            document=None,
            reference=target.reference,
            new_id=new_id,
            copies={key: value for key, (_, value) in copies.items()},
            answers=incoming.known,
        )

    async def _publish(self, incoming: Incoming, target: Target, tried: _Attempt) -> None:
        documents = [tried.decided] if tried.decided is not None else []
        records = await self._store.records([incoming.key])
        batch = Batch(Loaded(documents, records, {incoming.key: target}, {}))
        if tried.decided is not None:
            self._repeats.answer(batch, incoming)
        elif tried.wait is not None:
            batch.waits[incoming.key] = (incoming, Draft(self._owner, Document("")), tried.wait)
            await self._deferred.put(batch)
        await self._committer.publish(tried.drafts, batch)
