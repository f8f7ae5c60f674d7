"""A structure as it was at an instant (rule R20), from its present record and the changes since. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.contracts.messages.structure import StructureRecord

Entry = Mapping[str, Any]

_OF_NOW: Mapping[str, Any] = {"pending": [], "modifiable_fields": [], "possible_requests": []}
"""Fields that say what may happen next: of the past there is nothing to say."""
_PUBLISHED = frozenset(StructureRecord.model_fields)
"""A change may be of fields that its owner keeps to itself, such as what INSEE hides."""


def record_at(record: Mapping[str, Any], last: Entry, since: Sequence[Entry]) -> dict[str, Any]:
    """Return the record after the change `last`; `since` are the records of all later changes, the newest first."""
    then = {**record, **_OF_NOW, "version": last["version"]}
    then.pop("sphere_by_insee", None)  # What an administrator is to look at now.
    for change in since:
        for name, value in change.get("before", {}).items():
            if value is None:
                then.pop(name, None)
            elif name in _PUBLISHED:
                then[name] = value
    return then
