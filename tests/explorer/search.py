"""Goes through the states of a case: all of them up to a bound, or ways chosen at random."""

import random
import time
from collections import deque
from dataclasses import dataclass, field

from tests.explorer.check import at_rest
from tests.explorer.moves import Move, Moves
from tests.explorer.stack import Stack

NO_END = 10**12


@dataclass
class Found:
    """What a search has seen; `wrong` and the way there when it saw a violation."""

    states: int = 0
    moves: int = 0
    at_rest: int = 0
    complete: bool = True
    """Whether it has seen all that its number of preemptions allows."""
    wrong: tuple[str, ...] = ()
    way: list[str] = field(default_factory=list)
    seconds: float = 0.0
    """Of processor time."""

    def __str__(self) -> str:
        """Return the findings in words, with each step of the way to a violation."""
        seen = f"{self.states} states, {self.moves} moves, {self.at_rest} times at rest, {self.seconds:.1f} s"
        bounded = "" if self.complete or self.wrong else ", cut short"
        return "\n".join(
            [seen + bounded, *(f"VIOLATION {w}" for w in self.wrong), *(f"  {transition}" for transition in self.way)]
        )


def everywhere(moves: Moves, *, preemptions: int, most: int = NO_END, seconds: float = NO_END) -> Found:
    """Go through all states that can be reached with so many preemptions, those with few first.

    A preemption is a move of somebody else while a process that is at work could go on: most mistakes need one or
    two. Stops at the first violation, after so many moves, or after so many seconds of processor time.
    """
    found, began = Found(), time.process_time()
    alike = not moves.case.clocks_apart
    known: set[int] = set()
    came: list[tuple[int, str]] = [(-1, "")]
    with moves.histories.deterministic():
        todo: list[deque[tuple[Stack, int | None, int]]] = [deque() for _ in range(preemptions + 1)]
        todo[0].append((moves.first(), None, 0))
        while not found.wrong and any(todo):
            if found.moves >= most or time.process_time() - began > seconds:
                found.complete = False
                break
            used = next(n for n, some in enumerate(todo) if some)
            stack, running, number = todo[used].popleft()
            key = stack.key(running, alike=alike)
            if key in known:
                continue
            known.add(key)
            goes_on = False
            for move in moves.after(stack):
                found.moves += 1
                goes_on = goes_on or not move.fault
                costs = used + (running is not None and move.mover != running)
                if costs > preemptions:
                    continue
                came.append((number, str(move)))
                if move.stack.wrong:
                    found.wrong, found.way = move.stack.wrong, _way(came, len(came) - 1)
                    break
                todo[costs].append((move.stack, _running(move, running), len(came) - 1))
            if not goes_on:
                found.at_rest += 1
                if not found.wrong and (wrong := at_rest(stack, moves.case)):
                    found.wrong, found.way = wrong, _way(came, number)
    found.states, found.seconds = len(known), time.process_time() - began
    return found


def _running(move: Move, before: int | None) -> int | None:
    """Return who would go on after a move, were nobody preempted."""
    who = before if move.mover is None else move.mover
    return who if who is not None and move.stack.busy[who] is not None else None


def _way(came: list[tuple[int, str]], number: int) -> list[str]:
    way = []
    while number > 0:
        number, transition = came[number]
        way.append(transition)
    return way[::-1]


def at_random(moves: Moves, seed: int, *, walks: int = NO_END, seconds: float = NO_END) -> Found:
    """Go many ways to rest, each at random; stop at the first violation. The same seed goes the same ways."""
    found, began, dice = Found(), time.process_time(), random.Random(seed)
    with moves.histories.deterministic():
        while found.at_rest < walks and time.process_time() - began < seconds and not found.wrong:
            stack: Stack = moves.first()
            way: list[str] = []
            while not found.wrong:
                possible = list(moves.after(stack))
                if all(move.fault for move in possible):
                    found.at_rest += 1
                    found.wrong = at_rest(stack, moves.case)
                    break
                # Time goes on slowly, and faults are rare, or nearly everything would be late and broken off.
                weights = [0.1 if move.mover is None or move.fault else 1.0 for move in possible]
                move = dice.choices(possible, weights)[0]
                stack = move.stack
                way.append(str(move))
                found.moves += 1
                found.wrong = stack.wrong
            found.way = way if found.wrong else []
    found.seconds = time.process_time() - began
    return found
