"""The processes that commands are about."""

from ops.errors import OpsError
from shared.contracts.topics import PROCESSES


def known_process(name: str) -> str:
    """Return the name of a process. Raises OpsError when there is none of that name."""
    if name not in PROCESSES:
        raise OpsError(f"there is no process « {name} »: choose one of {', '.join(PROCESSES)}")
    return name
