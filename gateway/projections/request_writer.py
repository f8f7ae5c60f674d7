"""Writes request records to the read model before callers are answered: read your writes, on every replica."""

import asyncio
from collections.abc import Sequence

from gateway.read_model import request_records, versioned_upsert
from gateway.read_model.request_records import Outcome
from gateway.read_model.schema import ReadModel
from gateway.read_model.versioned_upsert import VersionedUpsert
from shared.errors import Poison

_MOST = 200


class RequestWriter:
    """Writes in bulk what came while the last write was under way: the busier the gateway, the larger the bulks."""

    def __init__(self, model: ReadModel) -> None:
        self._records = model.reader("requests")
        self._pending: list[tuple[VersionedUpsert, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def put(self, outcome: Outcome, *, body_hash: str | None = None) -> None:
        """Write an outcome; returns once it can be read. Raises what the database raises."""
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending.append((request_records.write(outcome, journal=False, body_hash=body_hash), written))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write(), name="request writer")
        await written

    async def _write(self) -> None:
        try:
            while self._pending:
                batch, self._pending = self._pending[:_MOST], self._pending[_MOST:]
                await self._write_batch(batch)
        finally:
            self._writing = None

    async def _write_batch(self, batch: Sequence[tuple[VersionedUpsert, asyncio.Future[None]]]) -> None:
        error: BaseException | None = None
        refused: dict[int, str] = {}
        try:
            refused = await versioned_upsert.write(self._records, [write for write, _ in batch])
        except Exception as failure:  # noqa: BLE001 - it is raised in the callers that wait for the write.
            error = failure
        for place, (_, written) in enumerate(batch):
            if written.done():  # Its caller no longer waits.
                continue
            if error is not None:
                written.set_exception(error)
            elif place in refused:
                written.set_exception(Poison("message_invalid", f"MongoDB can't keep it: {refused[place]}"))
            else:
                written.set_result(None)
