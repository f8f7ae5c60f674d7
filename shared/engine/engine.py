"""The steps of a batch, in the order that was model-checked.

1. Parse and verify (`intake.py`).
2. Load the documents, then the rows: in the other order a neighbour that publishes and clears between the two reads
   makes a double.
3. Decide, in order within a document (`decide.py`).
4. Save: one guarded write a document. It is the moment of decision, of a rejection as of an acceptance. Whoever loses
   loads and decides again.
5. Publish the outboxes, wait for the acknowledgements, write the rows, and only then clear; commit comes last.

Two processes may be anywhere in here for one document at any time, and each may die between any two steps.
"""

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from shared import metrics
from shared.clock import Clock
from shared.dead_letters import dead_letter
from shared.engine import due
from shared.engine.decide import Timing, Wait, decide, reject
from shared.engine.document import Document, Draft, view
from shared.engine.incoming import Incoming
from shared.engine.publish import Publisher
from shared.engine.round import Copies, Round
from shared.engine.rules import Context, Owner, Target
from shared.engine.step import Step
from shared.engine.store import Bus, Store
from shared.engine.waiting import Waiting
from shared.errors import Rejected
from shared.logging import get_logger
from shared.messages.cloudevents import Message

log = get_logger(__name__)

Meet = Callable[[Incoming, Copies], Message | None]
"""Returns a message that introduces an actor nobody has met yet."""


