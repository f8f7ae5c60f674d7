"""The cases: what is done to the system, and how big a run is in the test suite (short) and by itself (long)."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from tests.faults.cases import brokers, dead_letters, messages, neighbours, network, processes, time
from tests.faults.stack import Size, Stack

SHORT = Size(structures=4, rate=15.0, seconds=4.0)
LONG = Size(structures=20, rate=50.0, seconds=20.0, rounds=3)


@dataclass(frozen=True)
class Case:
    """One case. Its function's first line says what it does."""

    go: Callable[[Stack], Awaitable[None]]
    short: Size = SHORT
    long: Size = LONG
    in_tests: bool = True
    """Whether the test suite runs it too; it would take too long with all of them."""

    @property
    def name(self) -> str:
        """Return what `make faults CASE=` calls it."""
        return self.go.__name__.replace("_", "-")

    @property
    def says(self) -> str:
        """Return what it does, in a sentence."""
        return (self.go.__doc__ or "").strip().splitlines()[0]


CASES: Mapping[str, Case] = {
    case.name: case
    for case in (
        Case(processes.kill),
        Case(processes.freeze),
        Case(processes.second_replica),
        Case(processes.scale),
        Case(processes.rolling_restart, in_tests=False),
        Case(brokers.kafka),
        Case(brokers.kafka_killed, in_tests=False),
        Case(brokers.mongodb),
        Case(brokers.mongodb_frozen, in_tests=False),
        Case(network.connections, in_tests=False),
        Case(messages.duplicates),
        Case(messages.poison),
        Case(dead_letters.no_dead_letters),
        Case(messages.two_partitions),
        Case(neighbours.hostile_neighbour, in_tests=False),
        Case(time.fast_clock),
        Case(time.fast_replica, in_tests=False),
        Case(time.lost_triggers),
        Case(time.delay_changed),
        Case(time.cancel_race),
    )
}
