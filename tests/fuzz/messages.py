"""Requests of every type, from their schemas and spoilt: each is answered or a dead letter, none stops others."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from dev.contracts import FOLDER
from shared.contracts import topics
from shared.contracts.messages.registry import REQUESTS
from tests.fuzz.mutate import spoilt_bytes
from tests.fuzz.stack import ADMINISTRATOR, MEMBER, PARTITIONS, SPOILT_USER, STRANGER, Stack, envelope
from tests.fuzz.tries import tries
from tests.support.from_schema import TEXT, right, spoilt

TYPES = [(owner, one) for owner, requests in REQUESTS.items() for one in requests]
_KEPT = frozenset({"ce_correlationid", "test"})
"""Headers by which an answer is known again, which stay as they are."""
_AT_ONCE = 40


@dataclass(frozen=True)
class DrawnRequest:
    """A request, but for what names it."""

    owner: str
    type: str
    who: str
    value: bytes
    headers: Sequence[tuple[str, bytes]]
    """Headers besides, or in the place of those a right request has: None leaves one out."""
    without: frozenset[str]
    partition: int


def fuzz(stack: Stack, seed: int, examples: int) -> None:
    """Send batches of such requests, each followed by right ones."""
    strategy = st.lists(_requests(stack), max_size=_AT_ONCE, min_size=1)
    tries(seed, examples, strategy, lambda drawn: _try(stack, drawn))
    stack.is_intact()


def _try(stack: Stack, drawn: Sequence[DrawnRequest]) -> None:
    marks = set()
    for request in drawn:
        marks.add(mark := stack.mark())
        over = {name for name, _ in request.headers} | request.without
        usual = [one for one in envelope(mark, request.type, stack.bearer(request.who)) if one[0] not in over]
        topic = topics.name(request.owner, topics.REQUESTS)
        stack.send(topic, request.value, [*usual, *request.headers], None, request.partition)
    bystanders = stack.submit_as_bystander()
    stack.producer.flush(30)
    stack.decided(marks, bystanders)


def _requests(stack: Stack) -> st.SearchStrategy[DrawnRequest]:
    return st.one_of([_request(stack, owner, one.type, _schema(one.__name__)) for owner, one in TYPES])


def _schema(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / "schemas" / f"{name}.json").read_text(encoding="utf-8"))
    return found


_HEADERS: Mapping[str, st.SearchStrategy[bytes]] = {
    "ce_id": st.sampled_from([b"again", b"", b"a|b", b"\xff", b"x" * 101]) | TEXT.map(str.encode),
    "ce_type": st.sampled_from([b"", b"structure.modify.v2", b"membership.set.v1", b"\xff"]) | TEXT.map(str.encode),
    "ce_specversion": st.sampled_from([b"0.3", b"2.0", b"", b"1.0 "]),
    "ce_actor": st.sampled_from([b"marc", b"admin", b"", b"\xff", b"system"]) | TEXT.map(str.encode),
    "content-type": st.sampled_from(
        [
            b"application/cloudevents+json",
            b"application/cloudevents-batch+json",
            b"text/plain",
            b"",
            b"\xff",
            b"a/b; x=y",
        ]
    ),
    "authorization": st.sampled_from([b"", b"Bearer", b"Basic x", b"Bearer a.b.c", b"\xff", b"Bearer " + b"a" * 9_000]),
    "traceparent": st.sampled_from([b"00", b"\xff", b"00-" + b"0" * 50]) | st.binary(max_size=60),
    "ce_time": st.sampled_from([b"yesterday", b"\xff", b"9999-99-99"]),
    "x": st.binary(max_size=30),
}


@st.composite
def _request(draw: DrawFn, stack: Stack, owner: str, type_: str, schema: Mapping[str, Any]) -> DrawnRequest:
    body = draw(st.one_of(right(schema, schema), spoilt(schema, schema)))
    if draw(st.integers(0, 3)):
        body = _aimed(body, stack.structure)
    value = json.dumps(body, ensure_ascii=draw(st.booleans())).encode()
    if draw(st.integers(0, 5)) == 0:
        value = draw(spoilt_bytes(value))
    names = draw(st.lists(st.sampled_from(sorted(_HEADERS)), max_size=2)) if draw(st.booleans()) else []
    headers = [(name, draw(_HEADERS[name])) for name in names]
    without = frozenset(draw(st.sets(st.sampled_from(sorted(_HEADERS)), max_size=1))) - _KEPT
    who = draw(st.sampled_from(["alice", STRANGER, MEMBER, ADMINISTRATOR]))
    return DrawnRequest(owner, type_, who, value, headers, without, draw(st.integers(0, PARTITIONS - 1)))


def _aimed(body: Any, structure_id: int) -> Any:
    """Name what exists, so that the owner's rules are tried and not only its entry point."""
    if not isinstance(body, dict):
        return body
    known = {"structure": {"id": structure_id}, "structure_id": structure_id, "user": SPOILT_USER}
    return {name: known.get(name, value) for name, value in body.items()}
