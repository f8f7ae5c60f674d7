"""The loop that reads the delay topics ahead, forwards what is due, and finishes what was forwarded.

At least once: an offset is committed after the acknowledgements. So a process that dies repeats its last few records
(their owners apply each once) and loses none. Records forwarded beyond the offset are described in the commit's
metadata, the watermark, so that they are not repeated either. Two processes that both believe to own a partition would
repeat more, and aiokafka can't fence a producer. So a process that may have lost its partitions first commits: the
group refuses a commit of a former member.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError

from services.delay_svc import delayed, metrics, watermark
from services.delay_svc.delayed import Delayed
from services.delay_svc.forward import Forwarder
from services.delay_svc.watermark import Watermark
from services.delay_svc.window import Windows
from shared.clock import SECOND, Clock
from shared.contracts.topics import delay_of
from shared.errors import Poison
from shared.runtime.logging import get_logger

log = get_logger(__name__)

SESSION_TIMEOUT = 6 * SECOND
"""After so many ms without a heartbeat the group gives the partitions of a process to others."""
STALL = SESSION_TIMEOUT // 2
COMMIT_EVERY = 50
"""Ms between two commits: records forwarded since the last one are forwarded again after a `kill -9`."""
LONGEST_WAIT = SECOND // 2
LAST_DEAD_LETTERS_S = 1.0
"""Seconds that dead letters may still take when partitions are revoked; the next owner sends the others again."""
READ_AT_ONCE = 200
"""Records of one partition taken in per turn: with twelve partitions a busy turn takes some 50 ms."""


class Relay(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types.
    """The relay of the partitions of one process. `turned` is called in each turn of the loop, idle or not.

    The consumer must have been subscribed with this relay as its listener, and started.
    """

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        forwarder: Forwarder,
        windows: Windows,
        clock: Clock,
        *,
        turned: Callable[[], None],
    ) -> None:
        self._consumer = consumer
        self._forwarder = forwarder
        self._windows = windows
        self._clock = clock
        self._turned = turned
        # Held while records are read, forwarded and committed: partitions are not revoked in the middle of it.
        self._at_work = asyncio.Lock()
        self.has_share = False
        """Whether the group has assigned this process its partitions, perhaps none."""
        self._targets: Collection[str] = ()
        self._committed: dict[Any, tuple[int, str]] = {}
        self._inherited: Mapping[TopicPartition, Any] = {}
        """The last commit of each partition when the group assigned it to this process: `offset`, `metadata`."""
        self._unfinished = False
        self._dead_letters: set[asyncio.Task[None]] = set()
        self._last_commit = self._last_turn = time.monotonic()
        self._in_doubt = False
        self._fenced = False
        self._stopping = False

    async def run(self) -> None:
        """Relay until `stop` is called. After any exception the process must be restarted."""
        while not self._stopping:
            records = await self._read()
            async with self._at_work:
                await self._turn(records)
            self._turned()
        async with self._at_work:
            await self._let_go()

    def stop(self) -> None:
        """Ask the loop to end; it finishes what it has forwarded and returns within `LONGEST_WAIT`."""
        self._stopping = True

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:  # noqa: ARG002 - it is always all.
        """Finish and forget everything: aiokafka revokes all partitions on each rebalance."""
        self.has_share = False
        async with self._at_work:
            try:
                await self._let_go()
            finally:
                self._committed.clear()
                self._inherited = {}
                self._fenced = False

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Note the assigned partitions; reading begins at the committed offsets."""
        self.has_share = True
        async with self._at_work:  # No record is handled before it is known which ones were forwarded.
            # aiokafka's `committed` asks the same, but drops the metadata.
            self._inherited = await self._consumer._coordinator.fetch_committed_offsets(list(assigned))  # noqa: SLF001
        self._in_doubt = False
        self._last_turn = time.monotonic()  # A long rebalance is no stall of the process.
        log.info("assigned", partitions=sorted(f"{tp.topic}/{tp.partition}" for tp in assigned))

    async def _read(self) -> Mapping[TopicPartition, list[Any]]:
        """Wait for records, or until there is something to do; return some of each partition, within its window.

        aiokafka returns one partition after the other. So each gives a share in turn: otherwise due records of the last
        partition would wait for undue ones of the first. No call is cancelled: that would switch off aiokafka's check
        for idle members for good.
        """
        shares = self._throttle()
        smallest = min(shares.values(), default=1)
        read = dict(await self._consumer.getmany(timeout_ms=self._patience(), max_records=smallest))
        if sum(map(len, read.values())) == smallest:
            # There may be more. With a time-out of 0 it is returned at once, and no rebalance can come in between.
            for partition, share in shares.items():
                if partition not in read:
                    read |= await self._consumer.getmany(partition, timeout_ms=0, max_records=share)
        return read

    async def _turn(self, records: Mapping[TopicPartition, list[Any]]) -> None:
        if not self._fenced:
            for partition, some in records.items():
                self._windows.begin(partition, some[0].offset, self._forwarded_from(partition, some[0].offset))
        await self._watch_for_stall()
        if self._fenced:
            return  # Until the group assigns partitions anew, the records read are not ours to forward.
        await self._take_in(records)
        due = self._windows.due(self._clock.now())
        if due:
            for refused, poison in await self._forwarder.forward(
                some for triggers in due.values() for some in triggers
            ):
                self._dead_letter(refused.record, poison)
            for partition, triggers in due.items():
                self._windows.forwarded(partition, len(triggers))
            self._unfinished = True
        for dead_letter in [dead_letter for dead_letter in self._dead_letters if dead_letter.done()]:
            self._dead_letters.remove(dead_letter)
            dead_letter.result()
            self._unfinished = True
        if self._unfinished and self._until_commit() <= 0:
            await self._commit()

    def _forwarded_from(self, partition: TopicPartition, first: int) -> Watermark:
        """Return the predecessor's watermark for the records from `first` on, where the reading begins."""
        left = self._inherited.get(partition)
        # It says nothing of records before the committed offset: reading begins there if the topic was created anew.
        return watermark.NONE if left is None or first < left.offset else watermark.read(left.metadata)

    async def _take_in(self, records: Mapping[TopicPartition, list[Any]]) -> None:
        read: list[tuple[TopicPartition, Any, Delayed | Poison]] = []
        for partition, some in records.items():
            delay = delay_of(partition.topic)
            read += [(partition, record, _judged(record, delay)) for record in some]
        if any(isinstance(what, Delayed) and what.target not in self._targets for _, _, what in read):
            # Perhaps it was created a moment ago. Sending to a topic that does not exist would block everything.
            self._targets = await self._consumer.topics()
        for partition, record, what in read:
            if isinstance(what, Poison):
                self._dead_letter(record, what)
            elif what.target not in self._targets:
                self._dead_letter(
                    record, Poison("target_unknown", "Le topic visé n'existe pas, ou le service n'y a aucun droit.")
                )
            else:
                self._windows.add(partition, what)

    def _dead_letter(self, record: Any, poison: Poison) -> None:
        """Dead-letter a record in the background, since it may take long; until then its offset is not finished."""
        release = self._windows.hold(TopicPartition(record.topic, record.partition), record.offset)
        dead_letter = asyncio.create_task(self._forwarder.dead_letter(record, poison), name="dead letter")
        dead_letter.add_done_callback(
            lambda done: release() if not done.cancelled() and done.exception() is None else None
        )
        self._dead_letters.add(dead_letter)

    async def _let_go(self) -> None:
        """Finish what can be finished, and forget everything."""
        try:
            if self._dead_letters:
                await asyncio.wait(self._dead_letters, timeout=LAST_DEAD_LETTERS_S)
            await self._commit()
        finally:
            self._windows.clear()
            for dead_letter in self._dead_letters:
                dead_letter.cancel()
            self._dead_letters.clear()

    async def _commit(self, *, prove: bool = False) -> None:
        """Commit what was forwarded; with `prove` commit all positions, to check that the partitions are still ours."""
        self._unfinished = False
        self._last_commit = time.monotonic()
        commits = self._windows.commits()
        changed = {p: at for p, at in commits.items() if prove or self._committed.get(p) != at}
        if not changed:
            return
        try:
            await self._consumer.commit(changed)
        except (CommitFailedError, IllegalStateError) as error:
            # A rebalance follows, and `on_partitions_revoked` with it.
            log.warning("fenced", reason=str(error))
            metrics.FENCED.inc()
            self._fenced = True
            self._windows.clear()
        else:
            self._committed.update(changed)

    async def _watch_for_stall(self) -> None:
        """After a long pause of the process the group may have reassigned its partitions: check that before going on.

        The doubt stays until there is a position to commit: records read before the pause may be handled after it.
        """
        before, self._last_turn = self._last_turn, time.monotonic()
        if (self._last_turn - before) * SECOND > STALL:
            log.warning("stalled", seconds=round(self._last_turn - before, 1))
            metrics.STALLS.inc()
            self._in_doubt = True
        if self._in_doubt and self._windows.positions():
            self._in_doubt = False
            await self._commit(prove=True)

    def _throttle(self) -> dict[TopicPartition, int]:
        """Pause or resume each partition, as its window has room; return how many records to take of each now.

        aiokafka forgets pauses on a rebalance, and refuses them for unassigned partitions. So its own state is used.
        """
        paused = self._consumer.paused()
        shares = {}
        for partition in self._consumer.assignment():
            room = self._windows.room(partition, paused=partition in paused)
            if room:
                shares[partition] = min(room, READ_AT_ONCE)
                if partition in paused:
                    self._consumer.resume(partition)
            elif partition not in paused:
                self._consumer.pause(partition)
        return shares

    def _patience(self) -> int:
        """Return for how long (ms) there is nothing to do but read."""
        next_due = self._windows.next_due()
        waits = [LONGEST_WAIT] if next_due is None else [LONGEST_WAIT, next_due - self._clock.now()]
        if self._unfinished:
            waits.append(self._until_commit())
        return max(0, min(waits))

    def _until_commit(self) -> int:
        return COMMIT_EVERY - int((time.monotonic() - self._last_commit) * SECOND)


def _judged(record: Any, delay: int) -> Delayed | Poison:
    try:
        return delayed.read(record, delay)
    except Poison as poison:
        return poison
