"""What processes do, as a tree of histories.

A process is deterministic: what it does next depends only on its task and on what it has seen since. So each history
is run once, with the engine's own code, however many states it occurs in. Coroutines can't be copied; a branch is
reached by running the task again and giving it what it saw.
"""

import copy
from collections.abc import Callable, Coroutine, Hashable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from unittest import mock

from tests.explorer.port import Op
from tests.support.toy import ManualClock

Task = Callable[[ManualClock], Coroutine[Op, Any, None]]


class Node:
    """A process at one point of its history: what it is about to do, or how it ended (`op` is None)."""

    __slots__ = ("after", "batch_id", "children", "error", "live", "now", "number", "op", "seen", "task")

    def __init__(self, number: int, task: Task, after: "Node | None", now: int, seen: Any) -> None:
        self.number = number
        self.task = task
        self.after = after
        self.now = now
        self.seen = seen
        self.op: Op | None = None
        self.error: str | None = None
        self.batch_id: str | None = None
        self.live: tuple[Coroutine[Op, Any, None], ManualClock] | None = None
        self.children: dict[Hashable, Node] = {}


class Histories:
    """All histories so far."""

    def __init__(self) -> None:
        self._roots: dict[Hashable, Node] = {}
        self._count = 0
        self._running: Node | None = None

    def begin(self, name: Hashable, task: Task, now: int) -> Node:
        """Return a process at the start of a task; tasks of one name are the same."""
        if (name, now) not in self._roots:
            self._roots[name, now] = self._run(self._node(task, None, now, None))
        return self._roots[name, now]

    def go_on(self, node: Node, key: Hashable, result: Callable[[], Any], now: int) -> Node:
        """Return a process after it has seen the result of its op; results of one key are the same."""
        child = node.children.get((key, now))
        if child is None:
            child = node.children[key, now] = self._run(self._node(node.task, node, now, result()))
        return child

    def _node(self, task: Task, after: Node | None, now: int, seen: Any) -> Node:
        self._count += 1
        return Node(self._count, task, after, now, seen)

    def _run(self, node: Node) -> Node:
        before = node.after
        if before is None:
            clock = ManualClock(node.now)
            coroutine = node.task(clock)
        elif before.live is not None:
            (coroutine, clock), before.live = before.live, None
        else:
            coroutine, clock = self._again(before)
        self._step(node, coroutine, clock)
        return node

    def _again(self, node: Node) -> tuple[Coroutine[Op, Any, None], ManualClock]:
        path = [node]
        while path[-1].after is not None:
            path.append(path[-1].after)
        clock = ManualClock(path[-1].now)
        coroutine = node.task(clock)
        for transition in reversed(path):
            self._step(transition, coroutine, clock)
            transition.live = None
        return coroutine, clock

    def _step(self, node: Node, coroutine: Coroutine[Op, Any, None], clock: ManualClock) -> None:
        """Let a process run from what it has seen to what it does next."""
        clock.time = node.now
        self._running = node
        node.batch_id = node.after.batch_id if node.after else None
        try:
            node.op = coroutine.send(copy.deepcopy(node.seen))
            node.live = coroutine, clock
        except StopIteration:
            node.op = None
        except Exception as error:  # noqa: BLE001 - whatever the engine raises is something the explorer must report.
            node.op, node.error = None, repr(error)

    @contextmanager
    def deterministic(self) -> Iterator[None]:
        """Make what is random the same whenever a history is run again, and different in each history."""

        def unique() -> Any:
            if self._running is None:
                return SimpleNamespace(hex="batch before the beginning")
            self._running.batch_id = f"batch of {self._running.number}"
            return SimpleNamespace(hex=self._running.batch_id)

        with mock.patch("uuid.uuid4", unique), mock.patch("secrets.token_hex", lambda size: "1" * 2 * size):
            yield
