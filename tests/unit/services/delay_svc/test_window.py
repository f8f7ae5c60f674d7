"""What waits, what is due, what is read further, and where another process would go on."""

from services.delay_svc import watermark
from services.delay_svc.watermark import Watermark
from services.delay_svc.window import Partition, Windows
from tests.unit.services.delay_svc.builders import DUE_AT, trigger

A: Partition = ("delay.30m.v1", 0)
B: Partition = ("delay.30m.v1", 1)


def filled(count: int, high_water: int = 100, partition: Partition = A) -> Windows:
    windows = Windows(high_water)
    windows.begin(partition, 0)
    for offset in range(count):
        windows.add(partition, trigger(offset, DUE_AT + offset))
    return windows


def holding(*due: int) -> Windows:
    """Return windows that hold a record of partition A for each of these instants, in the order of the log."""
    windows = Windows(100)
    windows.begin(A, 0)
    for offset, due_at in enumerate(due):
        windows.add(A, trigger(offset, due_at))
    return windows


def offsets(windows: Windows, now: int) -> dict[Partition, list[int]]:
    return {partition: [p.record.offset for p in triggers] for partition, triggers in windows.due(now).items()}


def test_nothing_is_due_a_millisecond_early() -> None:
    windows = filled(1)

    assert offsets(windows, DUE_AT - 1) == {}
    assert offsets(windows, DUE_AT) == {A: [0]}


def test_all_that_is_due_comes_at_once_in_the_order_of_the_log() -> None:
    assert offsets(filled(5), DUE_AT + 2) == {A: [0, 1, 2]}


def test_a_record_of_a_fast_clock_keeps_those_behind_it_from_nothing() -> None:
    windows = holding(DUE_AT + 50, DUE_AT)

    assert offsets(windows, DUE_AT) == {A: [1]}
    windows.forwarded(A, 1)
    assert offsets(windows, DUE_AT + 50) == {A: [0]}


def test_what_is_due_first_comes_first_and_what_is_due_at_once_in_the_order_of_the_log() -> None:
    windows = holding(DUE_AT + 2, DUE_AT, DUE_AT + 1, DUE_AT, DUE_AT + 1)

    assert offsets(windows, DUE_AT + 1) == {A: [1, 3, 2, 4]}
    windows.forwarded(A, 4)
    assert offsets(windows, DUE_AT + 2) == {A: [0]}


def test_the_next_due_is_the_earliest_of_a_partition_wherever_it_stands() -> None:
    assert holding(DUE_AT + 50, DUE_AT, DUE_AT + 20).next_due() == DUE_AT


def test_the_next_due_is_the_earliest_head_of_all_partitions() -> None:
    windows = filled(1)
    windows.begin(B, 0)
    windows.add(B, trigger(0, DUE_AT - 1))

    assert windows.next_due() == DUE_AT - 1


def test_nothing_is_due_next_when_nothing_waits() -> None:
    assert Windows(100).next_due() is None


def test_what_is_due_stays_until_it_is_forwarded() -> None:
    windows = filled(3)

    assert offsets(windows, DUE_AT) == offsets(windows, DUE_AT) == {A: [0]}
    windows.forwarded(A, 1)

    assert offsets(windows, DUE_AT + 1) == {A: [1]}
    assert len(windows) == 2


def test_another_process_would_go_on_at_the_first_record_that_is_not_forwarded() -> None:
    windows = filled(3)
    assert windows.positions() == {A: 0}

    windows.forwarded(A, 2)

    assert windows.positions() == {A: 2}


def test_when_all_is_forwarded_it_would_go_on_after_the_last() -> None:
    windows = filled(3)

    windows.forwarded(A, 3)

    assert windows.positions() == {A: 3}


def test_another_process_would_go_on_at_a_record_of_a_fast_clock_until_it_is_forwarded() -> None:
    windows = holding(DUE_AT, DUE_AT + 50, DUE_AT)
    windows.forwarded(A, 2)
    assert windows.positions() == {A: 1}

    windows.forwarded(A, 1)
    assert windows.positions() == {A: 3}


def test_what_was_forwarded_behind_a_record_of_a_fast_clock_is_not_forwarded_by_a_successor() -> None:
    windows = holding(DUE_AT + 50, DUE_AT, DUE_AT + 1)
    windows.forwarded(A, 1)
    ((position, metadata),) = windows.commits().values()
    assert position == 0

    successor = Windows(100)
    successor.begin(A, position, watermark.read(metadata))
    for offset, due_at in enumerate((DUE_AT + 50, DUE_AT, DUE_AT + 1, DUE_AT)):
        successor.add(A, trigger(offset, due_at))

    assert offsets(successor, DUE_AT + 50) == {A: [3, 2, 0]}, "what came last was not read before, whenever it was due"


