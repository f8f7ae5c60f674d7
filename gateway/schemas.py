"""What OpenAPI shows of bodies and answers: the models of the messages, with examples."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "CreateStructure": {"identifier": {"type": "SIRET", "value": "41816609600069"}, "label": "Siège", "activate": True},
    "ModifyStructure": {"email": "accueil@example.fr", "parameters": {"service_code_required": True}},
    "CorrectSphere": {"sphere": "public_non_state"},
    "SetPigp": {"pigp": True},
    "SetActive": {"active": False},
    "AddMember": {"profile": "modification"},
}

_FROM_PATH = {"structure", "structure_id", "user", "request_id"}


def body(model: type[BaseModel]) -> dict[str, Any]:
    """Return the request body of an operation, without what its path says."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs", None)
    schema["properties"] = {n: p for n, p in schema["properties"].items() if n not in _FROM_PATH}
    schema["required"] = [n for n in schema.get("required", ()) if n not in _FROM_PATH]
    content = {"schema": schema, "example": EXAMPLES[model.__name__]}
    return {"requestBody": {"required": True, "content": {"application/json": content}}}


def tells(name: str) -> dict[int | str, dict[str, Any]]:
    """Return the answers of an operation: its own, and the problem every operation may answer with."""
    status = 202 if name == "Request" else 200
    ok = {"description": "accepted for decision" if status == 202 else "found"}
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        status: {**ok, "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}},
        "4XX": {"description": "refused: the code says why", "content": problem},
    }
