"""Messages of the owner `manager`: users, and who may do what on which structure."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, ValidationError

from shared.clock import Instant
from shared.contracts.messages.common import Email, Request, Stored, StructureId, Text100, UserId
from shared.contracts.validation import coded

Profile = Annotated[Literal["consultation", "modification"], coded("profile_unknown")]
MembershipState = Literal["requested", "valid", "refused", "ended"]


class RegisterUser(Request):
    """Make a user known, with what their token says. Sent by whoever meets them first; the actor is the user."""

    type: ClassVar[str] = "user.register.v1"

    first_name: Text100 | None = None
    last_name: Text100 | None = None
    email: Email | None = None

    @classmethod
    def usable(cls, claims: Mapping[str, str | None]) -> Self:
        """Return what a token tells of its bearer, in the form in which it is kept; what has none is left out."""
        given = {field: value for field, value in claims.items() if value}
        try:
            return cls.read(given)
        except ValidationError as error:
            unusable = {str(problem["loc"][0]) for problem in error.errors(include_input=False)}
            return cls.read({field: value for field, value in given.items() if field not in unusable})


class SetPigp(Request):
    """Say whether a user has a PIGP account (administrators)."""

    type: ClassVar[str] = "user.set-pigp.v1"

    user: UserId
    pigp: bool


class SetActive(Request):
    """Open or close a user's account (administrators)."""

    type: ClassVar[str] = "user.set-active.v1"

    user: UserId
    active: bool


class OpenTeam(Request):
    """Open the team of a new structure with its first principal. The owner itself asks, once it sees the structure."""

    type: ClassVar[str] = "team.open.v1"

    structure_id: StructureId
    principal: UserId
    sphere: str


class FollowSphere(Request):
    """Take over the sphere of a structure. The owner itself asks, once it sees the change."""

    type: ClassVar[str] = "team.follow-sphere.v1"

    structure_id: StructureId
    sphere: str


class AddMember(Request):
    """Attach a user to a structure (its principal)."""

    type: ClassVar[str] = "membership.add.v1"

    structure_id: StructureId
    user: UserId
    profile: Profile


class ChangeProfile(Request):
    """Change the profile of a member (the principal)."""

    type: ClassVar[str] = "membership.change-profile.v1"

    structure_id: StructureId
    user: UserId
    profile: Profile


class RemoveMember(Request):
    """End a membership (the principal)."""

    type: ClassVar[str] = "membership.remove.v1"

    structure_id: StructureId
    user: UserId


REQUESTS: tuple[type[Request], ...] = (RegisterUser, SetPigp, SetActive, AddMember, ChangeProfile, RemoveMember)


class Membership(Stored):
    """A user's tie to a structure."""

    profile: Profile
    state: MembershipState
    since: Instant


class UserRecord(Stored):
    """A user as told on `manager.state`, key `user:<id>`."""

    id: UserId
    version: int
    kind: Literal["person", "technical"]
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    pigp: bool = False
    active: bool = True


class TeamRecord(Stored):
    """The team of a structure as told on `manager.state`, key `structure:<id>`."""

    structure_id: int
    version: int
    sphere: str
    principal: UserId
    members: dict[str, Membership] = Field(default_factory=dict, description="by user id")
