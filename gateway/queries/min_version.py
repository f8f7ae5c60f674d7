"""Read your writes: a reader may name a version it knows, which is then waited for a moment.

The consumer of the topic may be another replica, so the collection is polled, with one query for all who wait.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from shared.clock import SECOND
from shared.errors import Rejected

Document = Mapping[str, Any]
Shown = Callable[[Document], bool]
"""Returns whether the reader may know that a document exists; it may raise another answer to them."""
Place = tuple[str, Any]
"""How a document is found: by a field and its value, or one of its values."""

_LOOK_EVERY_S = 0.01
_FIELDS = {"version": 1, "team_version": 1, "keys": 1}


class _Wait(NamedTuple):
    field: str
    version: int
    arrived: asyncio.Future[None]


class Arrivals:
    """Waits for versions of the documents of one collection, `patience` ms at most for each."""

    def __init__(self, collection: Any, patience: int) -> None:
        self._collection = collection
        self._patience_s = patience / SECOND
        self._waits: dict[Place, list[_Wait]] = {}
        self._looking: asyncio.Task[None] | None = None

    async def at_least(
        self,
        min_version: int,
        which: Mapping[str, Any],
        read: Callable[[], Awaitable[Document | None]],
        *,
        field: str = "version",
        shown: Shown = lambda _: True,
    ) -> Document | None:
        """Return what `read` finds of the document `which` names, once its `field` is at least that; at once for 0.

        A document that may not be shown is waited for as if it did not exist, whatever its version. Raises
        Rejected(`not_yet`) when the version does not come in time, and what `shown` raises.
        """
        found = await read()
        if found is not None and not shown(found):
            found = None
        if not min_version or (found is not None and found[field] >= min_version):
            return found
        (place,) = which.items()
        with self._awaited(place, field, min_version) as arrived:
            try:
                async with asyncio.timeout(self._patience_s):
                    await arrived
                    found = await read()
                    if found is None or not shown(found):
                        await asyncio.sleep(self._patience_s)  # As long as for a document that does not exist.
            except TimeoutError:
                raise Rejected("not_yet") from None
        return found

    @contextmanager
    def _awaited(self, place: Place, field: str, version: int) -> Iterator[asyncio.Future[None]]:
        wait = _Wait(field, version, asyncio.get_running_loop().create_future())
        self._waits.setdefault(place, []).append(wait)
        if self._looking is None:
            self._looking = asyncio.create_task(self._look(), name="arrivals")
        try:
            yield wait.arrived
        finally:
            self._waits[place].remove(wait)
            if not self._waits[place]:
                del self._waits[place]

    async def _look(self) -> None:
        try:
            while self._waits:
                await asyncio.sleep(_LOOK_EVERY_S)
                for name in {name for name, _ in self._waits}:
                    await self._look_by(name)
        except Exception as error:  # noqa: BLE001 - it is raised in all callers that wait.
            for wait in [wait for waits in self._waits.values() for wait in waits if not wait.arrived.done()]:
                wait.arrived.set_exception(error)
        finally:
            self._looking = None

    async def _look_by(self, name: str) -> None:
        values = [value for field, value in self._waits if field == name]
        for document in await self._collection.find({name: {"$in": values}}, _FIELDS).to_list(None):
            mine = document[name]
            for value in mine if isinstance(mine, list) else [mine]:
                for wait in self._waits.get((name, value), ()):
                    if document[wait.field] >= wait.version and not wait.arrived.done():
                        wait.arrived.set_result(None)
