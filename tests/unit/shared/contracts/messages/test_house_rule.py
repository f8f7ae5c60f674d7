"""Whatever is asked, by whichever message of whichever owner: types as in JSON, texts by the house rule (R25)."""

import types
import unicodedata
from collections.abc import Iterator
from datetime import date
from itertools import chain
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import orjson
import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from shared.contracts import codes
from shared.contracts.messages import common, insee, registry, structure
from shared.contracts.messages.common import LARGEST_INTEGER, Request
from shared.contracts.validation import invalid
from shared.domain import texts

REQUESTS: tuple[type[Request], ...] = tuple(chain.from_iterable(registry.REQUESTS.values()))
NAMES_OF_THINGS = {common.RequestId, common.UserId, structure.Date}
"""Texts that are compared as they are, never read by a person: trimming one would name another. None is unseen."""

Leaf = tuple[str, Any]


def _leaves(where: str, type_: Any) -> Iterator[Leaf]:
    """Yield the types of which a field is made, with their annotations."""
    origin = get_origin(type_)
    if type_ in NAMES_OF_THINGS:
        yield where, type_
    elif origin is Annotated:
        inner = get_args(type_)[0]
        if inner in {str, int, bool}:
            yield where, type_
        else:
            yield from _leaves(where, inner)
    elif origin in {Union, types.UnionType, tuple, list}:
        for part in get_args(type_):
            if part not in {type(None), ...}:
                yield from _leaves(where, part)
    elif isinstance(type_, type) and issubclass(type_, BaseModel):
        yield from _fields(where, type_)
    else:
        yield where, type_


def _fields(where: str, model: type[BaseModel]) -> Iterator[Leaf]:
    for name, field in model.model_fields.items():
        annotation: Any = field.annotation
        if field.metadata:
            annotation = Annotated[annotation, *field.metadata]
        yield from _leaves(f"{where}.{name}", annotation)


LEAVES = dict(leaf for request in REQUESTS for leaf in _fields(request.__name__, request))
TEXTS = {where: t for where, t in LEAVES.items() if t is str or (get_origin(t) is Annotated and get_args(t)[0] is str)}
CHECKED_AS_A_WHOLE = {where for where in TEXTS if where.endswith((".identifier.value", ".mandatary.value"))}
"""Their type says what separates and what counts; `test_an_identifier_is_clean` looks at them."""

SAMPLES = ("Siège", "accueil@example.fr", "+33123456789", "FR", "75001", "2026-01-01", "a-1")
UNSEEN, REFUSED = "\u200b\ufeff\u00a0\u202f\u00ad", "\x00\x1b\x7f\u202e\u2066"


def _accepted(type_: Any, value: Any) -> Any:
    try:
        return TypeAdapter(type_, config={"strict": True}).validate_python(value)
    except ValidationError:
        return None


def test_every_kind_of_field_is_known_here() -> None:
    """A new one is a reason to look whether it is read strictly, and by the house rule if it is a text."""
    assert len(LEAVES) > 40
    kinds = {get_args(t)[0] if get_origin(t) is Annotated else t for t in LEAVES.values()}
    assert {kind for kind in kinds if get_origin(kind) is not Literal} == {str, int, bool}


@pytest.mark.parametrize("where", sorted(TEXTS.keys() - CHECKED_AS_A_WHOLE))
def test_every_text_goes_through_the_house_rule(where: str) -> None:
    type_ = TEXTS[where]
    samples = [sample for sample in SAMPLES if _accepted(type_, sample) is not None]
    assert samples, "no sample is one: add one"
    is_name = type_ in NAMES_OF_THINGS
    for sample in samples:
        kept = _accepted(type_, sample)
        for sign in UNSEEN:
            surrounding = _accepted(type_, f"{sign} {sample}{sign}")
            assert surrounding == (None if is_name else kept), f"{sign!r} around"
        for sign in REFUSED:
            for text in (f"{sample[:1]}{sign}{sample[1:]}", f"{sign}{sample}", f"{sample}{sign}"):
                found = _accepted(type_, text)
                # Of a telephone number only its digits are kept: what turned the direction is gone with the rest.
                assert found is None or (where.endswith(".phone") and found == kept and sign not in "\x00\x1b\x7f")
        for odd in (unicodedata.normalize("NFD", sample), f"{sample}\u200b"):
            found = _accepted(type_, odd)
            assert found is None or is_name or texts.clean(found) == found == unicodedata.normalize("NFC", found)
    for nothing in ("", " ", "\u200b", "\u00a0\ufeff"):
        assert _accepted(type_, nothing) is None, "what is required has something in it"


