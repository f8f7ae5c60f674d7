"""What a caller says in the headers of a write: the id of the request, how long they wait for its decision. Pure."""

import re
from collections.abc import Sequence

from gateway.api.parameters import ID, LONGEST_WAIT
from shared.errors import Rejected

_ID = re.compile(ID)
_QUOTED = re.compile(r'"([^"\\]*)"')
_PART = re.compile(r'(?:[^;,"]++|"(?:[^"\\]|\\.)*+"?)++')
"""What stands between two separators; one in quotes is none."""


def request_id(values: Sequence[str]) -> str | None:
    """Return the id that a caller gives in `Idempotency-Key`, or None. Raises Rejected(`idempotency_key_invalid`).

    The IETF draft writes the key as a string of a structured field, in quotes; most clients write it without. Both are
    one id (rule R21), the one without. Two headers are two ids, and none of them is picked.
    """
    if not values:
        return None
    key = values[0]
    if quoted := _QUOTED.fullmatch(key):
        key = quoted[1]
    if len(values) > 1 or not _ID.fullmatch(key):
        raise Rejected("idempotency_key_invalid")
    return key


def wait(values: Sequence[str]) -> int:
    """Return the seconds of `Prefer: wait=n` (RFC 7240), 0 when it is not asked. Raises Rejected(`prefer_invalid`).

    Several headers are one list; names are the same in capitals; of two waits the first counts; what else a caller
    prefers is not ours.
    """
    for part in _PART.findall(", ".join(values)):
        name, _, value = part.partition("=")
        if name.strip().lower() == "wait":
            seconds = value.strip().strip('"')
            if not re.fullmatch("[0-9]{1,3}", seconds) or int(seconds) > LONGEST_WAIT:
                raise Rejected("prefer_invalid")
            return int(seconds)
    return 0
