"""The headers of a write: the id of the request, and how long the caller waits for its decision. Pure."""

import re
from collections.abc import Sequence

from gateway.api.parameters import ID, LONGEST_WAIT
from shared.errors import Rejected

_ID = re.compile(ID)
_QUOTED = re.compile(r'"([^"\\]*)"')
_PART = re.compile(r'(?:[^;,"]++|"(?:[^"\\]|\\.)*+"?)++')
"""A part between two separators; a separator in quotes does not count."""


def request_id(values: Sequence[str]) -> str | None:
    """Return the request id in `Idempotency-Key`, or None. Raises Rejected(`idempotency_key_invalid`).

    In the IETF draft the key is a string of a structured field, in quotes; most clients write it without. Both are the
    same id (rule R21), without quotes. Two headers are refused, since they may be two ids.
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
    """Return the seconds of `Prefer: wait=n` (RFC 7240), 0 when there is none. Raises Rejected(`prefer_invalid`).

    Several headers are one list, names are case-insensitive, and of two waits the first counts. Other preferences are
    ignored.
    """
    for part in _PART.findall(", ".join(values)):
        name, _, value = part.partition("=")
        if name.strip().lower() == "wait":
            seconds = value.strip().strip('"')
            if not re.fullmatch("[0-9]{1,3}", seconds) or int(seconds) > LONGEST_WAIT:
                raise Rejected("prefer_invalid")
            return int(seconds)
    return 0
