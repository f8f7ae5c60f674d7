"""A structure as it was at an instant (rule R20), from its present record and the changes since. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

Entry = Mapping[str, Any]

_OF_NOW: Mapping[str, Any] = {"pending": [], "modifiable_fields": [], "possible_requests": []}
"""Fields about what may happen next, which a past record does not have."""


def record_at(record: Mapping[str, Any], last: Entry, since: Sequence[Entry]) -> dict[str, Any]:
    """Return the record after the change `last`; `since` are the records of all later changes, the newest first."""
    then = {**record, **_OF_NOW, "version": last["version"]}
    for change in since:
        for name, value in change.get("before", {}).items():
            if value is None:
                then.pop(name, None)
            else:
                then[name] = value
    return then
