"""The catalogue of codes: each is stable, has a French sentence that says what is wrong and what to do, and an HTTP
status for the gateway. It is published at `GET /api/v1/codes` and in `docs/contracts/codes.json`.

Sentences are for two readers, people and those who write a client: they say « vous », in the present, one idea each,
with an example where a form is expected. Their values are the outcome's public `details`, never personal data.

Each owner's codes stand in a module of its name.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from shared.contracts.codes import fields, gateway, insee, manager, requests, structure
from shared.contracts.codes.sentences import Code

CODES: Mapping[str, Code] = {
    **requests.CODES,
    **fields.FIELDS,
    **structure.CODES,
    **manager.CODES,
    **insee.CODES,
    **gateway.CODES,
}


def sentence(code: str, details: Mapping[str, Any] | None = None) -> str:
    """Return the French sentence of a code, with the values it names."""
    known = CODES.get(code)
    return f"Code {code}." if known is None else known.filled(details or {})


def sentence_of(transition: Mapping[str, Any]) -> str:
    """Return the sentence of a transition, as it is published: it may name the transition's own date."""
    return sentence(
        transition["code"], {"effective_at": transition.get("effective_at"), **(transition.get("details") or {})}
    )


def errors_of(fields: Iterable[tuple[str, str]], details: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """Return what is wrong with each field (path, code), in words; `details` has each field's own under `fields`."""
    values = (details or {}).get("fields") or {}
    return [
        {
            "field": field,
            "code": code,
            "message": sentence(code, {**(details or {}), **(own := values.get(field, {}))}),
            **({"details": own} if own else {}),
        }
        for field, code in fields
    ]


def http_status(code: str) -> int:
    """Return the HTTP status of a refusal for this reason."""
    known = CODES.get(code)
    return known.http if known and known.http >= 400 else 422
