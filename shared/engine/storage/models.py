"""Builds models from stored data, without validation.

Validators may be tightened later, and stored data does not change with them. Fields that a model does not know, of a
newer version, stay in it and are written back. Lists become tuples where the model says so; nothing else is converted.
"""

import types
from collections.abc import Callable, Mapping
from functools import cache
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

M = TypeVar("M", bound=BaseModel)
Build = Callable[[Any], Any]


def construct(model: type[M], raw: Mapping[str, Any]) -> M:
    """Return a model of `raw`. Raises ValueError when a field without a default is missing."""
    made: M = _builder_of(model, whole=False)(raw)
    return made


def construct_whole(model: type[M], raw: Mapping[str, Any]) -> M:
    """Return a model of `raw`, which must have no field that the model does not know. Raises ValueError otherwise."""
    made: M = _builder_of(model, whole=True)(raw)
    return made


@cache
def _builder_of(model: type[BaseModel], *, whole: bool) -> Build:
    fields = model.model_fields
    defaults = {name: field.get_default(call_default_factory=True, validated_data={}) for name, field in fields.items()}
    required = frozenset(name for name, value in defaults.items() if value is PydanticUndefined)
    optional = {name: value for name, value in defaults.items() if name not in required}
    nested = [
        (name, inner) for name, field in fields.items() if (inner := _builder(field.annotation, whole)) is not None
    ]
    known = frozenset(fields)

    def build(raw: Mapping[str, Any]) -> BaseModel:
        values, unknown = {**optional, **raw}, None
        for name, inner in nested:
            if name in raw:
                values[name] = inner(raw[name])
        present = set(raw)
        if not known.issuperset(present):
            if whole:
                raise ValueError(f"{model.__name__} has no field {', '.join(sorted(present - known))}")
            unknown = {name: values.pop(name) for name in present - known}
            present &= known
        if not present.issuperset(required):
            raise ValueError(f"{model.__name__} is missing {', '.join(sorted(required - present))}")
        made = model.__new__(model)
        _set(made, "__dict__", values)
        _set(made, "__pydantic_fields_set__", present)
        _set(made, "__pydantic_extra__", unknown)
        _set(made, "__pydantic_private__", None)
        return made

    return build


_set = object.__setattr__


def _builder(annotation: Any, whole: bool) -> Build | None:  # noqa: FBT001 - it is passed on as it is.
    """Return the function that builds a value of this type; None when the stored value is used as it is."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _builder(args[0], whole)
    if isinstance(annotation, type) and origin is None and issubclass(annotation, BaseModel):
        of_model: Build = _builder_of(annotation, whole=whole)
        return of_model
    if origin in (Union, types.UnionType):
        builders = [build for arg in args if arg is not type(None) and (build := _builder(arg, whole)) is not None]
        if len(builders) > 1:
            raise TypeError(f"{annotation} can't be stored: its values do not show which of its types they have")
        return _optional(builders[0]) if builders else None
    if origin is tuple and args[1:] == (Ellipsis,):
        return _tuple(_builder(args[0], whole))
    if origin in (dict, Mapping) and (inner := _builder(args[1], whole)) is not None:
        return _mapping(inner)
    return None


def _optional(inner: Build) -> Build:
    return lambda value: None if value is None else inner(value)


def _tuple(inner: Build | None) -> Build:
    return tuple if inner is None else lambda values: tuple(inner(value) for value in values)


def _mapping(inner: Build) -> Build:
    return lambda values: {key: inner(value) for key, value in values.items()}
