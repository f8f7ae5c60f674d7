"""Pages of a list: which part is read, how far it is counted, and what can't be shown stands in nobody's way."""

from collections.abc import Mapping
from typing import Any

import pytest

from gateway import metrics
from gateway.queries.paging import MOST_COUNTED, Page, listed


class Listing:
    """A collection that says which part of it was read."""

    name = "structures"

    def __init__(self, documents: list[Any], count: int | None = None) -> None:
        self.documents = documents
        self.count = len(documents) if count is None else count
        self.read: list[Any] = []

    def find(self, *about: Any) -> "Listing":
        self.read.append(about)
        return self

    def sort(self, order: Any) -> "Listing":
        self.read.append(order)
        return self

    def skip(self, count: int) -> "Listing":
        self.documents = self.documents[count:]
        return self

    def limit(self, count: int) -> "Listing":
        self.documents = self.documents[:count]
        return self

    async def to_list(self, _: None) -> list[Any]:
        return self.documents

    async def count_documents(self, condition: Any, *, limit: int) -> int:
        self.read.append(condition)
        return min(self.count, limit)


async def page_of(listing: Listing, page: Page, show: Any = dict) -> Mapping[str, Any]:
    return await listed(listing, {"x": 1}, page, sort=[("_id", 1)], fields={"x": 1}, show=show)


@pytest.mark.parametrize(("number", "ids"), [(1, [0, 1, 2]), (2, [3, 4, 5]), (3, [6]), (4, [])])
async def test_pages_are_parts_of_one_list_and_count_from_1(number: int, ids: list[int]) -> None:
    listing = Listing([{"_id": id_} for id_ in range(7)])
    page = await page_of(listing, Page(number, 3))
    assert [item["_id"] for item in page["items"]] == ids
    assert (page["page"], page["size"], page["total"], page["more"]) == (number, 3, 7, False)
    assert listing.read == [({"x": 1}, {"x": 1}), [("_id", 1)], {"x": 1}], "counted by what it is listed by"


@pytest.mark.parametrize(
    ("count", "total", "more"),
    [(MOST_COUNTED, MOST_COUNTED, False), (MOST_COUNTED + 1, MOST_COUNTED, True), (10**6, MOST_COUNTED, True)],
)
async def test_a_list_is_counted_as_far_as_is_worth_it(count: int, total: int, more: bool) -> None:
    page = await page_of(Listing([], count), Page())
    assert (page["total"], page["more"]) == (total, more)


@pytest.mark.parametrize("error", [KeyError, TypeError, ValueError, AttributeError])
async def test_what_can_not_be_shown_is_left_out_and_counted(error: type[Exception]) -> None:
    def show(document: Mapping[str, Any]) -> Mapping[str, Any]:
        if document["_id"] == 1:
            raise error
        return document

    before = metrics.UNSHOWN._value.get()
    page = await page_of(Listing([{"_id": id_} for id_ in range(3)]), Page(), show)
    assert [item["_id"] for item in page["items"]] == [0, 2]
    assert page["total"] == 3
    assert metrics.UNSHOWN._value.get() == before + 1
