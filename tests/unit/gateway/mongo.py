"""As much of MongoDB's language as the gateway speaks, so that its conditions and its writes are tried without it.

`tests/integration/gateway/test_language.py` shows that the real one understands the same.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from gateway.read_model.versioned_upsert import VersionedUpsert

Document = Mapping[str, Any]


def meets(document: Document, condition: Document) -> bool:
    """Tell whether a document meets a condition."""
    return all(_part(document, name, wanted) for name, wanted in condition.items())


def made(*writes: VersionedUpsert) -> dict[str, Any]:
    """Return the document that writes of one id make, one after the other."""
    document: dict[str, Any] | None = None
    for write in writes:
        if document is None:
            document = {"_id": write.id, **write.fresh}
        elif meets(document, write.older):
            stages = write.update if isinstance(write.update, list) else [write.update]
            for stage in stages:
                (fields,) = stage.values()
                in_pipeline = isinstance(write.update, list)
                values = {path: _value(document, e) if in_pipeline else e for path, e in fields.items()}
                for path, value in values.items():
                    document = _with(document, path.split("."), value)
    assert document is not None
    return document


def _part(document: Document, name: str, wanted: Any) -> bool:
    if name in {"$and", "$or"}:
        return (all if name == "$and" else any)(meets(document, part) for part in wanted)
    found = list(_found(document, name.split(".")))
    if not isinstance(wanted, Mapping):
        return any(value == wanted for value in found)
    return all(_compared(found, operator, operand) for operator, operand in wanted.items())


def _found(value: Any, path: list[str]) -> Iterator[Any]:
    """Yield what stands at a path: a list as a whole, and each of its items."""
    if not path:
        yield value
        if isinstance(value, list | tuple):
            yield from value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _found(item, path)
    elif isinstance(value, Mapping) and path[0] in value:
        yield from _found(value[path[0]], path[1:])


def _compared(found: list[Any], operator: str, operand: Any) -> bool:
    match operator:
        case "$exists":
            return bool(found) is operand
        case "$ne":
            return operand not in found
        case "$in":
            return any(value in operand for value in found)
        case "$all":
            return all(item in found for item in operand)
        case "$lt":
            return any(value < operand for value in found)
        case "$gte":
            return any(type(value) is type(operand) and value >= operand for value in found)
        case "$regex":
            return any(isinstance(value, str) and re.search(operand, value) is not None for value in found)
        case "$mod":
            return any(value % operand[0] == operand[1] for value in found)
        case "$elemMatch":
            return any(isinstance(value, Mapping) and meets(value, operand) for value in found)
    raise NotImplementedError(operator)


def _value(document: Document, expression: Any) -> Any:
    """Return the value of an expression of a pipeline."""
    if isinstance(expression, str) and expression.startswith("$"):
        return next(_found(document, expression[1:].split(".")), None)
    if not isinstance(expression, Mapping):
        return expression
    ((operator, operand),) = expression.items()
    if operator == "$literal":
        return operand
    values = [_value(document, each) for each in operand]
    match operator:
        case "$max":
            return max(value for value in values if value is not None)
        case "$ifNull":
            return next((value for value in values if value is not None), None)
        case "$cond":
            return values[1] if values[0] else values[2]
        case "$lt":
            return values[0] < values[1]
    raise NotImplementedError(operator)


def _with(document: Document, path: list[str], value: Any) -> dict[str, Any]:
    return {**document, path[0]: value if len(path) == 1 else _with(document.get(path[0], {}), path[1:], value)}
