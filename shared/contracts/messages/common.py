"""Values that several messages carry, and the base of every request.

Input is validated once, when it comes in (`…Input`). Stored and published data are read as they are, since they may
have been accepted under older rules. The rule for texts (R25) is in `shared.domain.texts`.
"""

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal, Self, cast

import orjson
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from shared.contracts.codes.fields import IDENTIFIER_FORMS
from shared.contracts.validation import coded
from shared.domain import contacts, countries, identifiers, texts
from shared.domain.subjects import LONGEST, is_subject
from shared.domain.texts import Unfit

LARGEST_INTEGER = 2**53 - 1
"""The largest integer that readers who parse JSON numbers as floating point, as JavaScript does, keep exactly."""


_LONGEST_LOOKED_AT = 1_000
"""Characters of a text that are examined: a longer one is refused for its length, which costs nothing."""


def wrong(code: str, **values: str) -> PydanticCustomError:
    """Return the validation error that carries one of our codes, with the values of its sentence."""
    return PydanticCustomError(cast("Any", code), cast("Any", code), values)


def _wrong_identifier(code: str, kind: str) -> PydanticCustomError:
    return wrong(code, **(IDENTIFIER_FORMS[kind] if code == "identifier_format" else {}))


def _rule(rule: Callable[[str], str]) -> BeforeValidator:
    """Return the validator that applies a rule of the domain to a text; other types are left to pydantic to refuse."""

    def check(value: Any) -> Any:
        if not isinstance(value, str) or len(value) > _LONGEST_LOOKED_AT:
            return value
        try:
            return rule(value)
        except Unfit as error:
            raise wrong(error.code) from error

    return BeforeValidator(check)


def _country(code: str) -> str:
    code = texts.clean(code)
    if not countries.is_country(code):
        raise Unfit("country_unknown")
    return code


def _name(name: str) -> str:
    """Return a name that is compared character by character. Trimming would change it: what is invisible is refused."""
    if not name.isprintable():
        raise Unfit("text_control")
    if not is_subject(name):
        raise Unfit("user_id_invalid")
    return name


HOUSE_RULE = _rule(texts.clean)

IdentifierType = Annotated[
    Literal["SIRET", "UE_HORS_FRANCE", "HORS_UE", "RIDET", "TAHITI", "PARTICULIER", "AUTRE"],
    coded("identifier_type_unknown"),
]