def test_a_successor_repeats_what_it_was_told_until_it_has_read_as_far() -> None:
    known = Watermark(DUE_AT + 10, 3)
    windows = Windows(100)
    windows.begin(A, 0, known)
    windows.add(A, trigger(0, DUE_AT + 50))
    windows.add(A, trigger(1, DUE_AT + 20))
    windows.forwarded(A, 1)
    assert windows.commits() == {A: (0, str(known))}

    windows.add(A, trigger(2, DUE_AT))
    assert windows.positions() == {A: 0}
    windows.add(A, trigger(3, DUE_AT + 30))
    windows.forwarded(A, 1)
    assert windows.commits() == {A: (0, str(Watermark(DUE_AT + 49, 4)))}


def test_nothing_is_said_of_what_stands_behind_a_record_that_is_held() -> None:
    windows = holding(DUE_AT + 50, DUE_AT, DUE_AT)
    done = windows.hold(A, 2)  # Its target refused it.
    windows.forwarded(A, 2)
    assert windows.commits() == {A: (0, str(Watermark(DUE_AT + 49, 2)))}

    done()
    assert windows.commits() == {A: (0, str(Watermark(DUE_AT + 49, 3)))}


def test_the_clock_that_is_furthest_ahead_is_seen() -> None:
    windows = holding(DUE_AT + 50, DUE_AT, DUE_AT + 20)
    assert windows.ahead() == 50

    windows.forwarded(A, 2)
    windows.add(A, trigger(3, DUE_AT - 10))
    assert windows.ahead() == 50
    windows.forwarded(A, 2)
    assert windows.ahead() == 0
    windows.add(A, trigger(4, DUE_AT - 10))
    assert windows.ahead() == 0


def test_what_was_only_begun_is_finished_up_to_there() -> None:
    windows = Windows(100)
    windows.begin(A, 17)

    assert windows.positions() == {A: 17}


def test_beginning_again_changes_nothing() -> None:
    windows = filled(3)
    windows.begin(A, 3)

    assert windows.positions() == {A: 0}


def test_records_that_compaction_or_a_transaction_left_out_are_passed_over() -> None:
    windows = Windows(100)
    windows.begin(A, 5)
    windows.add(A, trigger(5))
    windows.add(A, trigger(9))

    windows.forwarded(A, 1)
    assert windows.positions() == {A: 9}

    windows.forwarded(A, 1)
    assert windows.positions() == {A: 10}


def test_a_record_that_is_held_keeps_nothing_but_the_position() -> None:
    windows = filled(1)
    done = windows.hold(A, 1)
    windows.add(A, trigger(2, DUE_AT))

    assert offsets(windows, DUE_AT) == {A: [0, 2]}
    windows.forwarded(A, 2)
    assert windows.positions() == {A: 1}
    assert windows.next_due() is None

    done()
    assert windows.positions() == {A: 3}


def test_a_record_that_its_target_refused_is_held_although_it_is_in_the_middle() -> None:
    windows = filled(3)
    done = windows.hold(A, 1)
    windows.forwarded(A, 3)
    assert windows.positions() == {A: 1}

    done()
    assert windows.positions() == {A: 3}


def test_what_is_held_takes_room() -> None:
    windows = filled(8, high_water=10)
    windows.hold(A, 8)
    done = windows.hold(A, 9)
    assert (windows.room(A, paused=False), len(windows)) == (0, 10)

    done()
    assert (windows.room(A, paused=False), len(windows)) == (1, 9)


def test_what_is_finished_after_a_rebalance_does_not_move_the_new_window() -> None:
    windows = filled(1)
    done = windows.hold(A, 1)
    windows.clear()
    windows.begin(A, 0)
    windows.hold(A, 1)

    done()

    assert windows.positions() == {A: 1}


def test_a_window_has_room_up_to_its_high_water_mark() -> None:
    assert filled(0, high_water=10).room(A, paused=False) == 10
    assert filled(9, high_water=10).room(A, paused=False) == 1
    assert filled(10, high_water=10).room(A, paused=False) == 0


def test_a_full_window_has_room_again_only_when_half_is_left() -> None:
    windows = filled(10, high_water=10)
    windows.forwarded(A, 4)
    assert windows.room(A, paused=True) == 0

    windows.forwarded(A, 1)

    assert windows.room(A, paused=True) == 5


def test_each_partition_has_a_window_of_its_own() -> None:
    windows = filled(10, high_water=10)

    assert windows.room(B, paused=False) == 10


def test_a_rebalance_forgets_everything() -> None:
    windows = filled(10, high_water=10)

    windows.clear()

    assert (len(windows), windows.positions(), windows.next_due()) == (0, {}, None)
    assert windows.room(A, paused=True) == 10
