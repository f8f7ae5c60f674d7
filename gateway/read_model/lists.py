"""Pages of a list."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MOST_COUNTED = 10_000
"""How far a list is counted: to count a million for each of its pages would cost more than all the rest."""


@dataclass(frozen=True)
class Page:
    """Which part of a list is asked for; pages count from 1."""

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
    """Return one page of what matches, with its place in the whole, which is counted up to `MOST_COUNTED`."""
    found = collection.find(condition, fields).sort(list(sort)).skip((page.number - 1) * page.size).limit(page.size)
    counting = collection.count_documents(condition, limit=MOST_COUNTED + 1)
    documents, count = await asyncio.gather(found.to_list(None), counting)
    return {
        "items": [show(d) for d in documents],
        "page": page.number,
        "size": page.size,
        "total": min(count, MOST_COUNTED),
        "more": count > MOST_COUNTED,
    }
