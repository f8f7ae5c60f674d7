"""A structure as it was at an instant (rule R20). Pure: its record as it is and what has changed since, in."""

from collections.abc import Mapping, Sequence
from typing import Any

Entry = Mapping[str, Any]

_OF_NOW: Mapping[str, Any] = {"pending": [], "modifiable_fields": [], "possible_requests": []}
"""Fields that say what may happen next: of the past there is nothing to say."""


def record_at(record: Mapping[str, Any], last: Entry, since: Sequence[Entry]) -> dict[str, Any]:
    """Return the record after the change `last`; `since` are the rows of all later ones, the newest first."""
    then = {**record, **_OF_NOW, "version": last["version"]}
    for change in since:
        for name, value in change.get("before", {}).items():
            if value is None:
                then.pop(name, None)
            else:
                then[name] = value
    return then
