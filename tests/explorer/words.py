"""Steps in words, so that a person can follow the way to a violation."""

from typing import Any

from tests.explorer.port import Op
from tests.support.toy import DELAY, NOW


def at(instant: int) -> str:
    """Say when, counted in delays from the beginning."""
    return f"t{(instant - NOW) / DELAY:g}"


def doing(op: Op, place: int, result: Any) -> str:
    """Say what a process did."""
    match op.name:
        case "publish" if op.args[0]:
            message = op.args[0][place]
            return f"publishes {message.topic} {message.key.decode()}"
        case "save" if op.args[0]:
            write = op.args[0][place]
            decided = ", ".join(f"{transition.request_id} {transition.status}" for transition in write.transitions)
            return f"writes {write.id} v{write.version} ({decided})" + (": another was first" if result.lost else "")
        case "put_records" if op.args[0]:
            transition = op.args[0][place]
            return f"writes the record of {transition.request_id}: {transition.status} v{transition.version}"
        case "records":
            return "loads records: " + (
                ", ".join(f"{key} {record.transition.status}" for key, record in result.items()) or "none"
            )
    return op.name.replace("_", " ")
