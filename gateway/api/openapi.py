"""The OpenAPI document; `python -m gateway.api.openapi` writes it to `docs/contracts/`, `--check` compares."""

import json
import re
import sys
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from gateway.api.schemas import Problem

FILE = Path(__file__).parents[2] / "docs" / "contracts" / "openapi.json"

_REFERENCE = re.compile(r"#/components/schemas/([^\"]+)\"")

DESCRIPTION = """\
Organisations of the directory, their teams, and the requests about them.

**A write is a request.** It is answered `202 Accepted` with the request and where to read it (`Location`); the owner
of the data decides it, and it takes effect at `effective_at`. With the header `Prefer: wait=n` the answer waits for
the decision: a refusal then comes back at once. With the header `Idempotency-Key` it can be sent again without harm.

**Sentences** for people are in French, beside a stable `code`; `/api/v1/codes` lists them all. Errors are RFC 9457.

**Reading what you wrote**: an answer's `version`, given as `min_version`, makes a read wait for it a moment.
"""


def describe(api: FastAPI) -> None:
    """Replace the application's OpenAPI document by ours, made once."""

    def document() -> dict[str, Any]:
        if api.openapi_schema is None:
            api.openapi_schema = _document(api)
        return api.openapi_schema

    api.openapi = document  # type: ignore[method-assign] # FastAPI's documented way to complete the document.


def _document(api: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title="Structures",
        version=api.version,
        openapi_version="3.1.0",
        description=DESCRIPTION,
        routes=api.routes,
        tags=[
            {"name": "structures", "description": "Consult and search."},
            {"name": "changes", "description": "Request a change; it takes effect after the delay."},
            {"name": "requests", "description": "Follow requests, and cancel them before they take effect."},
            {"name": "members", "description": "Who may do what on a structure."},
            {"name": "users", "description": "For administrators."},
            {"name": "me", "description": "The caller, and the guide's lists."},
            {"name": "insee", "description": "Look a SIRET up at INSEE, before a creation."},
            {"name": "codes", "description": "Every code that an answer may have."},
        ],
    )
    schemas = document["components"]["schemas"]
    schemas.update(_hoisted(document["paths"]))
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs"))
    schemas["Problem"] = problem
    document["components"]["schemas"] = _used(document, schemas)
    document["components"]["securitySchemes"] = {
        "oidc": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "of the configured issuer"}
    }
    document["security"] = [{"oidc": []}]
    return document


def _used(document: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """Return the schemas that are referred to: FastAPI's own validation errors, for one, are never returned."""
    used: set[str] = set()
    found = set(_REFERENCE.findall(json.dumps(document["paths"])))
    while found - used:
        used |= found
        found = {name for schema in found for name in _REFERENCE.findall(json.dumps(schemas[schema]))}
    return {name: schemas[name] for name in sorted(used)}


def _hoisted(paths: dict[str, Any]) -> dict[str, Any]:
    """Remove the definitions from the bodies' schemas and return them."""
    found: dict[str, Any] = {}
    for operations in paths.values():
        for operation in operations.values():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                found.update(content["schema"].pop("$defs", {}))
    return found


def main() -> None:
    """Write the document, or compare it."""
    from gateway.api.app import create_api

    text = json.dumps(create_api().openapi(), ensure_ascii=False, indent=2) + "\n"
    if "--check" not in sys.argv:
        FILE.parent.mkdir(parents=True, exist_ok=True)
        FILE.write_text(text)
    elif not FILE.exists() or FILE.read_text() != text:
        sys.exit("docs/contracts/openapi.json is not up to date: run `make contracts`.")


if __name__ == "__main__":
    main()
