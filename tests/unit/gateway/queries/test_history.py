"""Undoing what has changed since gives the record of then, whatever has changed."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.queries.history import record_at

FIELDS = ("label", "phone", "status", "address")
VALUES = st.one_of(st.none(), st.text(max_size=3), st.fixed_dictionaries({"city": st.text(max_size=3)}))


def without_nothing(record: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if value is not None}


@given(st.lists(st.dictionaries(st.sampled_from(FIELDS), VALUES, min_size=1), min_size=1, max_size=6), st.data())
def test_what_changed_since_is_undone(changes: list[dict[str, Any]], data: st.DataObject) -> None:
    record: dict[str, Any] = {"id": 1}
    entries, records = [], []
    for version, after in enumerate(changes, 1):
        entries.append({"version": version, "before": {name: record.get(name) for name in after}, "after": after})
        record = without_nothing(record | after)
        records.append(record)
    which = data.draw(st.integers(0, len(changes) - 1))
    now = {**record, "version": 99, "pending": [{"request_id": "r"}], "possible_requests": ["modify"]}
    earlier = record_at(now, entries[which], entries[:which:-1])
    derived = {"version": which + 1, "pending": [], "modifiable_fields": [], "possible_requests": []}
    assert earlier == {**records[which], **derived}
