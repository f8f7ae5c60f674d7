"""What waits in memory, partition by partition, in the order of the log. Pure: no Kafka, no clock.

A partition is read ahead only as far as its window reaches, so memory does not grow with what is pending. Since all
records of a delay topic wait equally long, the first of a partition is the first due (but for what the clocks of its
writers differ by): what is behind a record that isn't due waits with it, and the order of the partition is kept.
"""

from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from itertools import takewhile

from services.delay_svc.poke import Poke

Partition = tuple[str, int]
"""A topic and the number of a partition; aiokafka's TopicPartition is one."""


class Window:
    """The records of one partition that were read and not forwarded yet."""

    def __init__(self, start: int) -> None:
        self.pokes: deque[Poke] = deque()
        self.held: set[int] = set()
        """Offsets of records that are not forwarded, and not settled yet either."""
        self._end = start

    def __len__(self) -> int:
        return len(self.pokes) + len(self.held)

    def add(self, poke: Poke) -> None:
        """Take in the next record."""
        self._end = poke.record.offset + 1
        self.pokes.append(poke)

    def hold(self, offset: int) -> None:
        """Take in a record that is not forwarded, or no longer; it is settled once it is not `held` any more."""
        self._end = max(self._end, offset + 1)
        self.held.add(offset)

    @property
    def position(self) -> int:
        """Return the offset before which everything is settled: where another process has to go on."""
        first = int(self.pokes[0].record.offset) if self.pokes else self._end
        return min(first, *self.held) if self.held else first

    def due(self, now: int) -> list[Poke]:
        """Return, in order, what may be forwarded at `now` (ms); it stays in the window until it is `forwarded`."""
        return list(takewhile(lambda poke: poke.due_at <= now, self.pokes))

    def forwarded(self, count: int) -> None:
        """Drop the first `count` records: they were acknowledged in their target."""
        for _ in range(count):
            self.pokes.popleft()


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

    def begin(self, partition: Partition, offset: int) -> None:
        """Say that a partition is read from `offset` on, unless that is known already."""
        self._windows.setdefault(partition, Window(offset))

    def add(self, partition: Partition, poke: Poke) -> None:
        """Take in the next record of a partition that was begun."""
        self._windows[partition].add(poke)

    def hold(self, partition: Partition, offset: int) -> Callable[[], None]:
        """Take in a record that is not forwarded; what is returned is to be called when it is settled otherwise.

        Those behind it go on, but the position stays before it.
        """
        window = self._windows[partition]
        window.hold(offset)
        return partial(window.held.discard, offset)

    def room(self, partition: Partition, *, paused: bool) -> int:
        """Return how many more records of a partition are to be read; `paused` is whether its reading pauses now."""
        window = self._windows.get(partition)
        held = len(window) if window else 0
        return 0 if paused and held > self._high_water // 2 else max(0, self._high_water - held)

    def next_due(self) -> int | None:
        """Return when (ms) the next record may be forwarded, or None when none waits."""
        return min((window.pokes[0].due_at for window in self._windows.values() if window.pokes), default=None)

    def due(self, now: int) -> Mapping[Partition, list[Poke]]:
        """Return, by partition and in order, all that may be forwarded at `now` (ms)."""
        return {partition: due for partition, window in self._windows.items() if (due := window.due(now))}

    def forwarded(self, partition: Partition, count: int) -> None:
        """Drop the first `count` records of a partition: they were acknowledged in their target."""
        self._windows[partition].forwarded(count)

    def positions(self) -> dict[Partition, int]:
        """Return, by partition, the offset before which everything is settled."""
        return {partition: window.position for partition, window in self._windows.items()}

    def clear(self) -> None:
        """Forget everything, since the partitions may go to others; what was not settled is read again."""
        self._windows.clear()
