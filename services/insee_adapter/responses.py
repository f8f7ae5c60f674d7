"""Interprets an HTTP response of INSEE. Pure: it is given a status, headers and bytes.

Two programs answer on INSEE's behalf. The register itself writes `{"header": {"statut", "message"}}`; the gateway in
front of it writes `{"message", "http_status_code"}`, or HTML, or nothing. Only the register can say that a SIRET does
not exist or is hidden: a 404 of the gateway means that our URL is wrong, its 403 a missing subscription.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from services.insee_adapter import links
from services.insee_adapter.fields import clean, inner, text
from services.insee_adapter.links import Link
from services.insee_adapter.reading import Unreadable, read
from shared.contracts.messages.insee import Because, InseeAnswer, Restriction, Result

_RETRIED_AT_ONCE = frozenset({500, 502, 503, 504})
_REDIRECTIONS = frozenset({301, 302, 303, 307, 308})
_SIRET_AT_END = re.compile(r"/([0-9]{14})/?(?:[?#].*)?$")
_QUOTA_WINDOW = 60_000
_SENTENCE = 300
# Characters passed on of INSEE's own message.


class NoAnswer(Exception):
    """INSEE did not answer the question.

    `message` is French, for a person. `at_once` is whether trying again at once may help; `wait` is how long (ms) it
    would not, when that is known.
    """

    def __init__(self, because: Because, message: str, *, at_once: bool = False, wait: int | None = None) -> None:
        super().__init__(message)
        self.because = because
        self.message = message
        self.at_once = at_once
        self.wait = wait

    @property
    def says_of_health(self) -> bool:
        """Tell whether other calls can be expected to fail too."""
        return self.because in {Because.OUTAGE, Because.REFUSED}


@dataclass(frozen=True, slots=True)
class Doublon:
    """The unit was entered twice; `target` is the establishment to use, None when INSEE names none."""

    target: str | None
    message: str | None


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response: header names are lower case; `received_at` is in ms."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    received_at: int


def meaning(siret: str, response: Response) -> InseeAnswer | Doublon:
    """Return the register's answer about `siret`. Raises `NoAnswer` when the response is none."""
    status = response.status
    body = _json(response.content)
    if status in _REDIRECTIONS:
        return _doublon(response, body or {})
    if body is None:
        raise _no_json(response)
    said = _said(body)
    from_register = "header" in body
    if status == 200:
        try:
            return read(siret, body, response.received_at)
        except (Unreadable, ValidationError):
            # Not chained: a validation error quotes values, which may be personal.
            raise NoAnswer(Because.UNREADABLE, "La réponse de l'INSEE n'est pas compréhensible.") from None
    if from_register and (status == 404 or (status == 400 and "siret" in (said or "").lower())):
        return InseeAnswer(siret=siret, result=Result.NOT_FOUND, as_of=response.received_at, message=said)
    if from_register and status == 403:
        return InseeAnswer(
            siret=siret,
            result=Result.RESTRICTED,
            restriction=Restriction.UNIT,
            hidden=("name", "address"),
            as_of=response.received_at,
            message=said,
        )
    raise _no_answer(status, response)


def meaning_of_links(siret: str, response: Response) -> list[Link]:
    """Return the links of succession from `siret`; none is an answer too. Raises `NoAnswer` when INSEE says nothing."""
    body = _json(response.content)
    if body is None:
        raise _no_json(response)
    from_register = "header" in body
    if from_register and response.status == 404:
        return []
    if from_register and response.status == 200:
        return links.read(siret, body)
    raise _no_answer(response.status, response)


def _doublon(response: Response, body: Mapping[str, Any]) -> Doublon:
    found = _SIRET_AT_END.search(response.headers.get("location", ""))
    if not found and "header" not in body:
        # A redirection to a login or a maintenance page says nothing about the SIRET.
        raise NoAnswer(Because.UNREADABLE, f"La réponse de l'INSEE est inattendue (HTTP {response.status}).")
    return Doublon(found[1] if found else None, _said(body))


def _said(body: Mapping[str, Any]) -> str | None:
    said = text(inner(body, "header"), "message")
    return clean(said, _SENTENCE) if said else None


def _no_json(response: Response) -> NoAnswer:
    # A maintenance page may come with any status, 200 and 404 included. Only a refusal counts without a body.
    if response.status in {401, 403, 429}:
        return _no_answer(response.status, response)
    return NoAnswer(
        Because.OUTAGE,
        f"L'INSEE est indisponible (HTTP {response.status}).",
        at_once=response.status in _RETRIED_AT_ONCE,
    )


def _no_answer(status: int, response: Response) -> NoAnswer:
    if status == 429:
        return NoAnswer(
            Because.QUOTA, "Le nombre d'appels à l'INSEE est dépassé pour le moment.", wait=quota_wait(response)
        )
    if status in {401, 403}:
        return NoAnswer(Because.REFUSED, "L'INSEE refuse l'accès de cette application.")
    if status >= 500:
        return NoAnswer(
            Because.OUTAGE, f"L'INSEE est indisponible (HTTP {status}).", at_once=status in _RETRIED_AT_ONCE
        )
    return NoAnswer(Because.UNREADABLE, f"La réponse de l'INSEE est inattendue (HTTP {status}).")


def quota_wait(response: Response) -> int | None:
    """Return how long (ms) the quota allows no call; None while it does.

    INSEE gives the end of its window in epoch milliseconds, by its own clock, and no `Retry-After`. Without a usable
    header a refusal lasts a whole window. A reset outside the next window is due to a difference of clocks.
    """
    refused = response.status == 429
    remaining = _integer(response.headers.get("x-rate-limit-remaining"))
    if not refused and (remaining is None or remaining != 0):
        return None  # With a negative value INSEE's gateway (Gravitee) says that it counts nothing now.
    reset = _integer(response.headers.get("x-rate-limit-reset"))
    wait = None if reset is None or reset < 0 else reset - response.received_at
    after = _integer(response.headers.get("retry-after"))
    if wait is None and after is not None:
        wait = after * 1000
    if wait is None:
        return _QUOTA_WINDOW if refused else None
    return min(max(wait, 1_000 if refused else 0), _QUOTA_WINDOW)


def quota_granted(response: Response) -> int | None:
    """Return how many calls INSEE grants in a window; None when it does not say."""
    return _integer(response.headers.get("x-rate-limit-limit"))


def _integer(value: str | None) -> int | None:
    try:
        return None if value is None else int(value)
    except ValueError:
        return None


def _json(content: bytes) -> Mapping[str, Any] | None:
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, Mapping) else None
