"""Completes the OpenAPI document; `python -m gateway.openapi` writes it to `docs/contracts/`, `--check` compares."""

import json
import sys
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from shared.messages.insee import InseeAnswer
from shared.messages.life import Step
from shared.messages.manager import REQUESTS as MANAGER
from shared.messages.manager import TeamRecord, UserRecord
from shared.messages.structure import REQUESTS as STRUCTURE
from shared.messages.structure import StructureRecord

FILE = Path(__file__).parent.parent / "docs" / "contracts" / "openapi.json"

_SHOWN: dict[str, type[BaseModel]] = {
    "Structure": StructureRecord,
    "Request": Step,
    "User": UserRecord,
    "Team": TeamRecord,
    "InseeAnswer": InseeAnswer,
}


def _page_of(name: str) -> dict[str, Any]:
    item = {"$ref": f"#/components/schemas/{name}"}
    number = {"type": "integer"}
    properties = {"items": {"type": "array", "items": item}, "page": number, "size": number, "total": number}
    return {"type": "object", "properties": properties}


_PROBLEM = {
    "type": "object",
    "description": "RFC 9457",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string", "description": "the code's sentence, in French"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "stable; every code is listed at /api/v1/codes"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {n: {"type": "string"} for n in ("field", "code", "message")},
            },
        },
    },
}


def describe(api: FastAPI) -> None:
    """Make the application describe itself with the models of the messages and its security scheme."""

    def document() -> dict[str, Any]:
        if api.openapi_schema is None:
            api.openapi_schema = _document(api)
        return api.openapi_schema

    api.openapi = document  # type: ignore[method-assign]


def _document(api: FastAPI) -> dict[str, Any]:
    description = (
        "Organisations of the directory. A write is a request: it is answered 202 with its id, decided by the owner "
        "of the data, and effective after the delay. Messages are in French, beside a stable code."
    )
    schema = get_openapi(title=api.title, version=api.version, description=description, routes=api.routes)
    models = [*_SHOWN.values(), *STRUCTURE, *MANAGER]
    _, definitions = models_json_schema(
        [(m, "serialization") for m in models], ref_template="#/components/schemas/{model}"
    )
    components = schema.setdefault("components", {})
    schemas = components.setdefault("schemas", {}) | definitions["$defs"]
    schemas |= {
        name: {"$ref": f"#/components/schemas/{model.__name__}"}
        for name, model in _SHOWN.items()
        if name != model.__name__
    }
    schemas |= {f"{name}Page": _page_of(name) for name in ("Structure", "Request")}
    components["schemas"] = schemas | {"Problem": _PROBLEM}
    components["securitySchemes"] = {"oidc": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    schema["security"] = [{"oidc": []}]
    return schema


def main() -> None:
    """Write the document, or compare it."""
    from gateway.app import create_api

    text = json.dumps(create_api().openapi(), ensure_ascii=False, indent=2) + "\n"
    if "--check" not in sys.argv:
        FILE.parent.mkdir(parents=True, exist_ok=True)
        FILE.write_text(text)
    elif not FILE.exists() or FILE.read_text() != text:
        sys.exit("docs/contracts/openapi.json is not up to date: run `make contracts`.")


if __name__ == "__main__":
    main()