_Done = tuple[str, int, Sequence[Step], Draft | None]
"""A document id, its version, the outbox entries to publish, and the draft when it was ours."""


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
        meet: Meet = lambda *_: None,
    ) -> None:
        self.owner = owner
        self.store = store
        self.bus = bus
        self.clock = clock
        self.timing = timing
        self.publisher = Publisher(owner, timing.delay)
        self._waiting = Waiting(owner, store, bus, clock, self.publisher)
        self._process = process
        self._meet = meet

    async def requests(self, incoming: Sequence[Incoming]) -> None:
        """Decide requests. When it returns, each is decided or waits, and whoever asked has been told."""
        batch: list[Incoming] = []
        again: list[Incoming] = []
        seen: set[str] = set()
        for request in incoming:
            (again if request.key in seen else batch).append(request)
            seen.add(request.key)
        while batch:
            undecided = await self._round(batch)
            batch = [request for request in batch if request.key in undecided]
            metrics.CONFLICTS.inc(len(batch))
        if again:  # The same request twice in one batch: the second finds the answer of the first.
            await self.requests(again)

    async def pokes(self, pokes: Iterable[tuple[str, int]]) -> None:
        """Apply what is due of these documents (id, append time of the poke). A poke is only a reason to look."""
        stamps: dict[str, int] = {}
        for poked, appended in pokes:
            stamps[poked] = max(stamps.get(poked, 0), appended)
        while stamps:
            drafts = {}
            for document in await self.store.load(stamps, (), ()):
                draft = Draft(self.owner, document)
                now = self.clock.now()
                if due.apply(draft, until=min(now, stamps[document.id]), now=now):
                    drafts[document.id] = draft
            lost = await self._save(drafts)
            stamps = {id_: stamps[id_] for id_ in lost}

    async def moved(self, keys: Iterable[str]) -> None:
        """Decide again what waits for these copies."""
        await self.requests([row.incoming for row in await self.store.waiting_for(keys) if row.incoming])

    async def answered(self, answers: Mapping[str, Mapping[str, Any]]) -> None:
        """Decide again what waits for these answers."""
        batch = []
        for row in await self.store.waiting_for(answers):
            if row.incoming and row.waits_for:
                row.incoming.known[row.waits_for] = answers[row.waits_for]
                batch.append(row.incoming)
        await self.requests(batch)

    async def finish(self, documents: Sequence[Document]) -> None:
        """Publish what these documents' outboxes still hold, as whoever wrote it would have."""
        await self._publish([(d.id, d.version, d.outbox, None) for d in documents], ())

    async def republish(self, ids: Sequence[str]) -> list[tuple[str, int]]:
        """Publish the states of these documents as they are now; return the versions published."""
        views = [v for d in await self.store.load(ids, (), ()) if (v := view(self.owner, d))]
        now = self.clock.now()
        await self.bus.publish([self.publisher.state(v, now) for v in views])
        return [(v.id, v.version) for v in views]

    # ---- one round: steps 2 to 5 ------------------------------------------------------------------------------

    async def _round(self, batch: Sequence[Incoming]) -> set[str]:
        """Take a batch through one round; return the keys of the requests that must be decided again."""
        around = await self._load(batch)
        fresh = [around.targets[r.key].fresh for r in batch]
        ids = {kind: iter(await self.store.new_ids(kind, fresh.count(kind))) for kind in {k for k in fresh if k}}
        for request in batch:
            if not self._repeat(around, request):
                self._decide(around, request, ids)
        lost = await self._save(
            {d.document.id: d for d in around.drafts.values() if d.steps}, around.messages, around.unfinished
        )
        undecided = {key for key, document in around.deciders.items() if document in lost}
        return undecided | await self._waiting.wait(around)

    async def _load(self, batch: Sequence[Incoming]) -> Round:
        targets: dict[str, Target] = {}
        referred: set[str] = set()
        broken: dict[str, Exception] = {}
        for request in batch:
            try:
                targets[request.key] = self.owner.target(request.request, request.actor)
                referred.update(self.owner.refers(request.request, request.actor))
            except Exception as error:  # noqa: BLE001 - it is raised again, and logged, where the request is decided.
                targets[request.key], broken[request.key] = Target(), error
        documents = await self.store.load(
            {t.id for t in targets.values() if t.id is not None},
            {key for t in targets.values() for key in t.keys},
            targets,
        )
        around = Round(documents, await self.store.rows({*targets, *referred}), targets, broken=broken)
        wanted: set[str] = set()
        for request in batch:
            document = around.by_id.get(around.id_of(targets[request.key]))
            id_, state = (document.id, document.state) if document else (None, None)
            try:
                wanted.update(self.owner.copies(request.request, id_, state, request.actor))
            except Exception as error:  # noqa: BLE001 - the same.
                broken[request.key] = error
        around.copies = await self.store.copies(wanted) if wanted else {}
        around.values = {key: value for key, (_, value) in around.copies.items()}
        return around

    def _repeat(self, around: Round, request: Incoming) -> bool:
        """Answer a request that is decided already as before; return whether it was."""
        row = around.rows.get(request.key)
        if row is not None and row.is_waiting and row.incoming is not None:
            request.waiting = True
            request.waited = row.incoming.waited | request.waited
            request.known = row.incoming.known | request.known
        if row is not None and (not row.is_waiting or row.step.body_hash != request.body_hash):
            told = row.step
        elif request.key in around.decided:
            told, document = around.decided[request.key]
            if document.outbox:
                around.unfinished[document.id] = document
        else:
            return False
        if told.body_hash and told.body_hash != request.body_hash:
            reused = request.step(self.owner.name, "rejected", "request_id_reused", self.clock.now())
            around.messages.extend(self.publisher.answer(reused))
        else:
            metrics.REPEATED.inc()
            told = told.but(correlation_id=request.correlation_id, client=request.actor.client)
            around.messages.extend(self.publisher.step(told, repeated=True))
        return True

    def _decide(self, around: Round, request: Incoming, ids: Mapping[str, Any]) -> None:
        target = around.targets[request.key]
        now = self.clock.now()
        if introduction := self._meet(request, around.copies):
            around.messages.append(introduction)
        new_id = next(ids[target.fresh]) if target.fresh else None
        if target.fresh:
            draft = Draft(self.owner, Document(f"{target.fresh}:{new_id}"))
        else:
            made = Document(target.id if target.may_create and target.id else "")
            draft = around.draft_of(self.owner, target) or Draft(self.owner, made)
        before = draft.copy()
        try:
            wait = self._rule(around, request, draft, new_id, now)
        except Exception:
            # A rule that breaks harms its own request alone: whoever asked is told, and the message is kept.
            log.exception("a rule broke", type=request.request.type, request_id=request.request_id)
            draft = before  # Nothing of what it had begun stays.
            wait = reject(draft, request, Rejected("internal_error"), now, self.timing)
            if request.record is not None:
                around.messages.append(
                    dead_letter(
                        request.record, "internal_error", "a rule broke", process=self._process, actor=request.actor
                    )
                )
        if wait is not None:
            around.waits.append((request, draft, wait))
            return
        if draft.state is None:  # Refused, about nothing that exists: the decision is a document of its own.
            draft.document = Document(f"decision:{request.key}")
            draft.decided = request.key
        around.drafts[draft.document.id] = draft
        around.deciders[request.key] = draft.document.id
        if draft.document.version == 0:
            around.made.update(dict.fromkeys(draft.keys(), draft.document.id))

    def _rule(self, around: Round, request: Incoming, draft: Draft, new_id: int | None, now: int) -> Wait | None:
        """Let the rule decide; raise what it, or finding out what the request is about, raised."""
        if (error := around.broken.get(request.key)) is not None:
            raise error
        if not draft.document.id:
            target = around.targets[request.key]
            missing = Rejected(target.missing, waits_for=target.lags)
            return reject(draft, request, missing, now, self.timing, target.reference)
        return decide(draft, request, self._context(around, request, draft, new_id, now), self.timing)

    def _context(self, around: Round, request: Incoming, draft: Draft, new_id: int | None, now: int) -> Context:
        referred = self.owner.refers(request.request, request.actor)
        return Context(
            actor=request.actor,
            now=now,
            request_id=request.request_id,
            document=draft.document.id if draft.state is not None else None,
            new_id=new_id,
            pending=tuple(draft.pending),
            copies=around.values,
            answers=request.known,
            holders=around.holders,
            past={
                key: row.step.status
                for key in referred
                if (row := around.rows.get(key)) and row.step.document == draft.document.id
            },
        )

    # ---- steps 4 and 5 ----------------------------------------------------------------------------------------

    async def _save(
        self,
        drafts: Mapping[str, Draft],
        messages: Sequence[Message] = (),
        unfinished: Mapping[str, Document] | None = None,
    ) -> set[str]:
        """Write the drafts and publish those that were written first by us; return the ids of the others."""
        batch = uuid.uuid4().hex
        lost = await self.store.save([d.write(batch) for d in drafts.values()], self.clock.now()) if drafts else set()
        won = [d for id_, d in drafts.items() if id_ not in lost]
        done: list[_Done] = [(d.document.id, d.version, (*d.document.outbox, *d.steps), d) for d in won]
        done += [(d.id, d.version, d.outbox, None) for d in (unfinished or {}).values() if d.id not in drafts]
        await self._publish(done, messages, batch)
        for draft in won:
            for step in draft.steps:
                metrics.REQUESTS.labels(step.type, step.status).inc()
                self._measure(step)
        return lost

    def _measure(self, step: Step) -> None:
        now = self.clock.now()
        if step.status in {"accepted", "rejected"} and step.received_at is not None:
            metrics.DECISION_SECONDS.observe(max(0, now - step.received_at) / 1000)
        elif step.status == "applied" and step.effective_at and step.at > (step.accepted_at or 0):
            metrics.APPLIED_LATE_SECONDS.observe(max(0, now - step.effective_at) / 1000)

    async def _publish(self, done: Sequence[_Done], messages: Sequence[Message], batch: str = "") -> None:
        now = self.clock.now()
        out = list(messages)
        for _, _, steps, draft in done:
            for step in steps:
                out.extend(self.publisher.step(step))
            if draft is not None and draft.changed and (shown := draft.view()):
                out.append(self.publisher.state(shown, now))
        if out:
            await self.bus.publish(out)
        if not done:
            return
        last = {step.key: step for _, _, steps, _ in done for step in sorted(steps, key=lambda s: s.version)}
        await self.store.put_rows(list(last.values()))
        whole = {d.document.id for _, _, _, d in done if d is not None and d.changed}
        told = [(id_, version, [s.version for s in steps]) for id_, version, steps, _ in done]
        stale = await self.store.clear([entry for entry in told if entry[0] in whole], batch)
        # Of the others no state was published: whatever mark they bear stands for somebody else's change.
        stale += await self.store.clear([(id_, -1, entries) for id_, _, entries in told if id_ not in whole])
        while stale:  # Somebody wrote meanwhile: an older state of ours may stand after theirs, so the newest follows.
            published = await self.republish(stale)
            stale = await self.store.clear([(id_, version, ()) for id_, version in published])
