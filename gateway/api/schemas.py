"""The responses in the OpenAPI document. Nothing is validated by these models at run time: responses are built from the
read model, and the contract tests compare them with these."""

from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from shared.clock import Instant
from shared.contracts.codes import sentence
from shared.contracts.messages.common import Address, Identifier, IdentifierType, PersonName
from shared.contracts.messages.insee import InseeAnswer
from shared.contracts.messages.manager import Profile
from shared.contracts.messages.structure import (
    BillingMandate,
    FormerIdentifier,
    PendingRequest,
    PublicParameters,
    Sphere,
)

T = TypeVar("T")

RequestStatus = Literal["received", "waiting", "accepted", "rejected", "applied", "failed", "cancelled"]
"""`received` is set by the gateway, until the first outcome of the owner."""
Role = Literal["none", "consultation", "modification", "principal"]


class Page(BaseModel, Generic[T]):
    """One page of a list."""

    items: list[T]
    page: int = Field(description="counts from 1")
    size: int
    total: int = Field(description="number of items in all, counted up to 10,000")
    more: bool = Field(description="whether there are more than `total` says")


class Allowed(BaseModel):
    """The reader's role on a structure, and what they may do."""

    role: Role
    modifiable_fields: list[str] = Field(description="fields that the reader may modify")
    possible_requests: list[str] = Field(description="requests that the reader may make now, such as `activate`")


class StructureBrief(Allowed):
    """A structure in a list."""

    id: int
    version: int
    identifier: Identifier
    name: str | None = Field(None, description="raison sociale")
    label: str | None = Field(None, description="libellé")
    person: PersonName | None = None
    sphere: Sphere
    status: Literal["inactive", "active"]
    address: Address


class Structure(StructureBrief):
    """A structure. Members and administrators see all; others see what the directory shows of a public one."""

    former_identifiers: list[FormerIdentifier] = Field(
        default_factory=list, description="the oldest first; each still leads here"
    )
    parameters: PublicParameters | None = Field(None, description="public structures only")
    duplicated_to: int | None = None
    legal_category: str | None = Field(None, description="members only, as everything below")
    sphere_by_insee: Sphere | None = Field(
        None,
        description="administrators only: the sphere for which INSEE's legal category speaks, while it is another "
        "and none of them has decided",
    )
    first_activated_at: Instant | None = None
    created_at: Instant | None = None
    email: str | None = None
    phone: str | None = None
    billing_mandate: BillingMandate | None = None
    duplicated_from: int | None = None
    creator: str | None = None
    principal: str | None = None
    pending: list[PendingRequest] = Field(
        default_factory=list, description="accepted requests, in the order of their effect"
    )


class WrongField(BaseModel):
    """What is wrong with one field."""

    field: str = Field(description="path of the field, such as `address.city`")
    code: str
    message: str = Field(description="in French")
    details: dict[str, Any] = Field(default_factory=dict, description="values the sentence names")


class Problem(BaseModel):
    """A refusal (RFC 9457). Every code is listed at `/api/v1/codes`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:structures:code:field_not_modifiable",
                    "title": sentence("field_not_modifiable"),
                    "status": 422,
                    "code": "field_not_modifiable",
                    "errors": [
                        {
                            "field": "name",
                            "code": "field_not_modifiable",
                            "message": sentence("field_not_modifiable"),
                        }
                    ],
                    "request_id": "9b2f6f0a-6a39-4a0e-9a43-1d6f0f8b6f4e",
                }
            ]
        }
    )

    type: str
    title: str = Field(description="the code's sentence, in French")
    status: int
    code: str = Field(description="stable")
    details: dict[str, Any] = Field(default_factory=dict, description="values the sentence names")
    errors: list[WrongField] = Field(default_factory=list)
    request_id: str | None = Field(None, description="id of the request that was refused, or may have been sent")
    instance: str | None = Field(None, description="where that request can be read")
    repeated: bool | None = Field(
        None, description="of a request that its owner refused: whether it was sent before, and refused then"
    )


class Transition(BaseModel):
    """One step in the life of a request."""

    status: RequestStatus
    code: str
    message: str = Field(description="in French")
    at: Instant
    effective_at: Instant | None = None


class Request(Transition):
    """A request as it is now."""

    request_id: str
    actor: str = Field(description="who asked")
    owner: str = Field(description="owner of the data it is about, such as `structure`")
    type: str = Field(description="such as `structure.modify.v1`")
    reference: dict[str, Any] = Field(default_factory=dict, description="what it is about: ids and identifiers")
    details: dict[str, Any] = Field(default_factory=dict, description="values the sentence names")
    errors: list[WrongField] = Field(default_factory=list)
    received_at: Instant
    accepted_at: Instant | None = None
    version: int | None = Field(
        None, description="version of the record that shows its effect: give it as `min_version`"
    )
    follow_up: str | None = Field(None, description="id of a second request that this one made")
    part_of: str | None = Field(None, description="of what a request over several structures did here: its id")
    before: dict[str, Any] | None = Field(None, description="what changes, as it was")
    after: dict[str, Any] | None = Field(None, description="what changes, as it is or will be")


class RequestWithSteps(Request):
    """A request, and each step it went through."""

    steps: list[Transition]


class Accepted(Request):
    """The answer to a write."""

    repeated: bool = Field(description="it was sent before: this is the answer of that time")
    links: dict[str, str] = Field(description="paths of the request, its events and its structure")


class Person(BaseModel):
    """A person of a team, by name."""

    user: str
    kind: Literal["person", "technical"] | None = None
    first_name: str | None = None
    last_name: str | None = None


class Member(Person):
    """A member of a team."""

    profile: Profile
    state: Literal["valid"]
    since: Instant


class Team(BaseModel):
    """Who may do what on a structure."""

    structure_id: int
    version: int
    principal: Person
    members: list[Member]
    possible_requests: list[Literal["set", "remove"]]


class User(BaseModel):
    """A user, as administrators see them."""

    id: str
    version: int
    kind: Literal["person", "technical"]
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    pigp: bool
    active: bool


class Me(BaseModel):
    """The caller; the fields from `version` on are as registered, a moment after a first call."""

    id: str
    kind: Literal["person", "technical"]
    administrator: bool
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    version: int | None = None
    pigp: bool | None = None
    active: bool | None = None


class Code(BaseModel):
    """One entry of the catalogue."""

    code: str
    message: str = Field(description="in French; {name} stands for a value of `details`")
    http: int
    alternatives: list[str] = Field(
        default_factory=list, description="sentences used instead when one of those values is missing, in this order"
    )


class LookUp(InseeAnswer):
    """What INSEE says of a SIRET."""

    code: str | None = Field(None, description="why a structure could not be created with it")


__all__ = [
    "Accepted",
    "Code",
    "IdentifierType",
    "LookUp",
    "Me",
    "Page",
    "Problem",
    "Request",
    "RequestStatus",
    "RequestWithSteps",
    "Structure",
    "StructureBrief",
    "Team",
    "User",
]
