"""The engine's storage in MongoDB: a document for each entity, a record for each request, copies of other owners.

Every write that decides is guarded by the document's version, with `upsert`. So a lost write shows as a duplicate key
error with its index in the bulk; a count of matched documents could not say which write lost.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.clock import DAY, MINUTE, instant
from shared.engine.core import due
from shared.engine.core.document import Document, Write
from shared.engine.core.incoming import RequestRecord
from shared.engine.core.rules import Owner
from shared.engine.core.transition import Transition
from shared.engine.storage import codec
from shared.engine.storage.protocol import JOINT, Copy, Decide, NeverStored, Published, Saved, Selection
from shared.mongo import bulk_writes
from shared.mongo.client import (
    ASCENDING,
    JOURNALED,
    SNAPSHOT,
    BulkWriteError,
    DuplicateKeyError,
    InsertOne,
    OperationFailure,
    ReturnDocument,
    UpdateOne,
    never_stored,
    was_overtaken,
    weakly,
)
from shared.runtime import metrics
from shared.runtime.logging import get_logger

log = get_logger(__name__)

REPUBLISH_AFTER = 10 * MINUTE
LOOK_UP_AGAIN = 2 * MINUTE
DECISION_KEPT = 8 * DAY
_ID_BLOCK = 100
_REMEMBERED = 10_000


class _Lost(Exception):
    """Another writer was first, so that a transaction is of no use."""


class MongoStore:
    """The storage of one owner, in collections named after it."""

    def __init__(self, database: Any, owner: Owner[Any], *, overdue_after: int = 30_000) -> None:
        self._owner = owner
        self._documents = database[f"{owner.name}_documents"]
        self._records = database[f"{owner.name}_requests"]
        self._copies = database["copies"]
        self._counters = database["counters"]
        self._leases = database["leases"]
        self._overdue_after = overdue_after
        # Records of a type that only a newer version knows are left to the processes that know it.
        self._waiting = {"status": "waiting", "incoming.type": {"$in": list(owner.types)}}
        self._ids: dict[str, deque[int]] = {}
        self._cleared: OrderedDict[str, int] = OrderedDict()

    async def prepare(self) -> None:
        """Create the indexes; does nothing when they are there."""
        documents, records = self._documents, self._records
        await documents.create_index([("keys", ASCENDING)], unique=True, sparse=True, name="keys")
        await documents.create_index([("idempotency_key", ASCENDING)], unique=True, sparse=True, name="idempotency_key")
        await documents.create_index([("refs", ASCENDING)], sparse=True, name="refs")
        await documents.create_index([("outbox.at", ASCENDING)], sparse=True, name="outbox")
        await documents.create_index([("unpublished_since", ASCENDING)], sparse=True, name="unpublished")
        await documents.create_index([("republish_at", ASCENDING)], sparse=True, name="republish")
        await documents.create_index(
            [("pending.due_at", ASCENDING), ("pending.next_trigger_at", ASCENDING)], sparse=True, name="due"
        )
        await documents.create_index([("expires_at", ASCENDING)], expireAfterSeconds=0, name="expires")
        await self._copies.create_index([("aliases", ASCENDING)], sparse=True, name="aliases")
        waiting = {"partialFilterExpression": {"status": "waiting"}}
        await records.create_index([("waits_for", ASCENDING)], name="waits_for", **waiting)
        await records.create_index([("deadline", ASCENDING)], name="deadline", **waiting)
        await records.create_index([("look_up_at", ASCENDING)], name="look_up_at", **waiting)
        await records.create_index([("incoming.actor.id", ASCENDING)], name="waiting_of", **waiting)

    # ---- the steps of a batch ---------------------------------------------------------------------------------

    async def load(self, ids: Iterable[str], keys: Iterable[str], decided: Iterable[str]) -> list[Document]:
        """Return the documents with these ids, unique keys, or decided requests."""
        clauses = [
            {field: {"$in": wanted}}
            for field, wanted in (("_id", list(ids)), ("keys", list(keys)), ("idempotency_key", list(decided)))
            if wanted
        ]
        if not clauses:
            return []
        found = self._documents.find({"$or": clauses} if len(clauses) > 1 else clauses[0])
        return [self._unpublished(codec.document_in(self._owner, raw)) for raw in await found.to_list(None)]

    def _unpublished(self, document: Document) -> Document:
        """Leave out outbox entries that we have cleared: a read with majority concern may still see them."""
        cleared = self._cleared.get(document.id, 0)
        document.outbox = [transition for transition in document.outbox if transition.version > cleared]
        return document

    async def records(self, keys: Iterable[str]) -> dict[str, RequestRecord]:
        """Return the records of these requests, by request key."""
        found = await self._records.find({"_id": {"$in": list(keys)}}).to_list(None)
        return {raw["_id"]: codec.record_in(self._owner, raw) for raw in found}

    async def copies(self, keys: Iterable[str]) -> dict[str, tuple[int, Mapping[str, Any]]]:
        """Return copies, by key."""
        found = await self._copies.find({"_id": {"$in": list(keys)}}).to_list(None)
        return {raw["_id"]: (raw["version"], raw["value"]) for raw in found}

    async def named(self, names: Iterable[str]) -> dict[str, str]:
        """Return the keys of the copies that have one of these names, by name."""
        wanted = set(names)
        found = await self._copies.find({"aliases": {"$in": list(wanted)}}, {"aliases": 1}).to_list(None)
        found.sort(key=lambda raw: raw["_id"], reverse=True)
        return {name: raw["_id"] for raw in found for name in raw["aliases"] if name in wanted}

    async def new_ids(self, kind: str, count: int) -> list[int]:
        """Return ids never given before, from a block taken from the counter."""
        free = self._ids.setdefault(kind, deque())
        while len(free) < count:
            block = max(_ID_BLOCK, count)
            counter = await self._counters.find_one_and_update(
                {"_id": kind}, {"$inc": {"next": block}}, upsert=True, return_document=ReturnDocument.AFTER
            )
            free.extend(range(counter["next"] - block + 1, counter["next"] + 1))
        # Other tasks may have taken some during an await: there is none between the check above and this line.
        return [free.popleft() for _ in range(count)]

    async def save(self, writes: Sequence[Write], now: int) -> Saved:
        """Make the guarded writes; return which could not be made."""
        made = [write for write in writes if write.base == 0]
        changed = [write for write in writes if write.base > 0]
        operations: list[Any] = [InsertOne(self._made(write, now)) for write in made]
        failed = await bulk_writes.write(self._documents, operations)
        saved = _saved(made, failed)
        operations = [
            UpdateOne({"_id": w.id, "version": w.base}, codec.write_out(w, now, REPUBLISH_AFTER), upsert=True)
            for w in changed
        ]
        also = _saved(changed, await bulk_writes.write(self._documents, operations))
        return Saved({**saved.lost, **also.lost}, saved.refused | also.refused)

    def _made(self, write: Write, now: int) -> dict[str, Any]:
        document = codec.document_out(write, now, REPUBLISH_AFTER)
        if write.decision_only:
            document["expires_at"] = datetime.now(UTC) + timedelta(milliseconds=DECISION_KEPT)
        return document

    async def find(self, refs: Iterable[str], limit: int) -> list[str]:
        """Return the ids of documents that refer to one of these."""
        found = self._documents.find({"refs": {"$in": list(refs)}}, {"_id": 1}).sort("_id", ASCENDING).limit(limit)
        return [raw["_id"] for raw in await found.to_list(None)]

    async def select(self, chosen: Selection) -> list[Document]:
        """Return the documents of a selection."""
        return await self._select(chosen, None)

    async def _select(self, chosen: Selection, session: Any) -> list[Document]:
        found: dict[str, Any] = {}
        named = [
            {field: {"$in": list(wanted)}}
            for field, wanted in (("_id", chosen.ids), ("idempotency_key", chosen.decided))
            if wanted
        ]
        if named:
            by_name = self._documents.find({"$or": named}, session=session)
            found |= {raw["_id"]: raw for raw in await by_name.to_list(None)}
        if chosen.refs:
            referring = self._documents.find({"refs": {"$in": list(chosen.refs)}}, session=session)
            in_order = referring.sort("_id", ASCENDING).limit(chosen.limit)
            found |= {raw["_id"]: raw for raw in await in_order.to_list(None)}
        return [self._unpublished(codec.document_in(self._owner, raw)) for raw in found.values()]

    async def decide_together(self, chosen: Selection, decide: Decide, now: int, *, touch: bool = False) -> bool:
        """Write all that `decide` says, or nothing."""
        async with await self._documents.database.client.start_session() as session:
            try:
                async with session.start_transaction(read_concern=SNAPSHOT, write_concern=JOURNALED):
                    if touch:
                        wanted = [{"_id": {"$in": list(chosen.ids)}}, {"refs": {"$in": list(chosen.refs)}}]
                        await self._documents.update_many({"$or": wanted}, {"$inc": {"locks": 1}}, session=session)
                    await self._write_together(decide(await self._select(chosen, session)), now, session)
            except _Lost:
                return False
            except (BulkWriteError, OperationFailure) as error:
                if was_overtaken(error):
                    return False
                if (why := never_stored(error)) is not None:
                    raise NeverStored(why) from error
                raise
        return True

    async def _write_together(self, writes: Sequence[Write], now: int, session: Any) -> None:
        changed = [
            UpdateOne({"_id": w.id, "version": w.base}, codec.write_out(w, now, REPUBLISH_AFTER))
            for w in writes
            if w.base > 0
        ]
        made = [InsertOne(self._made(write, now)) for write in writes if write.base == 0]
        if writes:
            done = await self._documents.bulk_write([*changed, *made], session=session)
            if done.matched_count != len(changed):
                raise _Lost

    async def joint(self, now: int, limit: int) -> list[RequestRecord]:
        """Return records that wait for a joint decision and that nobody has claimed, oldest first."""
        free = {**self._waiting, "waits_for": JOINT, "claimed_until": {"$not": {"$gt": now}}}
        found = self._records.find(free).sort("incoming.received_at", ASCENDING).limit(limit)
        return [codec.record_in(self._owner, raw) for raw in await found.to_list(None)]

    async def claim(self, key: str, now: int, until: int) -> bool:
        """Claim a request."""
        free = {"_id": key, "status": "waiting", "waits_for": JOINT, "claimed_until": {"$not": {"$gt": now}}}
        claimed = await self._records.update_one(free, {"$set": {"claimed_until": until}})
        return bool(claimed.modified_count)

    async def put_waiting(self, records: Sequence[RequestRecord]) -> set[str]:
        """Write records of waiting requests; return the keys of those decided meanwhile."""
        operations = [
            UpdateOne(
                {"_id": record.key, "status": "waiting"},
                {"$set": codec.waiting_out(record)},
                upsert=True,
            )
            for record in records
        ]
        return {records[index].key for index in await bulk_writes.write(self._records, operations)}

    async def put_records(self, transitions: Sequence[Transition]) -> None:
        """Write records of decided requests, each only over an older version."""
        # In MongoDB an insert costs a tenth of an upsert, and most requests have no record yet.
        found = await self._records.find({"_id": {"$in": [s.key for s in transitions]}}, {"_id": 1}).to_list(None)
        there = {raw["_id"] for raw in found}
        fresh = [transition for transition in transitions if transition.key not in there]
        again = [transition for transition in transitions if transition.key in there]
        records = [InsertOne({"_id": transition.key, **codec.record_out(transition)}) for transition in fresh]
        again += [fresh[i] for i, why in (await bulk_writes.write(self._records, records)).items() if why is not None]
        gone = dict.fromkeys(codec.WAITING_ONLY, "")
        updates = [
            UpdateOne({"_id": s.key, "version": {"$lt": s.version}}, {"$set": codec.record_out(s), "$unset": gone})
            for s in again
        ]
        await bulk_writes.write(self._records, updates)

    async def clear(self, published: Sequence[Published], batch_id: str = "") -> list[str]:
        """Remove what was published from outboxes; return the ids of documents whose state must be published again."""
        if not published:
            return []
        documents, ids = weakly(self._documents), [each.document for each in published]
        self._remember(published)
        if batch_id:
            # One command for all, since another process has hardly ever written one of them meanwhile.
            all_of_it = {"$set": {"outbox": []}, "$unset": {"unpublished_since": ""}}
            cleared = await documents.update_many({"_id": {"$in": ids}, "batch": batch_id}, all_of_it)
            if cleared.matched_count == len(published):
                return []
        operations = []
        shown: dict[str, int] = {}
        for id_, entries, state_version in published:
            if entries:
                operations.append(UpdateOne({"_id": id_}, {"$pull": {"outbox": {"version": {"$in": list(entries)}}}}))
            if state_version is not None:
                shown[id_] = state_version
                operations.append(
                    UpdateOne({"_id": id_, "version": state_version}, {"$unset": {"unpublished_since": ""}})
                )
        if operations:
            await documents.bulk_write(operations, ordered=False)
        if not shown:
            return []
        found = documents.find({"_id": {"$in": list(shown)}}, {"version": 1})
        return [raw["_id"] for raw in await found.to_list(None) if raw["version"] != shown[raw["_id"]]]

    def _remember(self, published: Sequence[Published]) -> None:
        for id_, entries, _ in published:
            self._cleared[id_] = max(self._cleared.pop(id_, 0), *entries, 0)
        while len(self._cleared) > _REMEMBERED:
            self._cleared.popitem(last=False)

    async def put_copies(self, copies: Sequence[Copy]) -> None:
        """Replace copies, with their aliases, each only by a higher version.

        One that MongoDB can never store is counted and logged; what waits for it is refused at its deadline.
        """
        failed = await bulk_writes.write(
            self._copies,
            [
                UpdateOne(
                    {"_id": key, "version": {"$lt": version}},
                    _copy_out(version, value, aliases),
                    upsert=True,
                )
                for key, version, value, aliases in copies
            ],
        )
        for index in (index for index, why in failed.items() if why is None):
            metrics.UNUSABLE.labels("copy").inc()
            log.error("a copy can't be stored", key=copies[index].key, version=copies[index].version)

    async def waiting_for(self, keys: Iterable[str]) -> list[RequestRecord]:
        """Return the records of requests that wait for one of these keys."""
        found = self._records.find({**self._waiting, "waits_for": {"$in": list(keys)}})
        return [codec.record_in(self._owner, raw) for raw in await found.to_list(None)]

    async def waiting_of(self, actors: Iterable[str]) -> dict[str, int]:
        """Return how many requests of each of these actors wait."""
        of_these = {"$match": {"status": "waiting", "incoming.actor.id": {"$in": list(actors)}}}
        counted = self._records.aggregate([of_these, {"$group": {"_id": "$incoming.actor.id", "count": {"$sum": 1}}}])
        return {raw["_id"]: raw["count"] for raw in await counted.to_list(None)}

    # ---- the sweeper ------------------------------------------------------------------------------------------

    async def lease(self, name: str, holder: str, duration: int) -> int | None:
        """Take or keep a lease for `duration` ms; return when, by the database's clock, which alone counts."""
        now = {"$or": [{"$eq": ["$holder", holder]}, {"$lt": ["$until", "$$NOW"]}]}
        taken = await self._leases.find_one_and_update(
            {"_id": name, "$expr": now},
            [{"$set": {"holder": holder, "until": {"$add": ["$$NOW", duration]}}}],
            return_document=ReturnDocument.AFTER,
        )
        if taken is not None:
            return instant(taken["until"]) - duration
        # The very first lease: MongoDB can't upsert with a condition that reads its own clock.
        try:
            await self._leases.insert_one({"_id": name, "holder": "", "until": datetime.now(UTC) - timedelta(days=1)})
        except DuplicateKeyError:
            return None
        return await self.lease(name, holder, duration)

    async def with_old_outbox(self, before: int, limit: int) -> list[Document]:
        """Return documents with an outbox entry older than `before`."""
        found = self._documents.find({"outbox.at": {"$lt": before}, **_at_hand(before)}).limit(limit)
        return [codec.document_in(self._owner, raw) for raw in await found.to_list(None)]

    async def with_old_state(self, before: int, limit: int) -> list[str]:
        """Return ids of documents changed before `before` whose state is not published."""
        return await self._ids_of({"unpublished_since": {"$lt": before}, **_at_hand(before)}, limit)

    async def to_republish(self, before: int, limit: int) -> list[str]:
        """Return ids of documents whose state is to be published once more."""
        return await self._ids_of({"republish_at": {"$lt": before}, **_at_hand(before)}, limit)

    async def _ids_of(self, condition: Mapping[str, Any], limit: int) -> list[str]:
        found = self._documents.find(condition, {"_id": 1}).limit(limit)
        return [raw["_id"] for raw in await found.to_list(None)]

    async def republished(self, published: Sequence[tuple[str, int]], before: int) -> None:
        """Remove the old republish mark of documents that still have the version that was published."""
        gone, old = {"$unset": {"republish_at": "", "unpublished_since": ""}}, {"$lt": before}
        operations = [UpdateOne({"_id": id_, "version": v, "republish_at": old}, gone) for id_, v in published]
        if operations:
            await weakly(self._documents).bulk_write(operations, ordered=False)

    async def overdue(self, now: int, limit: int) -> list[tuple[str, int]]:
        """Return (document id, due_at) of overdue changes that are to be triggered again."""
        late = {"due_at": {"$lt": now - self._overdue_after}, "next_trigger_at": {"$lte": now}}
        found = self._documents.find({"pending": {"$elemMatch": late}, **_at_hand(now)}, {"pending.due_at": 1})
        return [(raw["_id"], raw["pending"][0]["due_at"]) for raw in await found.limit(limit).to_list(None)]

    async def triggered(self, documents: Iterable[tuple[str, int]], now: int) -> None:
        """Postpone the next trigger of these documents, longer each time."""
        late: list[Mapping[str, Any]] = [{"late.due_at": {"$lt": now - self._overdue_after}}]
        operations = [
            UpdateOne(
                {"_id": id_, "pending": {"$exists": True}},
                {"$set": {"pending.$[late].next_trigger_at": now + due.back_off(now - due_at)}},
                array_filters=late,
            )
            for id_, due_at in documents
        ]
        await weakly(self._documents).bulk_write(operations, ordered=False)

    async def set_aside(self, ids: Iterable[str], until: int) -> None:
        """Hide documents from the sweeper for a while."""
        await weakly(self._documents).update_many({"_id": {"$in": list(ids)}}, {"$set": {"aside_until": until}})

    async def expired(self, now: int, limit: int) -> list[RequestRecord]:
        """Return the records of waiting requests past their deadline, those that have waited longest first."""
        found = (
            self._records.find({**self._waiting, "deadline": {"$lte": now}}).sort("deadline", ASCENDING).limit(limit)
        )
        return [codec.record_in(self._owner, raw) for raw in await found.to_list(None)]

    async def put_off(self, keys: Iterable[str], until: int) -> None:
        """Postpone the deadlines of waiting requests."""
        waiting = {"_id": {"$in": list(keys)}, "status": "waiting"}
        await self._records.update_many(waiting, {"$set": {"deadline": until}})

    async def look_ups_due(self, now: int, limit: int) -> list[RequestRecord]:
        """Return the records of waiting requests whose look-up is to be published again, and postpone the next time."""
        found = self._records.find({**self._waiting, "look_up_at": {"$lte": now}}).limit(limit)
        records = [codec.record_in(self._owner, raw) for raw in await found.to_list(None)]
        if records:
            keys = [record.key for record in records]
            waiting = {"_id": {"$in": keys}, "status": "waiting"}
            await self._records.update_many(waiting, {"$set": {"look_up_at": now + LOOK_UP_AGAIN}})
        return records

    async def counts(self, now: int) -> tuple[int, int]:
        """Return how many requests wait, and how many documents have overdue changes."""
        # The hint names a partial index: without it MongoDB would scan all requests ever made.
        waiting = await self._records.count_documents({"status": "waiting"}, hint="deadline")
        overdue = await self._documents.count_documents({"pending.due_at": {"$lt": now - 5_000}})
        return waiting, overdue


def _copy_out(version: int, value: Mapping[str, Any], aliases: Sequence[str]) -> Mapping[str, Any]:
    kept = {"version": version, "value": value}
    # A sparse index does not hold what has no aliases, and would hold an empty list.
    return {"$set": {**kept, "aliases": list(aliases)}} if aliases else {"$set": kept, "$unset": {"aliases": ""}}


def _at_hand(now: int) -> Mapping[str, Any]:
    return {"aside_until": {"$not": {"$gt": now}}}


def _saved(writes: Sequence[Write], failed: Mapping[int, frozenset[str] | None]) -> Saved:
    lost = {writes[index].id: keys for index, keys in failed.items() if keys is not None}
    return Saved(lost, frozenset(writes[index].id for index, keys in failed.items() if keys is None))
