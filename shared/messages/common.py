"""Values that several messages carry, and the base of every request."""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from shared import identifiers
from shared.field_codes import IDENTIFIER_FORMS
from shared.fields import told_as
from shared.subjects import LONGEST, is_subject

IdentifierType = Annotated[
    Literal["SIRET", "UE_HORS_FRANCE", "HORS_UE", "RIDET", "TAHITI", "PARTICULIER", "AUTRE"],
    told_as("identifier_type_unknown"),
]

Text100 = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Text255 = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]
Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=254, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$"),
    told_as("email_format"),
]
Phone = Annotated[
    str, StringConstraints(strip_whitespace=True, pattern=r"^\+?[0-9 .()-]{4,25}$"), told_as("phone_format")
]
RequestId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{1,100}$"), told_as("request_id_invalid")]
StructureId = Annotated[int, Field(ge=1, le=2**63 - 1)]


def _user_id(value: str) -> str:
    if not is_subject(value):
        raise PydanticCustomError("user_id_invalid", "it can be nobody's subject")
    return value


UserId = Annotated[
    str,
    StringConstraints(min_length=1, max_length=LONGEST, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$"),
    AfterValidator(_user_id),
    told_as("user_id_invalid"),
]


class Value(BaseModel):
    """A value inside a message: closed, so that a misspelt field is an error and not silence."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Stored(BaseModel):
    """Something stored or published: fields of a newer version are kept, so that writing it back loses nothing."""

    model_config = ConfigDict(extra="allow", frozen=True)


class Request(Value):
    """What somebody asks for. `type` is the CloudEvents type, such as `structure.modify.v1`."""

    type: ClassVar[str]


class Identifier(Value):
    """An organisation's identifier: its type, and its value without separators."""

    type: IdentifierType
    value: Annotated[str, StringConstraints(max_length=40)]

    @model_validator(mode="before")
    @classmethod
    def _compact(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("value"), str) and isinstance(data.get("type"), str):
            return {**data, "value": identifiers.compact(data["type"], data["value"])}
        return data

    @model_validator(mode="after")
    def _format(self) -> Self:
        if code := identifiers.problem(self.type, self.value):
            raise PydanticCustomError(
                code, "it does not have the format of its type", dict(IDENTIFIER_FORMS[self.type])
            )
        return self

    @property
    def key(self) -> str:
        """Return the unique key of the directory, such as `SIRET:41816609600069`."""
        return f"{self.type}:{self.value}"


class Address(Value):
    """A postal address. `line1` is number and street, `country` an ISO 3166 alpha-2 code."""

    line1: Text255 | None = None
    line2: Text255 | None = None
    postcode: Annotated[str, StringConstraints(strip_whitespace=True, max_length=12)] | None = None
    city: Text100 | None = None
    country: Annotated[str, StringConstraints(pattern="^[A-Z]{2}$"), told_as("country_unknown")] = "FR"


class PersonName(Value):
    """The names of a private individual (identifier type PARTICULIER)."""

    first_name: Text100
    last_name: Text100


class StructureRef(Value):
    """Names a structure: by `id`, or by `identifier` (current or former); one of the two."""

    id: StructureId | None = None
    identifier: Identifier | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.id is None) == (self.identifier is None):
            raise PydanticCustomError("structure_reference", "give either id or identifier")
        return self
