"""The records that the read model keeps, by owner and kind. A new owner is a file beside this one and a line here."""

from collections.abc import Callable, Mapping
from typing import Any

from gateway.projections import manager, structure
from gateway.read_model.versioned_upsert import VersionedUpsert

Projection = tuple[str, Callable[[Mapping[str, Any]], VersionedUpsert]]
"""The collection of a record, and its upsert."""

BY_OWNER: Mapping[str, Mapping[str, Projection]] = {
    "structure": structure.PROJECTIONS,
    "manager": manager.PROJECTIONS,
}
