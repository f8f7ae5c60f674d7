"""Bytes and headers like those of a real message, and wrong somewhere: no schema is known here."""

import re
from collections.abc import Sequence

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from tests.support.odd_records import PLACEHOLDER

Headers = tuple[tuple[str, bytes], ...]

_NUMBER = re.compile(rb"[0-9]+")
_NUMBERS = (b"0", b"-1", b"1e400", b"00", b"NaN", b"1.5", b"9" * 30, str(2**63).encode(), b"9999-12-31", b"null")
_ODD = (b"", b"\x00", b"\xff\xfe", b"{}", b"[]", b'"', b"\xed\xa0\x80", b"[" * 2_000, b"\xef\xbb\xbf")
_HUGE = 200_000


@st.composite
def spoilt_bytes(draw: DrawFn, data: bytes) -> bytes:
    """Return these bytes after one to four accidents."""
    for _ in range(draw(st.integers(1, 4))):
        data = _ACCIDENTS[draw(st.integers(0, len(_ACCIDENTS) - 1))](draw, data)
    return data


def _place(draw: DrawFn, data: bytes) -> int:
    return draw(st.integers(0, max(len(data) - 1, 0)))


def _flip(draw: DrawFn, data: bytes) -> bytes:
    at = _place(draw, data)
    return data[:at] + bytes(byte ^ (1 << draw(st.integers(0, 7))) for byte in data[at : at + 1]) + data[at + 1 :]


def _put(draw: DrawFn, data: bytes) -> bytes:
    at = _place(draw, data)
    return data[:at] + draw(st.sampled_from(_ODD) | st.binary(max_size=5)) + data[at + draw(st.integers(0, 3)) :]


def _cut(draw: DrawFn, data: bytes) -> bytes:
    at = _place(draw, data)
    return data[:at] + data[at + draw(st.integers(1, 20)) :]


def _end(draw: DrawFn, data: bytes) -> bytes:
    return data[: _place(draw, data)]


def _twice(draw: DrawFn, data: bytes) -> bytes:
    at = _place(draw, data)
    return data[: at + draw(st.integers(1, 40))] + data[at:]


def _another_number(draw: DrawFn, data: bytes) -> bytes:
    found = list(_NUMBER.finditer(data))
    if not found:
        return data
    number = found[draw(st.integers(0, len(found) - 1))]
    return data[: number.start()] + draw(st.sampled_from(_NUMBERS)) + data[number.end() :]


_ACCIDENTS = (_flip, _put, _cut, _end, _twice, _another_number)


@st.composite
def spoilt_headers(draw: DrawFn, headers: Sequence[tuple[str, bytes]]) -> Headers:
    """Return these headers with some left out, doubled, misnamed, no text, or huge."""
    made: list[tuple[str, bytes]] = []
    for name, value in headers:
        dice = draw(st.integers(0, 19))
        if dice == 0:
            continue
        if dice == 1:
            made.append((name, draw(spoilt_bytes(value))))
        elif dice == 2:
            made += [(name, value), (name, draw(spoilt_bytes(value)))]
        elif dice == 3:
            made.append((draw(st.sampled_from([name.upper(), f"{name} ", name.replace("_", "-"), ""])), value))
        else:
            made.append((name, value))
    if draw(st.integers(0, 4)) == 0:
        made += draw(st.lists(st.tuples(_NAMES, st.binary(max_size=20) | st.just(b"y" * _HUGE)), max_size=3))
    return tuple(made)


_NAMES: SearchStrategy[str] = st.sampled_from(
    [PLACEHOLDER, f"ce_{PLACEHOLDER}", "", "x" * 5_000, "dlq_code", "dlq_topic", "ce_id", "target", "due_at", "é"]
) | st.text(st.characters(codec="utf-8"), max_size=8)