Text12 = Annotated[str, StringConstraints(min_length=1, max_length=12), HOUSE_RULE]
Text100 = Annotated[str, StringConstraints(min_length=1, max_length=100), HOUSE_RULE]
Text255 = Annotated[str, StringConstraints(min_length=1, max_length=255), HOUSE_RULE]
Email = Annotated[
    str,
    StringConstraints(max_length=contacts.LONGEST_EMAIL),
    _rule(contacts.email),
    WithJsonSchema(
        {
            "type": "string",
            "format": "email",
            "pattern": r"^[^@\s]+@[^@\s]+\.[^@\s]+$",
            "maxLength": contacts.LONGEST_EMAIL,
            "examples": ["accueil@example.fr"],
        }
    ),
]
Phone = Annotated[
    str,
    StringConstraints(max_length=contacts.LONGEST_PHONE),
    _rule(contacts.phone),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^\+?[0-9 .()/-]{4,40}$",
            "description": "4 to 15 digits, kept without what separates them",
            "examples": ["+33 1 23 45 67 89"],
        }
    ),
]
Country = Annotated[
    str,
    StringConstraints(max_length=2),
    _rule(_country),
    WithJsonSchema({"type": "string", "enum": list(countries.COUNTRIES)}),
]
RequestId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{1,100}$"), coded("request_id_invalid")]
StructureId = Annotated[int, Field(ge=1, le=LARGEST_INTEGER)]
UserId = Annotated[
    str,
    StringConstraints(min_length=1, max_length=LONGEST, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$"),
    _rule(_name),
    coded("user_id_invalid"),
]

CLOSED = ConfigDict(extra="forbid", frozen=True, strict=True, revalidate_instances="never")
"""Input: unknown fields are refused, so that a misspelt field is an error and not silence; types are strict."""


class Value(BaseModel):
    """A value inside a request."""

    model_config = CLOSED


class Stored(BaseModel):
    """Something stored or published: fields of a newer version are kept, so that writing it back loses nothing.

    An input model validated into it becomes its stored form: an `AddressInput` an `Address`.
    """

    model_config = ConfigDict(extra="allow", frozen=True, revalidate_instances="subclass-instances")


class Request(Value):
    """A request. `type` is the CloudEvents type, such as `structure.modify.v1`; `owner` is who decides it."""

    type: ClassVar[str]
    owner: ClassVar[str]

    def partition_key(self, actor: str) -> str:
        """Return the key of its record on Kafka: requests about one entity stay in order."""
        raise NotImplementedError

    def reference(self, actor: str) -> dict[str, Any]:
        """Return what it is about, as the ids and identifiers that the request names."""
        raise NotImplementedError

    @classmethod
    def read(cls, data: Any) -> Self:
        """Validate JSON data as this request, strictly by JSON types: of "1", 1.0 and true none is an integer.

        Raises ValidationError.
        """
        try:
            raw = orjson.dumps(data)
        except orjson.JSONEncodeError:
            return cls.model_validate(data)  # Nested too deep to be written as JSON: no request is, so this refuses it.
        return cls.model_validate_json(raw)


class Identifier(Stored):
    """An organisation's identifier: its type, and its value in that type's canonical form."""

    type: IdentifierType
    value: str

    @property
    def key(self) -> str:
        """Return the unique key of the directory, such as `SIRET:41816609600069`."""
        return f"{self.type}:{self.value}"

    @property
    def named(self) -> dict[str, str]:
        """Return it in the form used in references."""
        return {"type": self.type, "value": self.value}


def _as_written(*kinds: str) -> ConfigDict:
    """Let the published schema say how identifiers of these types may be written."""
    written = [
        {
            "if": {"properties": {"type": {"const": kind}}},
            "then": {"properties": {"value": {"pattern": identifiers.WRITTEN[kind]}}},
        }
        for kind in kinds
    ]
    return ConfigDict(json_schema_extra={"allOf": cast("Any", written)})


class IdentifierRef(Identifier):
    """Names a structure by a current or former identifier, however it is written."""

    model_config = {**CLOSED, **_as_written("SIRET")}

    value: Annotated[str, Field(max_length=identifiers.LONGEST_WRITTEN, json_schema_extra={"minLength": 1})]

    @model_validator(mode="before")
    @classmethod
    def _one_form(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        kind, value = data.get("type"), data.get("value")
        if not (isinstance(kind, str) and isinstance(value, str)) or len(value) > identifiers.LONGEST_WRITTEN:
            return data
        return {**data, "value": identifiers.compact(kind, value)}

    @model_validator(mode="after")
    def _shape(self) -> Self:
        if code := identifiers.reference_problem(self.type, self.value):
            raise _wrong_identifier(code, self.type)
        return self

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the unique keys under which a structure with this identifier may be stored, the current form first."""
        return identifiers.keys(self.type, self.value)


class IdentifierInput(IdentifierRef):
    """The identifier of an organisation: its type, and its value as its register writes it; separators don't matter."""

    model_config = _as_written(*identifiers.WRITTEN)

    @model_validator(mode="after")
    def _meaning(self) -> Self:
        if code := identifiers.problem(self.type, self.value):
            raise _wrong_identifier(code, self.type)
        return self


class Address(Stored):
    """A postal address. `line1` is number and street, `country` an ISO 3166 alpha-2 code, or XK."""

    country: Annotated[str, StringConstraints(pattern="^[A-Z]{2}$")] = "FR"
    line1: Annotated[str, StringConstraints(max_length=255)] | None = None
    line2: Annotated[str, StringConstraints(max_length=255)] | None = None
    postcode: Annotated[str, StringConstraints(max_length=12)] | None = None
    city: Annotated[str, StringConstraints(max_length=100)] | None = None


class AddressInput(Address):
    """A postal address. `line1` is number and street; a French postcode has five digits."""

    model_config = CLOSED

    country: Country = "FR"
    line1: Text255 | None = None
    line2: Text255 | None = None
    postcode: Text12 | None = None
    city: Text100

    @field_validator("postcode")
    @classmethod
    def _postcode(cls, code: str | None, info: ValidationInfo) -> str | None:
        if code is None or "country" not in info.data:
            return code
        try:
            return contacts.postcode(code, info.data["country"])
        except Unfit as error:
            raise wrong(error.code) from error


class PersonName(Stored):
    """The names of a private individual (identifier type PARTICULIER)."""

    first_name: str
    last_name: str


class PersonNameInput(PersonName):
    """The names of a private individual (identifier type PARTICULIER)."""

    model_config = CLOSED

    first_name: Text100
    last_name: Text100


class StructureRef(Value):
    """Names a structure by either `id` or `identifier` (current or former)."""

    id: StructureId | None = None
    identifier: IdentifierRef | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.id is None) == (self.identifier is None):
            raise wrong("structure_reference")
        return self

    @property
    def partition_key(self) -> str:
        """Return the Kafka key of records about this structure."""
        return f"structure:{self.id}" if self.identifier is None else self.identifier.key

    @property
    def as_named(self) -> dict[str, Any]:
        """Return the reference: whichever of the two names the structure here."""
        return {"id": self.id} if self.identifier is None else {"identifier": self.identifier.named}
