"""Messages of the owner `structure`: its requests, and its record as published."""

from datetime import date
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from shared.clock import Instant
from shared.contracts.messages.common import (
    CLOSED,
    Address,
    AddressInput,
    Email,
    Identifier,
    IdentifierInput,
    PersonName,
    PersonNameInput,
    Phone,
    Request,
    RequestId,
    Stored,
    StructureRef,
    Text100,
    Text255,
    UserId,
    Value,
    wrong,
)
from shared.contracts.validation import coded

OWNER = "structure"
Sphere = Literal["state", "public_non_state", "private"]


def _is_a_day(text: str) -> str:
    date.fromisoformat(text)
    return text


Date = Annotated[
    str, StringConstraints(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$"), AfterValidator(_is_a_day), coded("date_format")
]
"""A day that exists, AAAA-MM-JJ."""


class PublicParameters(Stored):
    """How a public structure receives invoices. Every ticked box must be satisfied by a supplier."""

    edi_enabled: bool = False
    service_code_required: bool = False
    legal_commitment_required: bool = False
    legal_commitment_or_service_code_required: bool = False
    payment_status_hidden: bool = False
    moa: bool = Field(default=False, description="receives works invoices as the contracting authority")
    moa_only: bool = Field(default=False, description="receives nothing else; needs `moa`")

    @property
    def is_consistent(self) -> bool:
        """Tell whether the ticked boxes are consistent."""
        return self.moa or not self.moa_only


class PublicParametersInput(PublicParameters):
    """How a public structure receives invoices. Every ticked box must be satisfied by a supplier."""

    model_config = CLOSED

    @model_validator(mode="after")
    def _moa(self) -> Self:
        if not self.is_consistent:
            raise wrong("moa_only_needs_moa")
        return self


class ParametersChange(Value):
    """The boxes to tick or untick; a box left out stays as it is."""

    edi_enabled: bool | None = None
    service_code_required: bool | None = None
    legal_commitment_required: bool | None = None
    legal_commitment_or_service_code_required: bool | None = None
    payment_status_hidden: bool | None = None
    moa: bool | None = None
    moa_only: bool | None = None


class BillingMandate(Stored):
    """Who may bill in the structure's name, from when to when (dates AAAA-MM-JJ, the end excluded or open)."""

    mandatary: Identifier
    start: str
    end: str | None = None
    attachments: tuple[str, ...] = ()


class BillingMandateInput(BillingMandate):
    """Who may bill in the structure's name, from when to when (dates AAAA-MM-JJ, the end excluded or open)."""

    model_config = CLOSED

    mandatary: IdentifierInput
    start: Date
    end: Date | None = None
    attachments: Annotated[tuple[Text100, ...], Field(max_length=50)] = ()

    @model_validator(mode="after")
    def _dates(self) -> Self:
        if self.end is not None and self.end <= self.start:
            raise wrong("mandate_dates")
        return self


class CreateStructure(Request):
    """Register an organisation. What INSEE knows of a SIRET must not be given, save what it hides."""

    type: ClassVar[str] = "structure.create.v1"
    owner: ClassVar[str] = OWNER

    identifier: IdentifierInput
    name: Text255 | None = Field(None, description="raison sociale; from INSEE for a SIRET")
    label: Text100 | None = Field(None, description="libellé chosen by the structure")
    person: PersonNameInput | None = Field(None, description="names of a PARTICULIER")
    address: AddressInput | None = None
    email: Email | None = None
    phone: Phone | None = None
    parameters: PublicParametersInput | None = Field(None, description="public structures only")
    billing_mandate: BillingMandateInput | None = None
    principal: UserId | None = Field(
        None, description="principal manager: named by a technical account, and by an administrator for the State"
    )
    activate: bool = Field(default=False, description="ask for activation at once; it is a second request")

    def partition_key(self, actor: str) -> str:
        """Return the key of its identifier: the structure has no id yet."""
        del actor
        return self.identifier.key

    def reference(self, actor: str) -> dict[str, Any]:
        """Return the identifier."""
        del actor
        return {"structure": {"identifier": self.identifier.named}}


class OfStructure(Request):
    """A request about a structure that exists."""

    owner: ClassVar[str] = OWNER

    structure: StructureRef

    def partition_key(self, actor: str) -> str:
        """Return the key of the structure, as it is named."""
        del actor
        return self.structure.partition_key

    def reference(self, actor: str) -> dict[str, Any]:
        """Return the structure, as it is named."""
        del actor
        return {"structure": self.structure.as_named}


class ModifyStructure(OfStructure):
    """Change the fields given: one left out stays, null empties an optional one, an address is replaced as a whole."""

    type: ClassVar[str] = "structure.modify.v1"

    name: Text255 | None = None
    label: Text100 | None = None
    person: PersonNameInput | None = None
    address: AddressInput | None = None
    email: Email | None = None
    phone: Phone | None = None
    parameters: ParametersChange | None = Field(None, description="public structures only; box by box")
    billing_mandate: BillingMandateInput | None = None


class ActivateStructure(OfStructure):
    """Put an inactive structure into activity."""

    type: ClassVar[str] = "structure.activate.v1"


class DeactivateStructure(OfStructure):
    """Take an active structure out of activity."""

    type: ClassVar[str] = "structure.deactivate.v1"


class UpdateFromInsee(OfStructure):
    """Take over what INSEE says today of a structure with a SIRET: name, address, and its SIRET if that has evolved."""

    type: ClassVar[str] = "structure.update-from-insee.v1"


class CancelRequest(OfStructure):
    """Cancel a pending request of a structure before it takes effect."""

    type: ClassVar[str] = "structure.cancel.v1"

    request_id: RequestId
    actor: UserId | None = Field(None, description="who made that request; whoever cancels, when left out")


class CorrectSphere(OfStructure):
    """Correct the sphere of a structure (administrators)."""

    type: ClassVar[str] = "structure.correct-sphere.v1"

    sphere: Sphere


REQUESTS: tuple[type[Request], ...] = (
    CreateStructure,
    ModifyStructure,
    ActivateStructure,
    DeactivateStructure,
    UpdateFromInsee,
    CancelRequest,
    CorrectSphere,
)


class FormerIdentifier(Identifier):
    """An identifier that a structure had. It still leads to the structure, and is nobody else's (rule R8)."""

    since: Instant | None = None
    until: Instant | None = None


class PendingRequest(Stored):
    """A request that will take effect."""

    request_id: str
    actor: str
    type: str
    accepted_at: Instant
    effective_at: Instant
    fields: tuple[str, ...] = Field((), description="names of the fields it changes")


class StructureRecord(Stored):
    """A structure as published on `structure.state`: the record as it is now."""

    id: int
    version: int
    identifier: Identifier
    former_identifiers: tuple[FormerIdentifier, ...] = Field((), description="the oldest first")
    sphere: Sphere
    legal_category: str | None = None
    sphere_by_insee: Sphere | None = Field(
        None, description="the sphere for which INSEE's legal category speaks, while it is another: for administrators"
    )
    status: Literal["inactive", "active"]
    first_activated_at: Instant | None = None
    created_at: Instant
    name: str | None = None
    label: str | None = None
    person: PersonName | None = None
    address: Address | None = None
    email: str | None = None
    phone: str | None = None
    parameters: PublicParameters | None = None
    billing_mandate: BillingMandate | None = None
    duplicated_from: int | None = None
    duplicated_to: int | None = None
    creator: str
    principal: UserId = Field(description="first principal; later ones are published on `manager.state`")
    pending: tuple[PendingRequest, ...] = ()
    modifiable_fields: tuple[str, ...] = ()
    possible_requests: tuple[str, ...] = Field((), description="what the state allows; rights narrow it")