@pytest.mark.parametrize("value", ["ab\u200b", "\u202aab", "a\u00a0b", "a\x00b", "e\u0301", "A\u2011B", "\u200ba"])
@pytest.mark.parametrize("kind", ["AUTRE", "PARTICULIER", "HORS_UE"])
def test_an_identifier_is_clean(kind: str, value: str) -> None:
    for model in (common.IdentifierInput, common.IdentifierRef):
        try:
            found = model(type=kind, value=f"CH{value}").value
        except ValidationError:
            assert set(value) & set("\x00\u202a")
        else:
            assert texts.clean(found) == found


@pytest.mark.parametrize("where", sorted(w for w, t in LEAVES.items() if t is bool))
@pytest.mark.parametrize("value", ["true", "no", "1", 1, 0, 1.0, [], {}])
def test_a_boolean_is_true_or_false(where: str, value: Any) -> None:
    assert _accepted(LEAVES[where], value) is None


INTEGERS = sorted(w for w, t in LEAVES.items() if get_origin(t) is Annotated and get_args(t)[0] is int)


@pytest.mark.parametrize("where", INTEGERS)
def test_a_number_is_an_integer_that_every_reader_can_hold(where: str) -> None:
    assert _accepted(LEAVES[where], LARGEST_INTEGER) == LARGEST_INTEGER == 2**53 - 1
    for value in ("1", 1.0, True, False, 0, -1, 2**53, 2**63 - 1, 1.5, "x", None, [1]):
        assert _accepted(LEAVES[where], value) is None, repr(value)


def _models(type_: Any) -> Iterator[type[BaseModel]]:
    """Yield every model of which a type is made."""
    if isinstance(type_, type) and issubclass(type_, BaseModel):
        yield type_
        for field in type_.model_fields.values():
            yield from _models(field.annotation)
    for part in get_args(type_):
        yield from _models(part)


MODELS = {model.__name__: model for request in REQUESTS for model in _models(request)}


@pytest.mark.parametrize("name", sorted(MODELS))
def test_what_is_given_is_closed_and_strict_and_what_is_stored_is_neither(name: str) -> None:
    model = MODELS[name]
    config = model.model_config
    assert (config.get("extra"), config.get("strict"), config.get("frozen")) == ("forbid", True, True)
    stored = [base for base in model.__mro__[1:] if issubclass(base, common.Stored) and base is not common.Stored]
    for base in (b for b in stored if not b.__name__.endswith(("Input", "Ref"))):
        assert (base.model_config.get("extra"), base.model_config.get("strict")) == ("allow", None)


def test_what_json_has_no_type_for_is_still_read_strictly() -> None:
    """A list is read into a tuple, a day or a word of a list into what they are: JSON has no others."""

    class Later(Request):
        type = "x.later.v1"
        days: tuple[date, ...]
        result: insee.Result

    read = Later.read({"days": ["2026-01-01"], "result": "ACTIVE"})
    assert (read.days, read.result) == ((date(2026, 1, 1),), insee.Result.ACTIVE)
    for wrong in ({"days": "2026-01-01"}, {"days": [20_000]}, {"result": 1}, {"days": {"0": "2026-01-01"}}):
        with pytest.raises(ValidationError):
            Later.read({"days": ["2026-01-01"], "result": "ACTIVE", **wrong})


DEEP = orjson.loads(b'{"structure":' * 900 + b"1" + b"}" * 900)


@pytest.mark.parametrize("data", [None, [], "x", 1, True, {}, DEEP, {"structure": {"id": 1}, "label": DEEP}])
def test_what_is_no_object_is_no_request(data: Any) -> None:
    with pytest.raises(ValidationError):
        structure.ModifyStructure.read(data)


def test_what_is_very_long_is_not_looked_at() -> None:
    for field in ("label", "email", "phone"):
        with pytest.raises(ValidationError) as caught:
            structure.ModifyStructure.read({"structure": {"id": 1}, field: "1" * 600_000})
        assert caught.value.errors()[0]["type"] == "string_too_long"


def test_every_code_of_a_field_has_its_sentence() -> None:
    given = {"email": "x", "phone": "-", "label": "\u200b", "name": "a\x00b", "address": {"city": "X", "country": "UK"}}
    with pytest.raises(ValidationError) as caught:
        structure.ModifyStructure.read({"structure": {"id": 1}, **given})
    found = invalid(caught.value.errors(include_url=False)).fields
    assert found == {
        "email": "email_format",
        "phone": "phone_format",
        "label": "field_blank",
        "name": "text_control",
        "address.country": "country_unknown",
    }
    assert all(code in codes.CODES for code in found.values())
