"""When INSEE is left alone, and how it is tried again."""

from services.insee_adapter.breaker import Breaker, State


def opened(at: int = 0) -> Breaker:
    breaker = Breaker(threshold=3, rest=1_000)
    for _ in range(3):
        assert breaker.enter(at) == 0
        breaker.failed(at)
    return breaker


def test_failures_in_a_row_open_it_and_fewer_do_not() -> None:
    breaker = Breaker(threshold=3, rest=1_000)
    breaker.failed(0)
    breaker.failed(0)
    assert breaker.enter(0) == 0
    breaker.failed(0)
    assert breaker.enter(0) == 1_000
    assert breaker.enter(400) == 600


def test_an_answer_starts_the_count_anew() -> None:
    breaker = Breaker(threshold=2, rest=1_000)
    breaker.failed(0)
    breaker.succeeded()
    breaker.failed(0)
    assert breaker.state is State.CLOSED


def test_after_its_rest_exactly_one_call_tries() -> None:
    breaker = opened()
    assert breaker.enter(1_000) == 0
    assert breaker.enter(1_000) > 0


def test_the_trying_call_that_succeeds_closes_it() -> None:
    breaker = opened()
    breaker.enter(1_000)
    breaker.succeeded()
    assert [breaker.enter(1_000), breaker.enter(1_000)] == [0, 0]


def test_the_trying_call_that_fails_opens_it_for_another_rest() -> None:
    breaker = opened()
    breaker.enter(1_000)
    breaker.failed(1_200)
    assert breaker.enter(2_100) == 100


def test_a_trying_call_that_tells_nothing_lets_the_next_one_try() -> None:
    breaker = opened()
    breaker.enter(1_000)
    breaker.abandoned()
    assert breaker.enter(1_000) == 0
    assert breaker.state is State.TRYING


def test_calls_that_tell_nothing_neither_open_it_nor_start_the_count_anew() -> None:
    breaker = Breaker(threshold=2, rest=1_000)
    breaker.failed(0)
    breaker.abandoned()
    breaker.failed(0)
    assert breaker.state is State.OPEN
