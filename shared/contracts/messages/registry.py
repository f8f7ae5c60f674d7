"""The request types and the records of every owner. A new owner is a module beside it and a line in each."""

from collections.abc import Mapping

from shared.contracts.messages import manager, structure
from shared.contracts.messages.common import Request, Stored

REQUESTS: Mapping[str, tuple[type[Request], ...]] = {
    structure.OWNER: structure.REQUESTS,
    manager.OWNER: manager.REQUESTS,
}
"""The request types of `<owner>.requests`."""
RECORDS: Mapping[str, Mapping[str, type[Stored]]] = {
    structure.OWNER: {"structure": structure.StructureRecord},
    manager.OWNER: {"structure": manager.TeamRecord, "user": manager.UserRecord},
}
"""The records of `<owner>.state`, by kind: the prefix of the key."""
