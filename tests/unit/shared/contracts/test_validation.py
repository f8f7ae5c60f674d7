"""What is wrong with a field is told by a code of ours that says the form expected, and never by the value given."""

from datetime import date
from typing import Annotated, Any, Literal

import pytest
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)
from pydantic_core import PydanticCustomError

from shared.contracts import codes
from shared.contracts.codes import CODES
from shared.contracts.codes.fields import IDENTIFIER_FORMS
from shared.contracts.messages.common import (
    AddressInput,
    Email,
    IdentifierInput,
    IdentifierType,
    Phone,
    RequestId,
    UserId,
)
from shared.contracts.messages.manager import Profile
from shared.contracts.messages.structure import Date, ModifyStructure
from shared.contracts.validation import _CODES, coded, invalid
from shared.errors import Rejected

SECRET = "s3cr3t"


def refusal(type_: Any, value: Any, *, strict: bool | None = None) -> Rejected:
    try:
        TypeAdapter(type_).validate_python(value, strict=strict)
    except ValidationError as error:
        return invalid(error.errors(include_url=False, include_input=False))
    raise AssertionError(f"{value!r} is taken")


class Box(BaseModel):
    model_config = ConfigDict(extra="forbid")

    size: int


@pytest.mark.parametrize(
    ("type_", "value", "code", "details"),
    [
        (Box, {}, "field_required", {}),
        (Box, {"size": 1, SECRET: 1}, "field_unknown", {}),
        (Annotated[str, StringConstraints(max_length=3)], SECRET, "field_too_long", {"max": 3}),
        (Annotated[str, StringConstraints(min_length=2)], "x", "field_too_short", {"min": 2}),
        (Annotated[tuple[str, ...], Field(max_length=1)], [SECRET, SECRET], "list_too_long", {"max": 1}),
        (Annotated[int, Field(ge=1)], 0, "number_too_small", {"min": 1}),
        (Annotated[int, Field(le=9)], 10, "number_too_large", {"max": 9}),
        (int, "9" * 5000, "number_too_large", {}),
        (int, SECRET, "number_expected", {}),
        (int, 1.5, "number_expected", {}),
        (bool, SECRET, "boolean_expected", {}),
        (bool, [], "boolean_expected", {}),
        (str, 7, "text_expected", {}),
        (tuple[str, ...], SECRET, "list_expected", {}),
        (list[str], SECRET, "list_expected", {}),
        (Box, SECRET, "object_expected", {}),
        (dict[str, str], SECRET, "object_expected", {}),
        (Literal["one", "two"], SECRET, "value_unknown", {"allowed": ["one", "two"]}),
        (AwareDatetime, SECRET, "instant_format", {}),
        (AwareDatetime, "2026-11-30T10:12:00", "instant_format", {}),
        (Annotated[str, StringConstraints(pattern="^a$")], SECRET, "field_invalid", {}),
        (date, SECRET, "date_format", {}),
    ],
)
def test_each_kind_of_error_has_its_code_and_the_values_of_its_sentence(
    type_: Any, value: Any, code: str, details: dict[str, Any]
) -> None:
    no = refusal(type_, value)
    ((path, found),) = no.fields.items()
    assert found == code
    assert no.details.get("fields", {}).get(path, {}) == details
    (reported,) = codes.errors_of(no.fields.items(), no.details)
    assert SECRET not in reported["message"]
    if details:  # What says the form expected is told, and not the sentence that does without.
        assert reported["message"] not in CODES[code].alternatives


@pytest.mark.parametrize(("type_", "value"), [(int, "1"), (int, 1.0), (int, True), (bool, "no"), (bool, 1)])
def test_what_only_looks_like_it_is_told_the_same_where_types_are_strict(type_: Any, value: Any) -> None:
    assert refusal(type_, value, strict=True).fields in ({"(body)": "number_expected"}, {"(body)": "boolean_expected"})


