"""The headers of a write, as clients write them: `Idempotency-Key` and `Prefer`."""

import contextlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.api.parameters import ID, LONGEST_WAIT
from gateway.api.preferences import request_id, wait
from shared.errors import Rejected


@given(st.from_regex(ID, fullmatch=True))
def test_a_key_in_quotes_is_the_same_key(key: str) -> None:
    """As the IETF draft writes it, a string of a structured field (R21)."""
    assert request_id([key]) == request_id([f'"{key}"']) == key


def test_no_key_is_none() -> None:
    assert request_id([]) is None


@pytest.mark.parametrize(
    "keys",
    [
        *([""], ['""'], ["a b"], ['"a b"'], ['"a'], ['a"'], ['"'], ['"a""b"'], ['""a""'], ["'a'"], ['"a\\"b"']),
        *(['"a";p=1'], ["é"], ["x" * 101], ['"' + "x" * 101 + '"'], ["a/b"], ["a|b"], ["a\n"], ["a", "a"], ["a, a"]),
        *(["."], [".."], ['".."'], ["{}"]),
    ],
)
def test_what_can_be_no_id_is_refused(keys: list[str]) -> None:
    with pytest.raises(Rejected) as refused:
        request_id(keys)
    assert refused.value.code == "idempotency_key_invalid"


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        ([], 0),
        ([""], 0),
        (["wait=5"], 5),
        (["Wait=5"], 5),
        (['wait="5"'], 5),
        (["wait = 5"], 5),
        (["wait=0"], 0),
        ([f"wait={LONGEST_WAIT}"], LONGEST_WAIT),
        (["respond-async, wait=5"], 5),
        (["wait=5; foo=bar"], 5),
        (["return=minimal; wait = 5"], 5),
        (["return=minimal", "wait=5"], 5),
        (["wait=5, wait=9"], 5),
        (["handling=lenient"], 0),
        (["respond-async"], 0),
        (["await=5"], 0),
        (["waiting=soon"], 0),
        (["x-wait=soon"], 0),
        (['note="wait=soon, wait=5"'], 0),
        (['note="a \\" wait=soon"; wait=7'], 7),
    ],
)
def test_how_long_a_caller_waits(prefer: list[str], seconds: int) -> None:
    assert wait(prefer) == seconds


@pytest.mark.parametrize(
    "prefer",
    ["wait", "wait=", "wait=soon", "wait=-1", "wait=1.5", "wait=31", "wait=1000", "wait=٣", "wait=soon, wait=5"],
)
def test_a_wait_that_is_none_is_refused(prefer: str) -> None:
    with pytest.raises(Rejected) as refused:
        wait([prefer])
    assert refused.value.code == "prefer_invalid"


@given(st.lists(st.text('wait=5;," \\x', max_size=30), max_size=3))
@example(["a" * 100_000 + '"'])
@example(['"\\' * 50_000])
def test_no_header_breaks_it(prefer: list[str]) -> None:
    with contextlib.suppress(Rejected):
        assert 0 <= wait(prefer) <= LONGEST_WAIT
