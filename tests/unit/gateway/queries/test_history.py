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


def test_what_an_owner_keeps_to_itself_and_what_is_to_be_decided_now_are_no_part_of_the_record_of_then() -> None:
    now = {"id": 1, "legal_category": "7210", "sphere_by_insee": "public_non_state"}
    changed = {"version": 2, "before": {"hidden_by_insee": ["address"], "legal_category": "5710"}}
    then = record_at(now, {"version": 1}, [changed])
    assert then.keys() & {"hidden_by_insee", "sphere_by_insee"} == set()
    assert then["legal_category"] == "5710"
