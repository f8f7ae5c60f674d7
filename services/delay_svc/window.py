"""What waits in memory, partition by partition, in the order of the log. Pure: no Kafka, no clock.

A partition is read ahead only as far as its window reaches, so memory does not grow with what is pending. Since all
records of a delay topic wait equally long, the first of a partition is the first due (but for what the clocks of its
writers differ by): what is behind a record that isn't due waits with it, and the order of the partition is kept.
"""

from collections import deque
from collections.abc import Mapping
from itertools import takewhile

from services.delay_svc.poke import Poke

Partition = tuple[str, int]
"""A topic and the number of a partition; aiokafka's TopicPartition is one."""


class Window:
    """The records of one partition that were read and not forwarded yet."""

    def __init__(self) -> None:
        self.pokes: deque[Poke] = deque()
        self._end = 0

    def add(self, offset: int, poke: Poke | None) -> None:
        """Take in the record at `offset`; None stands for one that needs no forwarding."""
        self._end = offset + 1
        if poke is not None:
            self.pokes.append(poke)

    @property
    def position(self) -> int:
        """Return the offset before which everything is settled: where another process has to go on."""
        return int(self.pokes[0].record.offset) if self.pokes else self._end

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
        return sum(len(window.pokes) for window in self._windows.values())

    def add(self, partition: Partition, offset: int, poke: Poke | None) -> None:
        """Take in the next record of a partition; None stands for one that needs no forwarding."""
        window = self._windows.get(partition)
        if window is None:
            window = self._windows[partition] = Window()
        window.add(offset, poke)

    def room(self, partition: Partition, *, paused: bool) -> int:
        """Return how many more records of a partition are to be read; `paused` is whether its reading pauses now."""
        window = self._windows.get(partition)
        held = len(window.pokes) if window else 0
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
