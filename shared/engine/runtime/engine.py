"""The steps of a batch, in the order that was model-checked.

1. Parse and verify (`intake.py`).
2. Load the documents, then the request records, then the copies (`load.py`).
3. Decide, in order within a document (`decide.py`).
4. Save: one guarded write a document. It is the moment of decision, of a rejection as of an acceptance. A request
   whose write is lost to another process is loaded and decided again, with the documents that hold its unique keys.
5. Publish the outboxes, wait for the acknowledgements, write the request records, and only then clear the outboxes.
   Kafka's offsets are committed last.

Two processes may work on one document at any time, each at any step, and each may die between any two steps.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from shared.clock import SECOND, Clock
from shared.contracts.messages.cloudevents import Message
from shared.engine.core import due
from shared.engine.core.batch import Batch, Copies
from shared.engine.core.decide import Timing, Wait, absent, decide, reject, takes_effect
from shared.engine.core.document import HEAVIEST_WRITE, Document, Draft
from shared.engine.core.incoming import Incoming
from shared.engine.core.rules import Context, Owner, Target
from shared.engine.core.transition import Transition
from shared.engine.runtime.bounded_bus import BoundedBus
from shared.engine.runtime.commit import Committer
from shared.engine.runtime.deferred import Deferred
from shared.engine.runtime.joint import JointDecisions
from shared.engine.runtime.load import Loader, Unusable
from shared.engine.runtime.publish import Publisher
from shared.engine.runtime.repeat import Repeats
from shared.engine.storage.protocol import JOINT, Bus, Store
from shared.errors import Rejected
from shared.kafka.dead_letters import dead_letter
from shared.runtime import metrics
from shared.runtime.logging import get_logger

log = get_logger(__name__)

Registration = Callable[[Incoming, Copies], Message | None]
"""Returns the message that registers an actor who is not known yet."""

ROUNDS_AT_ONCE = 5
"""How often a request may lose its write in one batch before it waits a moment."""
ROUNDS_IN_ALL = 50
BUSY = SECOND
EARLY = 5 * SECOND
"""A trigger that is early by less than this (ms) is kept and published again in time."""


class Trigger(NamedTuple):
    """A due trigger: the document, when the broker appended it, and the due time if it names one."""

    document: str
    appended: int
    due_at: int = 0


class Engine:
    """Carries the requests of one owner through their life."""

    def __init__(
        self,
        owner: Owner[Any],
        store: Store,
        bus: Bus,
        clock: Clock,
        timing: Timing,
        *,
        process: str,
        register_unknown: Registration = lambda *_: None,
    ) -> None:
        self.owner = owner
        self.store = store
        self.bus = BoundedBus(bus, process=process)
        self.clock = clock
        self.timing = timing
        self.publisher = Publisher(owner, timing.delay)
        self.committer = Committer(owner, store, self.bus, clock, self.publisher)
        self._loader = Loader(owner, store)
        self._repeats = Repeats(owner.name, clock, self.publisher)
        self._deferred = Deferred(owner, store, self.bus, clock, self.publisher)
        self.joint = JointDecisions(owner, store, clock, timing, self.committer, self._deferred, self._repeats)
        self._process = process
        self._register_unknown = register_unknown

    async def requests(self, incoming: Iterable[Incoming]) -> None:
        """Decide requests. When it returns, each is decided or waits, and its outcome is published."""
        first: dict[str, Incoming] = {}
        again: dict[tuple[str, str], Incoming] = {}
        for request in incoming:
            if first.setdefault(request.key, request) is not request:
                kept = again.setdefault((request.key, request.body_hash), request)
                if kept is not request:
                    kept.copies.append(request.correlation_id)
        registered: set[str] = set()
        await self._until_decided(list(first.values()), registered)
        # Repeats within the batch then find the decision of the first, all of them in one pass.
        await self._until_decided(list(again.values()), registered)

    async def triggers(self, triggers: Iterable[Sequence[Any]]) -> list[tuple[str, int, int]]:
        """Apply the due changes of these documents (each a `Trigger`). A trigger is only a reason to look.

        Returns (document, due_at, ms until then) of those whose trigger came a moment too early: it is to be published
        again in time. A change is due when both our own clock and the broker's say so.
        """
        latest: dict[str, Trigger] = {}
        for trigger in (Trigger(*values) for values in triggers):
            known = latest.get(trigger.document, trigger)
            times = max(known.appended, trigger.appended), max(known.due_at, trigger.due_at)
            latest[trigger.document] = Trigger(trigger.document, *times)
        early: list[tuple[str, int, int]] = []
        todo = set(latest)
        while todo:
            drafts: dict[str, Draft] = {}
            more: set[str] = set()
            documents, now = await self._loader.documents(todo), self.clock.now()
            found = [(Draft(self.owner, d), min(now, latest[d.id].appended)) for d in documents if d.broken is None]
            copies = await self._loader.due_copies(found)
            for draft, until in found:
                id_ = draft.document.id
                if due.apply(draft, until=until, now=now, copies=copies):
                    drafts[id_] = draft
                for pending in draft.pending[:1]:
                    if id_ in drafts and pending.due_at <= until:
                        more.add(id_)
                    if until < pending.due_at <= min(until + EARLY, latest[id_].due_at):
                        early.append((id_, pending.due_at, pending.due_at - until))
            saved = await self.committer.save(drafts)
            todo = {*saved.lost, *(more - saved.refused)}
        return early

    async def on_copies_changed(self, keys: Iterable[str]) -> None:
        """Decide again the requests that wait for these copies."""
        await self.requests([record.incoming for record in await self.store.waiting_for(keys) if record.incoming])

    async def on_lookup_answered(self, answers: Mapping[str, Mapping[str, Any]]) -> None:
        """Decide again the requests that wait for these answers."""
        requests = []
        for record in await self.store.waiting_for(answers):
            if record.incoming and record.waits_for:
                record.incoming.known[record.waits_for] = answers[record.waits_for]
                requests.append(record.incoming)
        await self.requests(requests)

    # ---- one round: steps 2 to 5 ------------------------------------------------------------------------------

    async def _until_decided(self, requests: Sequence[Incoming], registered: set[str]) -> None:
        in_vain: Counter[str] = Counter()
        in_the_way: frozenset[str] = frozenset()
        while requests:
            busy = {key for key, count in in_vain.items() if count >= ROUNDS_AT_ONCE}
            lost, postponed = await self._attempt(requests, registered, in_the_way, busy)
            in_the_way = frozenset(key for keys in lost.values() for key in keys)
            in_vain.update(lost.keys())
            requests = [request for request in requests if request.key in lost or request.key in postponed]
            for request in requests:
                request.rounds += request.key in lost
            metrics.CONFLICTS.inc(len(lost))

    async def _attempt(
        self, requests: Sequence[Incoming], registered: set[str], in_the_way: Iterable[str], busy: set[str]
    ) -> tuple[Mapping[str, frozenset[str]], set[str]]:
        """Take a batch through one round.

        Returns the requests whose write was lost, each with the unique keys that conflicted, and those left to the next
        round.
        """
        batch = Batch(await self._loader.load(requests, in_the_way))
        fresh = [batch.loaded.targets[r.key].fresh for r in requests]
        ids = {kind: iter(await self.store.new_ids(kind, fresh.count(kind))) for kind in {k for k in fresh if k}}
        for request in requests:
            if self._repeats.answer(batch, request):
                continue
            if request.key in batch.deciders or request.key in batch.waits:
                batch.postponed.add(request.key)  # The same id with another body: it is refused in the next round.
            else:
                self._decide(batch, request, ids, registered, busy)
        decided = {d.document.id: d for d in batch.drafts.values() if d.transitions}
        saved = await self.committer.save(decided, batch)
        lost = {key: saved.lost[document] for key, document in batch.deciders.items() if document in saved.lost}
        for request in requests:
            if batch.deciders.get(request.key) in saved.refused:
                metrics.UNUSABLE.labels("write").inc()
                request.refused = Rejected("document_too_large")
                batch.postponed.add(request.key)
        return lost, batch.postponed | await self._deferred.put(batch)

    def _decide(
        self, batch: Batch, request: Incoming, ids: Mapping[str, Any], registered: set[str], busy: set[str]
    ) -> None:
        target = batch.loaded.targets[request.key]
        now = self.clock.now()
        self._register(batch, request, registered)
        new_id = next(ids[target.fresh]) if target.fresh else None
        draft = self._draft(batch, target, new_id)
        if request.refused is not None and request.refused.code == "document_too_large":
            draft = Draft(self.owner, Document(""))  # It can't even hold this refusal, which is stored by itself.
        if draft.weight + draft.document.outbox_weight() > HEAVIEST_WRITE:
            # The size of one write is limited: the rest follows once this has been published and cleared.
            batch.postponed.add(request.key)
            batch.unfinished.setdefault(draft.document.id, draft.document)
            return
        if target.cancels in batch.waits or (not draft.document.id and self._was_just_made(batch, request)):
            batch.postponed.add(request.key)
            return
        if request.source is not None and draft.has_followed(request.source):
            return  # The document has reacted to a later version of that record: this reaction is out of date.
        before = draft.copy()
        try:
            wait = self._rule(batch, request, draft, new_id, now, is_busy=request.key in busy)
        except Exception as error:
            # An unexpected error harms its own request alone: it is refused, and its message dead-lettered.
            if not isinstance(error, Unusable):  # That was logged when it was loaded.
                log.exception("a rule failed", type=request.request.type, request_id=request.request_id)
            draft = before  # Undo what the rule had begun.
            wait = self._refuse_as_broken(batch, request, draft, now)
        if wait is not None:
            batch.waits[request.key] = (request, draft, wait)
            return
        if request.source is not None:
            draft.follow(request.source)
        if draft.state is None:  # Refused, and about nothing that exists: the decision is a document of its own.
            draft.idempotency_key = draft.idempotency_key or request.key
            draft.document = Document(f"decision:{draft.idempotency_key}")
        batch.drafts[draft.document.id] = draft
        batch.deciders[request.key] = draft.document.id
        if draft.document.version == 0:
            batch.made.update(dict.fromkeys(draft.keys(), draft.document.id))

    def _draft(self, batch: Batch, target: Target, new_id: int | None) -> Draft:
        if target.fresh:
            return Draft(self.owner, Document(f"{target.fresh}:{new_id}"))
        made = Document(target.id if target.may_create and target.id else "")
        return batch.draft_of(self.owner, target) or Draft(self.owner, made)

    def _was_just_made(self, batch: Batch, request: Incoming) -> bool:
        """Tell, once for each request, whether the one it cancels was decided after the documents were loaded."""
        key = batch.loaded.targets[request.key].cancels
        transition = batch.last_transition(key) if key else None
        if transition is None or transition.document in (None, *batch.loaded.by_id) or request.looked_again:
            return False
        request.looked_again = True
        return True

    def _register(self, batch: Batch, request: Incoming, registered: set[str]) -> None:
        if request.actor.id not in registered and (
            registration := self._register_unknown(request, batch.loaded.copies)
        ):
            registered.add(request.actor.id)
            batch.answers.append(registration)

    def _refuse_as_broken(self, batch: Batch, request: Incoming, draft: Draft, now: int) -> Wait | None:
        if request.record is not None:
            message = dead_letter(
                request.record, "internal_error", "a rule failed", process=self._process, actor=request.actor
            )
            batch.besides.setdefault(request.key, []).append(message)
        if draft.document.id in batch.loaded.by_id and batch.loaded.by_id[draft.document.id].broken is not None:
            draft.document = Document("")
        return reject(
            draft, request, Rejected("internal_error"), now, self.timing, batch.loaded.targets[request.key].reference
        )

    def _rule(
        self, batch: Batch, request: Incoming, draft: Draft, new_id: int | None, now: int, *, is_busy: bool
    ) -> Wait | None:
        """Let the rule decide; raise what the rule raises, or what loading the request's target raised."""
        target = batch.loaded.targets[request.key]
        if (error := batch.loaded.broken.get(request.key)) is not None:
            raise error
        if request.refused is not None:
            return reject(draft, request, request.refused, now, self.timing, target.reference)
        if request.rounds >= ROUNDS_IN_ALL:
            raise RuntimeError("other processes wrote the document first, again and again")
        if self.owner.rules[type(request.request)].jointly is not None:
            self.joint.wake.set()
            return Wait(JOINT, "waiting_busy", None)
        if is_busy:
            return Wait(f"busy:{request.key}", "waiting_busy", now + BUSY)
        context = self._context(batch, request, draft, new_id, now)
        if not draft.document.id and batch.taken_back(target) is None:
            return absent(draft, request, target, context, self.timing)
        return decide(draft, request, context, self.timing)

    def _context(self, batch: Batch, request: Incoming, draft: Draft, new_id: int | None, now: int) -> Context:
        document = draft.document.id if draft.state is not None else None
        earlier: dict[str, str] = {}
        waiting: dict[str, Transition] = {}
        for key in self.owner.refers(request.request, request.actor):
            transition = batch.last_transition(key, draft)
            if transition is not None and transition.document == document:
                earlier[key] = transition.status
                if transition.status == "waiting":
                    waiting[key] = transition
        return Context(
            actor=request.actor,
            now=now,
            request_id=request.request_id,
            document=document,
            reference=batch.loaded.targets[request.key].reference,
            new_id=new_id,
            due_at=takes_effect(draft, request, now, self.timing),
            pending=tuple(draft.pending),
            known=batch.loaded.known,
            copies=batch.loaded.values,
            answers=request.known,
            holders=batch.loaded.holders,
            earlier=earlier,
            waiting=waiting,
        )
