"""Turns pydantic's errors into our codes, with the values of their sentences. Pure."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import PydanticCustomError

from shared.contracts.codes import CODES
from shared.errors import Rejected

_SHOWN_AT_MOST = 100
"""Fields named in an answer at most: even a huge request gets a small answer."""
_LONGEST_PATH = 200

_CODES: Mapping[str, str] = {
    "missing": "field_required",
    "extra_forbidden": "field_unknown",
    "string_too_long": "field_too_long",
    "string_too_short": "field_too_short",
    "too_long": "list_too_long",
    "greater_than_equal": "number_too_small",
    "less_than_equal": "number_too_large",
    "int_parsing_size": "number_too_large",
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "number_expected"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "boolean_expected"),
    **dict.fromkeys(("string_type", "string_unicode"), "text_expected"),
    **dict.fromkeys(("list_type", "tuple_type"), "list_expected"),
    **dict.fromkeys(("model_type", "model_attributes_type", "dict_type"), "object_expected"),
    **dict.fromkeys(("literal_error", "enum"), "value_unknown"),
    **dict.fromkeys(("date_type", "date_parsing", "date_from_datetime_parsing"), "date_format"),
    **dict.fromkeys(
        (
            "datetime_type",
            "datetime_parsing",
            "datetime_from_date_parsing",
            "datetime_object_invalid",
            "timezone_aware",
        ),
        "instant_format",
    ),
}
"""Our codes, by pydantic's type of error. Our own validators raise our codes; any other error is `field_invalid`."""

_VALUES: Mapping[str, str] = {"max_length": "max", "min_length": "min", "le": "max", "ge": "min"}
"""The names in our sentences for the values in the context of a pydantic error."""


def invalid(errors: Iterable[Mapping[str, Any]], *, inside: int = 0) -> Rejected:
    """Return the refusal for pydantic's errors: a code for each field, by its path without the first `inside` parts.

    It names a hundred fields at most. The values of their sentences are in the details under `fields`: they describe
    the expected form, never what was given.
    """
    fields: dict[str, str] = {}
    values: dict[str, Mapping[str, Any]] = {}
    for problem in errors:
        path = ".".join(str(part) for part in problem["loc"][inside:])[:_LONGEST_PATH] or "(body)"
        if path in fields:
            continue
        kind = problem["type"]
        fields[path] = code = kind if kind in CODES else _CODES.get(kind, "field_invalid")
        if shown := _values(code, problem.get("ctx") or {}):
            values[path] = shown
        if len(fields) == _SHOWN_AT_MOST:
            break
    return Rejected("invalid_request", fields=fields, details={"fields": values} if values else None)


def coded(code: str) -> WrapValidator:
    """Return a validator that replaces a type's error by one of our codes, which says what is expected.

    A value that is only too long gets that error, and an error of the type that already is one of our codes stays.
    """

    def check(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        try:
            return handler(value)
        except ValidationError as error:
            if any(p["type"] == "string_too_long" or p["type"] in CODES for p in error.errors(include_input=False)):
                raise
            # Not chained: pydantic's own error contains the value.
            raise PydanticCustomError(code, "it does not have the form of its type") from None

    return WrapValidator(check)


def _values(code: str, context: Mapping[str, Any]) -> dict[str, Any]:
    """Return, from the context of an error, the values that the sentence of its code uses."""
    known = {_VALUES.get(name, name): value for name, value in context.items()}
    if isinstance(known.get("expected"), str) and code == "value_unknown":
        known["allowed"] = re.findall("'([^']*)'", known["expected"])
    return {name: known[name] for name in sorted(CODES[code].values) if name in known}
