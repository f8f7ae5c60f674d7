"""Step 2 of a batch: load what is stored. Documents come first, then the request records, then the copies.

In the other order, another process that publishes and clears between the two reads would let a repeat be decided twice.
Names of other owners' things are resolved before all that, which only says which documents to load: the copies at which
rules look are read after the documents all the same.
"""

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from shared.engine.core import due
from shared.engine.core.batch import Loaded
from shared.engine.core.document import Document, Draft
from shared.engine.core.incoming import Incoming
from shared.engine.core.rules import Owner, Target
from shared.engine.storage.protocol import Store
from shared.runtime import metrics
from shared.runtime.logging import get_logger

log = get_logger(__name__)


class Unusable(Exception):
    """The stored record of a request, or its document, can't be read."""


class Loader:
    """Loads all that a round needs."""

    def __init__(self, owner: Owner[Any], store: Store) -> None:
        self._owner, self._store = owner, store

    async def documents(
        self, ids: Iterable[str], keys: Iterable[str] = (), decided: Iterable[str] = ()
    ) -> list[Document]:
        """Return documents; those that can't be read are counted and logged."""
        documents = await self._store.load(ids, keys, decided)
        for document in documents:
            if document.broken is not None:
                metrics.UNUSABLE.labels("read").inc()
                log.error("a stored document can't be read", document=document.id, exc_info=document.broken)
        return documents

    async def load(self, requests: Sequence[Incoming], in_the_way: Iterable[str]) -> Loaded:
        """Return all that a round needs; `in_the_way` are unique keys that conflicted with another document."""
        targets: dict[str, Target] = {}
        referred: set[str] = set()
        broken: dict[str, Exception] = {}
        known = await self._known(requests)
        for request in requests:
            try:
                targets[request.key] = self._owner.target(request.request, request.actor, known)
                referred.update(self._owner.refers(request.request, request.actor))
            except Exception as error:  # noqa: BLE001 - it is raised again, and logged, where the request is decided.
                targets[request.key], broken[request.key] = Target(), error
        documents = await self.documents(
            {t.id for t in targets.values() if t.id is not None},
            {*in_the_way, *(key for t in targets.values() for key in t.keys)},
            {*targets, *(t.cancels for t in targets.values() if t.cancels)},
        )
        loaded = Loaded(documents, await self._store.records({*targets, *referred}), targets, broken)
        wanted: set[str] = set()
        for request in requests:
            document = loaded.by_id.get(loaded.id_of(targets[request.key]))
            id_, state = (document.id, document.state) if document else (None, None)
            if document is not None and document.broken is not None:
                broken[request.key] = Unusable(document.id)
            if (record := loaded.records.get(request.key)) is not None and record.broken is not None:
                log.error("a stored request can't be read", request=request.key, exc_info=record.broken)
                broken[request.key] = Unusable(request.key)
            wanted.update(targets[request.key].copies)
            try:
                wanted.update(self._owner.copies(request.request, id_, state, request.actor))
            except Exception as error:  # noqa: BLE001 - the same.
                broken[request.key] = error
        copies = await self._store.copies(wanted) if wanted else {}
        return Loaded(documents, loaded.records, targets, broken, copies, known)

    async def due_copies(self, drafts: Iterable[tuple[Draft, int]]) -> Mapping[str, Mapping[str, Any]]:
        """Return the copies at which the rules of what is due look; each draft comes with the instant until when."""
        wanted = {key for draft, until in drafts for key in due.looks_at(draft, until=until)}
        return {key: value for key, (_, value) in (await self._store.copies(wanted)).items()} if wanted else {}

    async def _known(self, requests: Sequence[Incoming]) -> Mapping[str, str]:
        names: set[str] = set()
        for request in requests:
            # An error is raised again, and logged, where the target is asked for.
            with contextlib.suppress(Exception):
                names.update(self._owner.names(request.request))
        return await self._store.named(names) if names else {}
