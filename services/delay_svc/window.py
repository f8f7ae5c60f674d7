"""The records that wait in memory, partition by partition, released by `due_at`. Pure: no Kafka, no clock.

All records of a delay topic wait equally long, so its log is in the order of `due_at`, except for differences between
the clocks of its writers. A partition is read ahead in the order of the log, up to the size of its window, so memory
does not grow with the number of pending records. Within a window the record that is due first goes first, so that a
writer whose clock is fast delays no others.
"""

from bisect import bisect_right, insort
from collections.abc import Callable, Mapping
from functools import partial

from services.delay_svc import watermark
from services.delay_svc.delayed import Delayed
from services.delay_svc.watermark import Watermark

Partition = tuple[str, int]
"""A topic and the number of a partition; aiokafka's TopicPartition is one."""


class Window:
    """The records of one partition that were read and are not finished yet.

    It begins at the offset `start`; `known` is the predecessor's watermark, of records finished from there on.
    """

    def __init__(self, start: int, known: Watermark = watermark.NONE) -> None:
        self._waiting: list[tuple[int, int, Delayed]] = []
        """Records to forward, by `due_at`, then by offset. Most come in this order, so a sorted list is cheapest."""
        self._held: set[int] = set()
        """Offsets of records that are not to be forwarded, such as those being dead-lettered, and not finished yet."""
        self._unfinished: dict[int, None] = {}
        """The offsets of all unfinished records, in the order of the log."""
        self._end = start
        self._forwarded = known

    def __len__(self) -> int:
        return len(self._waiting) + len(self._held)

    def add(self, trigger: Delayed) -> None:
        """Add the next record, unless a predecessor has forwarded it."""
        offset = trigger.record.offset
        self._end = offset + 1
        if self._forwarded.covers(offset, trigger.due_at):
            return
        self._unfinished[offset] = None
        entry = (trigger.due_at, offset, trigger)
        if not self._waiting or entry > self._waiting[-1]:
            self._waiting.append(entry)
        else:
            insort(self._waiting, entry)

    def hold(self, offset: int) -> None:
        """Hold a record that is not to be forwarded, or no longer, until it is released."""
        self._end = max(self._end, offset + 1)
        self._unfinished[offset] = None
        self._held.add(offset)

    def release(self, offset: int) -> None:
        """Remove a record that was held: it is finished."""
        self._held.discard(offset)
        self._unfinished.pop(offset, None)

    @property
    def position(self) -> int:
        """Return the offset before which everything is finished, from which another process has to go on."""
        return next(iter(self._unfinished), self._end)

    @property
    def watermark(self) -> Watermark:
        """Return what is finished beyond the position: all records read that are due before the first that waits.

        The predecessor's watermark holds until this window has read as far. Records after a held one are not covered,
        since the held one may be due and is not finished.
        """
        due_before = watermark.FOREVER if self.next_due is None else self.next_due
        all_read = Watermark(due_before - 1, self._end) if self._end >= self._forwarded.end else self._forwarded
        return all_read._replace(end=min(all_read.end, *self._held)) if self._held else all_read

    @property
    def next_due(self) -> int | None:
        """Return when (ms) its next record may be forwarded, or None when none waits."""
        return self._waiting[0][0] if self._waiting else None

    @property
    def ahead(self) -> int:
        """Return by how many ms the writer of the record due last was ahead; 0 when it wasn't or none waits."""
        return max(0, self._waiting[-1][2].ahead) if self._waiting else 0

    def due(self, now: int) -> list[Delayed]:
        """Return, in order, the records that may be forwarded at `now` (ms); they stay until they are `forwarded`."""
        count = bisect_right(self._waiting, now, key=_due_at)
        return [trigger for _, _, trigger in self._waiting[:count]]

    def forwarded(self, count: int) -> None:
        """Remove the first `count` records that wait: they were acknowledged in their target.

        No record may have been added since `due` returned them, since it could come before them.
        """
        for _, offset, _ in self._waiting[:count]:
            if offset not in self._held:
                del self._unfinished[offset]
        del self._waiting[:count]


def _due_at(entry: tuple[int, int, Delayed]) -> int:
    return entry[0]


class Windows:
    """The windows of all partitions this process reads.

    `high_water` is how many records of a partition make its reading pause; it goes on when half of them are left.
    """

    def __init__(self, high_water: int) -> None:
        self._high_water = high_water
        self._windows: dict[Partition, Window] = {}

    def __len__(self) -> int:
        """Return how many records wait in memory."""
        return sum(map(len, self._windows.values()))

    def begin(self, partition: Partition, offset: int, known: Watermark = watermark.NONE) -> None:
        """Begin a partition at `offset`, unless it was begun already.

        `known` is the predecessor's watermark, of records finished from there on.
        """
        if partition not in self._windows:
            self._windows[partition] = Window(offset, known)

    def add(self, partition: Partition, trigger: Delayed) -> None:
        """Add the next record of a partition that was begun."""
        self._windows[partition].add(trigger)

    def hold(self, partition: Partition, offset: int) -> Callable[[], None]:
        """Hold a record that is not to be forwarded; return the function to call when it is finished otherwise.

        Records after it go on, but the position stays at it.
        """
        window = self._windows[partition]
        window.hold(offset)
        return partial(window.release, offset)

    def room(self, partition: Partition, *, paused: bool) -> int:
        """Return how many more records of a partition are to be read; `paused` is whether its reading is paused now."""
        window = self._windows.get(partition)
        held = len(window) if window else 0
        return 0 if paused and held > self._high_water // 2 else max(0, self._high_water - held)

    def next_due(self) -> int | None:
        """Return when (ms) the next record may be forwarded, or None when none waits."""
        return min((due for window in self._windows.values() if (due := window.next_due) is not None), default=None)

    def ahead(self) -> int:
        """Return by how many ms the clock of a waiting record's writer was ahead of the broker's at most."""
        return max((window.ahead for window in self._windows.values()), default=0)

    def due(self, now: int) -> Mapping[Partition, list[Delayed]]:
        """Return, by partition and in order, all records that may be forwarded at `now` (ms)."""
        return {partition: due for partition, window in self._windows.items() if (due := window.due(now))}

    def forwarded(self, partition: Partition, count: int) -> None:
        """Remove the first `count` waiting records of a partition: they were acknowledged in their target."""
        self._windows[partition].forwarded(count)

    def positions(self) -> dict[Partition, int]:
        """Return, by partition, the offset before which everything is finished."""
        return {partition: window.position for partition, window in self._windows.items()}

    def commits(self) -> dict[Partition, tuple[int, str]]:
        """Return, by partition, what to commit: its position, and its watermark as the metadata."""
        return {partition: (window.position, str(window.watermark)) for partition, window in self._windows.items()}

    def clear(self) -> None:
        """Forget everything, since the partitions may go to others; unfinished records are read again."""
        self._windows.clear()