@pytest.mark.parametrize(
    ("type_", "value", "code"),
    [
        (Email, "nowhere", "email_format"),
        (Email, "", "field_blank"),
        (Email, 7, "text_expected"),
        (Email, "x@" + "y" * 2_000 + ".fr", "field_too_long"),
        (Phone, "call me", "phone_format"),
        (UserId, "", "user_id_invalid"),
        (RequestId, "two words", "request_id_invalid"),
        (IdentifierType, "SIREN", "identifier_type_unknown"),
        (Profile, "principal", "profile_unknown"),
        (Date, "2026-02-30", "date_format"),
        (Date, "30/11/2026", "date_format"),
    ],
)
def test_a_type_of_ours_tells_what_it_expects_with_an_example(type_: Any, value: Any, code: str) -> None:
    no = refusal(type_, value)
    assert no.fields == {"(body)": code}


def test_a_country_is_told_as_one() -> None:
    assert refusal(AddressInput, {"city": "Paris", "country": "France"}).fields == {"country": "country_unknown"}


@pytest.mark.parametrize("kind", IDENTIFIER_FORMS)
def test_an_identifier_is_told_the_form_of_its_type_and_a_right_example(kind: str) -> None:
    no = refusal(IdentifierInput, {"type": kind, "value": "\u200b"})
    assert no.fields == {"(body)": "identifier_format"}
    form = IDENTIFIER_FORMS[kind]
    (reported,) = codes.errors_of(no.fields.items(), no.details)
    assert reported["details"] == form
    assert form["example"] in reported["message"]
    given = IdentifierInput.model_validate({"type": kind, "value": form["example"]})
    assert given.value == form["example"]


def test_a_validator_that_raises_a_code_of_ours_is_told_by_it_with_the_values_its_sentence_uses() -> None:
    def check(value: str) -> str:
        raise PydanticCustomError("identifier_format", "no", {"expected": "x", "example": "y", "given": value})

    no = refusal(Annotated[str, AfterValidator(check)], SECRET)
    assert no.fields == {"(body)": "identifier_format"}
    assert no.details == {"fields": {"(body)": {"expected": "x", "example": "y"}}}


def test_what_a_type_tells_by_a_code_of_its_own_stays() -> None:
    def check(_: str) -> str:
        raise PydanticCustomError("text_control", "no")

    assert refusal(Annotated[str, AfterValidator(check), coded("email_format")], "x").fields == {
        "(body)": "text_control"
    }


def test_a_value_that_can_not_be_read_is_kept_out_of_the_error_that_says_so() -> None:
    with pytest.raises(ValidationError) as raised:
        TypeAdapter(Annotated[int, coded("number_expected")]).validate_python(SECRET)
    (problem,) = raised.value.errors(include_input=False)
    assert SECRET not in str(problem)


def test_each_field_has_one_code_the_first_and_a_huge_request_a_small_answer() -> None:
    wrong = [{"loc": ("a", "b"), "type": "missing"}, {"loc": ("a", "b"), "type": "string_type"}]
    assert invalid(wrong).fields == {"a.b": "field_required"}
    assert invalid(wrong, inside=1).fields == {"b": "field_required"}
    many = invalid([{"loc": (f"{n}" * 300,), "type": "missing"} for n in range(1000)])
    assert len(many.fields) == 100
    assert max(map(len, many.fields)) == 200


def test_a_whole_request_is_told_field_by_field() -> None:
    body = {"structure": {}, "label": "x" * 101, "email": "x", "billing_mandate": {"start": "soon"}, "parameters": 7}
    assert refusal(ModifyStructure, body).fields == {
        "structure": "structure_reference",
        "label": "field_too_long",
        "email": "email_format",
        "billing_mandate.mandatary": "field_required",
        "billing_mandate.start": "date_format",
        "parameters": "object_expected",
    }


def test_the_codes_of_fields_are_those_of_the_catalogue() -> None:
    assert set(_CODES.values()) <= set(CODES)
