"""What the explorer explores: a few requests about one box, how they are delivered, and how many faults may happen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.contracts.messages.common import Request
from tests.explorer.stack import NO_FAULTS, Faults
from tests.support.toy.requests import (
    Ask,
    Cancel,
    Make,
    Open,
    OpenIf,
    Put,
    PutAfter,
    PutIfPermitted,
    PutNow,
    PutWhileOpen,
)
from tests.support.toy.rules import HOUSE, oracle_key, permissions_key


@dataclass(frozen=True)
class Case:
    """Requests r0, r1, … and their deliveries: each a batch of requests, one after the other or at once.

    `copies` and `answers` arrive once each. Time is counted in delays: requests were appended at 0, the clocks go on
    to `ticks`, and further until everything accepted is due and everything published has been republished.
    """

    requests: tuple[Request, ...]
    batches: tuple[tuple[int, ...], ...]
    faults: Faults = NO_FAULTS
    copies: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    answers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    republishing: bool = False
    """Whether the box was made so short a while ago that its state is still to be published once more."""
    ticks: int = 0
    late: int = 0
    """How far time may go on while something is to be done: deliveries are then late, processes slow."""
    clocks_apart: bool = False
    """Whether broker and processes have a clock each; otherwise all have the same."""
    unordered: bool = False
    """Whether messages that are sent together may arrive in any order, as they do on several partitions."""
    stalls: bool = False
    """Whether a process may stop for ten minutes before it publishes a state; it goes on afterwards."""
    every_step: bool = False
    """Whether a step that concerns nobody else is explored like any other; otherwise it is taken at once."""


def put(thing: str) -> Put:
    """A change that takes effect later."""
    return Put(box="1", thing=thing)


def now(thing: str) -> PutNow:
    """A change that takes effect at once."""
    return PutNow(box="1", thing=thing)


AFTER = PutAfter(box="1", thing="b", after="a")
"""Refused until « a » is or will be in the box."""
TWICE = ((0,), (0,))
BOTH = ((0,), (1,))

MAY = {permissions_key("1"): {"may": ["alice"]}}
YES = {oracle_key("a"): {"said": "yes"}}
NEEDS_ORACLE = (Ask(box="1", thing="a"),)
CANCELLED = Cancel(box="1", request_id="r0")

CASES: Mapping[str, Case] = {
    "at once": Case((now("a"),), TWICE, Faults(crashes=2)),
    "two at once": Case((now("a"), now("b")), BOTH, Faults(crashes=1)),
    "two while republishing": Case((now("a"), now("b")), BOTH, late=1, republishing=True),
    "two at once, one twice": Case((now("a"), now("b")), ((0,), (1,), (0,)), Faults(crashes=1)),
    "two in a batch": Case((now("a"), now("b")), ((0, 1), (1,)), Faults(crashes=1)),
    "later": Case((put("a"),), ((0,),), Faults(crashes=1, redeliveries=1), late=1),
    "later, triggered early": Case((put("a"),), ((0,),), Faults(crashes=1, early=1), late=1),
    "two later": Case((put("a"), put("b")), BOTH, Faults(crashes=1), late=1),
    "cancelled": Case((put("a"), Cancel(box="1", request_id="r0")), BOTH, Faults(crashes=1), late=1),
    "refused or not": Case((now("a"), AFTER), ((0,), (1,), (1,)), Faults(crashes=1)),
    "about nothing": Case((PutNow(box="2", thing="a"),), TWICE, Faults(crashes=2)),
    "made": Case((Make(thing="a"),), TWICE, Faults(crashes=2)),
    "created": Case((Open(name="tools"),), TWICE, Faults(crashes=1)),
    "created, by one of two": Case((Open(name="tools"), Open(name="tools")), BOTH, Faults(crashes=1)),
    "waits for a copy": Case(
        (PutIfPermitted(box="1", thing="a"),), ((0,),), Faults(crashes=1, redeliveries=1), copies=MAY, late=1
    ),
    "needs an answer": Case(NEEDS_ORACLE, ((0,),), Faults(crashes=1, redeliveries=1), answers=YES, late=1),
    "never answered": Case(NEEDS_ORACLE, ((0,),), Faults(crashes=1, redeliveries=1), late=1),
    "two at once, one of them very slow": Case((now("a"), now("b")), BOTH, ticks=1, late=1, stalls=True),
    "a waiting one cancelled": Case((*NEEDS_ORACLE, CANCELLED), BOTH, Faults(crashes=1), answers=YES, late=1),
    "a waiting creation cancelled": Case(
        (OpenIf(name="a"), Cancel(box="@a", request_id="r0")), BOTH, Faults(crashes=1), answers=YES, late=1
    ),
    "checked when due": Case(
        (PutWhileOpen(box="1", thing="a"), put("b")), BOTH, Faults(crashes=1), copies={HOUSE: {"open": False}}, late=1
    ),
    "clocks apart": Case((put("a"), put("b")), BOTH, ticks=1, late=1, clocks_apart=True),
    "clocks apart, a crash": Case(
        (put("a"),), ((0,),), Faults(crashes=1, redeliveries=1), ticks=1, late=1, clocks_apart=True
    ),
}

NAMED_WHILE_MADE = Case((Open(name="tools"), PutNow(box="@tools", thing="a")), ((0,), (1,), (1,)))
"""The known limit of `docs/decisions/0001`: a request about what is being made, at two processes at once."""

CROWDS: Mapping[str, Case] = {
    "one box": Case(
        (
            put("a"),
            put("b"),
            Cancel(box="1", request_id="r0"),
            now("c"),
            PutAfter(box="1", thing="d", after="b"),
            put("e"),
        ),
        ((0, 1), (2, 3), (1, 4), (5,), (4, 0), (3,)),
        Faults(crashes=4, redeliveries=3, early=2),
        ticks=1,
        late=2,
        clocks_apart=True,
        unordered=True,
        every_step=True,
    ),
    "many boxes": Case(
        (
            Open(name="tools", thing="x"),
            Open(name="tools"),
            Make(thing="y"),
            PutIfPermitted(box="1", thing="g"),
            Ask(box="1", thing="a"),
            PutNow(box="2", thing="z"),
            put("p"),
        ),
        ((0, 2), (1, 6), (0,), (3, 4), (4, 5), (2, 6)),
        Faults(crashes=4, redeliveries=3),
        copies=MAY,
        answers=YES,
        late=2,
        unordered=True,
        every_step=True,
    ),
}
"""Too much to go through everywhere: ways through these are chosen at random."""
