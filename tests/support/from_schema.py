"""Values made from the JSON Schemas of the OpenAPI document: right ones, and such as are wrong somewhere."""

import re
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

Schema = Mapping[str, Any]
Value = SearchStrategy[Any]

TEXT = st.text(st.characters(codec="utf-8"), max_size=30)
SCALAR: Value = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXT,
    st.sampled_from(["\x00", "$where", "../..", "é" * 5, "x" * 5000, "' OR 1=1", "{}", "2026-02-30", "0", "-1"]),
)
ANYTHING: Value = st.recursive(
    SCALAR, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=6
)


def right(schema: Schema, document: Mapping[str, Any]) -> Value:
    """Return values that a schema describes."""
    return _made(schema, document, spoil=False)


def spoilt(schema: Schema, document: Mapping[str, Any]) -> Value:
    """Return values that a schema describes in part: anything may stand anywhere in them."""
    return _made(schema, document, spoil=True)


def _made(schema: Schema, document: Mapping[str, Any], *, spoil: bool) -> Value:
    made = _plain(schema, document, spoil=spoil)
    if not spoil:
        return made
    return st.integers(0, 5).flatmap(lambda dice: ANYTHING if dice == 0 else made)


def _plain(schema: Schema, document: Mapping[str, Any], *, spoil: bool) -> Value:
    if "$ref" in schema:
        named: Any = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            named = named[part]
        return st.deferred(lambda: _made(named, document, spoil=spoil))
    for union in ("anyOf", "oneOf"):
        if union in schema:
            return st.one_of([_made(option, document, spoil=spoil) for option in schema[union]])
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kind: Value = _KINDS[schema.get("type", "any")](schema, document, spoil)
    return kind


def _string(schema: Schema, _: Mapping[str, Any], spoil: bool) -> Value:
    low, high = schema.get("minLength", 0), min(schema.get("maxLength", 40), 60)
    if "pattern" in schema and not spoil:
        return st.from_regex(re.compile(schema["pattern"], re.ASCII), fullmatch=True)
    return st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=low, max_size=high)


def _integer(schema: Schema, *_: Any) -> Value:
    return st.integers(schema.get("minimum", -(2**63)), schema.get("maximum", 2**63 - 1))


def _array(schema: Schema, document: Mapping[str, Any], spoil: bool) -> Value:
    return st.lists(_made(schema.get("items", {}), document, spoil=spoil), max_size=3)


def _object(schema: Schema, document: Mapping[str, Any], spoil: bool) -> Value:
    fields = {name: _made(field, document, spoil=spoil) for name, field in schema.get("properties", {}).items()}
    required = set() if spoil else set(schema.get("required", ()))
    made = st.fixed_dictionaries(
        {name: value for name, value in fields.items() if name in required},
        optional={name: value for name, value in fields.items() if name not in required},
    )
    if not spoil:
        return made
    return st.builds(lambda a, b: {**a, **b}, made, st.dictionaries(TEXT, SCALAR, max_size=1))


_KINDS: Mapping[str, Any] = {
    "string": _string,
    "integer": _integer,
    "number": lambda *_: st.floats(allow_nan=False, allow_infinity=False),
    "boolean": lambda *_: st.booleans(),
    "null": lambda *_: st.none(),
    "array": _array,
    "object": _object,
    "any": lambda *_: ANYTHING,
}
