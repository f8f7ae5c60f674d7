"""What waits, what is due, what is read further, and where another process would go on."""

from services.delay_svc.window import Partition, Windows
from tests.unit.delay.builders import DUE_AT, poke

A: Partition = ("delay.30m.v1", 0)
B: Partition = ("delay.30m.v1", 1)


def filled(count: int, high_water: int = 100, partition: Partition = A) -> Windows:
    windows = Windows(high_water)
    windows.begin(partition, 0)
    for offset in range(count):
        windows.add(partition, poke(offset, DUE_AT + offset))
    return windows


def offsets(windows: Windows, now: int) -> dict[Partition, list[int]]:
    return {partition: [p.record.offset for p in pokes] for partition, pokes in windows.due(now).items()}


def test_nothing_is_due_a_millisecond_early() -> None:
    windows = filled(1)

    assert offsets(windows, DUE_AT - 1) == {}
    assert offsets(windows, DUE_AT) == {A: [0]}


def test_all_that_is_due_comes_at_once_in_the_order_of_the_log() -> None:
    assert offsets(filled(5), DUE_AT + 2) == {A: [0, 1, 2]}


def test_a_record_waits_for_the_one_before_it_in_its_partition_alone() -> None:
    windows = Windows(100)
    windows.begin(A, 0)
    windows.begin(B, 9)
    windows.add(A, poke(0, DUE_AT + 50))
    windows.add(A, poke(1, DUE_AT))
    windows.add(B, poke(9, DUE_AT))

    assert offsets(windows, DUE_AT) == {B: [9]}
    assert offsets(windows, DUE_AT + 50) == {A: [0, 1], B: [9]}


def test_the_next_due_is_the_earliest_head_of_all_partitions() -> None:
    windows = filled(1)
    windows.begin(B, 0)
    windows.add(B, poke(0, DUE_AT - 1))

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


def test_what_was_only_begun_is_settled_up_to_there() -> None:
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
    windows.add(A, poke(5))
    windows.add(A, poke(9))

    windows.forwarded(A, 1)
    assert windows.positions() == {A: 9}

    windows.forwarded(A, 1)
    assert windows.positions() == {A: 10}


def test_a_record_that_is_held_keeps_nothing_but_the_position() -> None:
    windows = filled(1)
    settle = windows.hold(A, 1)
    windows.add(A, poke(2, DUE_AT))

    assert offsets(windows, DUE_AT) == {A: [0, 2]}
    windows.forwarded(A, 2)
    assert windows.positions() == {A: 1}
    assert windows.next_due() is None

    settle()
    assert windows.positions() == {A: 3}


def test_a_record_that_its_target_refused_is_held_although_it_is_in_the_middle() -> None:
    windows = filled(3)
    settle = windows.hold(A, 1)
    windows.forwarded(A, 3)
    assert windows.positions() == {A: 1}

    settle()
    assert windows.positions() == {A: 3}


def test_what_is_held_takes_room() -> None:
    windows = filled(8, high_water=10)
    windows.hold(A, 8)
    settle = windows.hold(A, 9)
    assert (windows.room(A, paused=False), len(windows)) == (0, 10)

    settle()
    assert (windows.room(A, paused=False), len(windows)) == (1, 9)


def test_what_is_settled_after_a_rebalance_does_not_move_the_new_window() -> None:
    windows = filled(1)
    settle = windows.hold(A, 1)
    windows.clear()
    windows.begin(A, 0)
    windows.hold(A, 1)

    settle()

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
