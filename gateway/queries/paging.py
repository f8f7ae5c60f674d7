"""Pages of a list."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway import metrics
from shared.runtime.logging import get_logger

log = get_logger(__name__)

MOST_COUNTED = 10_000
"""How far a list is counted: counting a million for each of its pages would cost more than all the rest."""


@dataclass(frozen=True)
class Page:
    """The requested part of a list; pages count from 1."""

    number: int = 1
    size: int = 20


async def listed(
    collection: Any,
    condition: Mapping[str, Any],
    page: Page,
    *,
    sort: Sequence[tuple[str, int]],
    fields: Mapping[str, Any],
    show: Callable[[Mapping[str, Any]], Mapping[str, Any]],
) -> dict[str, Any]:
    """Return one page of the documents that match, and their total, which is counted up to `MOST_COUNTED`.

    A document that can't be shown is left out: the reader of the list can do nothing about it.
    """
    found = collection.find(condition, fields).sort(list(sort)).skip((page.number - 1) * page.size).limit(page.size)
    counting = collection.count_documents(condition, limit=MOST_COUNTED + 1)
    documents, count = await asyncio.gather(found.to_list(None), counting)
    return {
        "items": [shown for document in documents if (shown := _shown(collection.name, document, show)) is not None],
        "page": page.number,
        "size": page.size,
        "total": min(count, MOST_COUNTED),
        "more": count > MOST_COUNTED,
    }


def _shown(
    collection: str, document: Mapping[str, Any], show: Callable[[Mapping[str, Any]], Mapping[str, Any]]
) -> Mapping[str, Any] | None:
    try:
        return show(document)
    except (KeyError, TypeError, ValueError, AttributeError):
        log.exception("a document is left out of a list", collection=collection, id=document["_id"])
        metrics.UNSHOWN.inc()
        return None
