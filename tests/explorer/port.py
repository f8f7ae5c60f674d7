"""What a process of the explorer has for a store and a bus: every call says what it wants to do, and stops there."""

import copy
from collections.abc import Awaitable, Callable, Generator
from typing import Any, NamedTuple


class Op(NamedTuple):
    """What a process is about to do: a method of the store, or `publish`, with its arguments."""

    name: str
    args: tuple[Any, ...]


class _Doing:
    def __init__(self, op: Op) -> None:
        self._op = op

    def __await__(self) -> Generator[Op, Any, Any]:
        return (yield self._op)


class Port:
    """A store and a bus at once. Whoever drives the process gets the `Op` and sends the result."""

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        if name.startswith("_"):
            raise AttributeError(name)

        return lambda *args: self.do(name, *args)

    async def do(self, name: str, *args: Any) -> Any:
        """Say what is to be done, and return what came of it."""
        # The process may go on and change what it gave; the same op may be carried out in many states.
        return await _Doing(Op(name, tuple(_own(argument) for argument in args)))


def _own(argument: Any) -> Any:
    if isinstance(argument, int | str):
        return argument
    return copy.deepcopy(argument) if isinstance(argument, list | tuple) else sorted(argument)
