"""What a load submits, drawn from a seed: the same seed draws the same requests. Pure."""

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

Kind = Literal["modify", "activate", "deactivate", "cancel", "member"]
Channel = Literal["http", "kafka"]

_KINDS: Mapping[Kind, int] = {"modify": 60, "activate": 8, "deactivate": 8, "cancel": 16, "member": 8}
_REPEATED = 0.1
"""Share of requests that are earlier ones again, by either channel."""
_WAITING = 0.3
"""Share of requests over HTTP that wait for their decision."""
_RECENT = 4
_LOOKED_BACK = 50
MEMBERS = ("marc", "chloe")


@dataclass(frozen=True, slots=True)
class PlannedRequest:
    """One request to send. `target` says which of the structures it is about, `wait` how long HTTP waits (s)."""

    number: int
    kind: Kind
    target: int
    channel: Channel
    request_id: str
    body: Mapping[str, Any]
    wait: int = 0
    repeats: bool = False


def plan(dice: random.Random, structures: int, *, run: str) -> Iterator[PlannedRequest]:
    """Draw requests about `structures` structures without end; ids and values are the run's own."""
    planned: list[PlannedRequest] = []
    for number in itertools.count():
        earlier = [a for a in planned[-_LOOKED_BACK:] if not a.repeats]
        if earlier and dice.random() < _REPEATED:
            planned.append(_again(dice, dice.choice(earlier), number))
        else:
            planned.append(_new(dice, number, dice.randrange(structures), planned[-10 * _LOOKED_BACK :], run))
        yield planned[-1]


def _new(dice: random.Random, number: int, target: int, planned: Sequence[PlannedRequest], run: str) -> PlannedRequest:
    kind = dice.choices(list(_KINDS), list(_KINDS.values()))[0]
    body: dict[str, Any] = {}
    recent = [a for a in planned if a.target == target and a.kind in {"modify", "activate", "deactivate"}][-_RECENT:]
    if kind == "cancel" and recent:
        body = {"request_id": dice.choice(recent).request_id, "actor": "alice"}
    elif kind in {"cancel", "modify"}:
        kind = "modify"
        body = {dice.choice(("label", "name")): f"{run} {number}"}
    elif kind == "member":
        body = {"user": dice.choice(MEMBERS), "profile": dice.choice(("consultation", "modification"))}
    channel: Channel = "http" if kind == "member" or dice.random() < 0.5 else "kafka"
    wait = 3 if dice.random() < _WAITING else 0
    return PlannedRequest(number, kind, target, channel, f"{run}-{number}", body, wait)


def _again(dice: random.Random, request: PlannedRequest, number: int) -> PlannedRequest:
    channel: Channel = "http" if request.kind == "member" or dice.random() < 0.5 else "kafka"
    return replace(request, number=number, channel=channel, repeats=True)
