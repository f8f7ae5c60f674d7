"""Messages of the owner `manager`: users, and who may do what on which structure."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, ValidationError

from shared.clock import Instant
from shared.contracts.messages.common import Email, Request, Stored, StructureId, Text100, UserId
from shared.contracts.validation import coded

OWNER = "manager"
Profile = Annotated[Literal["consultation", "modification"], coded("profile_unknown")]
MembershipState = Literal["requested", "valid", "refused", "ended"]


class RegisterUser(Request):
    """Register a user, with what their token says. Sent by the process that sees them first; the actor is the user."""

    type: ClassVar[str] = "user.register.v1"
    owner: ClassVar[str] = OWNER

    first_name: Text100 | None = None
    last_name: Text100 | None = None
    email: Email | None = None

    def partition_key(self, actor: str) -> str:
        """Return the key of the actor, who is the user."""
        return f"user:{actor}"

    def reference(self, actor: str) -> dict[str, Any]:
        """Return the actor, who is the user."""
        return {"user": actor}

    @classmethod
    def usable(cls, claims: Mapping[str, str | None]) -> Self:
        """Return the user's data from a token's claims, in their stored form; unusable ones are left out."""
        claimed = {field: value for field, value in claims.items() if value}
        try:
            return cls.read(claimed)
        except ValidationError as error:
            unusable = {str(problem["loc"][0]) for problem in error.errors(include_input=False)}
            return cls.read({field: value for field, value in claimed.items() if field not in unusable})


class OfUser(Request):
    """A request about a user."""

    owner: ClassVar[str] = OWNER

    user: UserId

    def partition_key(self, actor: str) -> str:
        """Return the key of the user."""
        del actor
        return f"user:{self.user}"

    def reference(self, actor: str) -> dict[str, Any]:
        """Return the user."""
        del actor
        return {"user": self.user}


class OfTeam(Request):
    """A request about the team of a structure."""

    owner: ClassVar[str] = OWNER

    structure_id: StructureId

    def partition_key(self, actor: str) -> str:
        """Return the key of the structure."""
        del actor
        return f"structure:{self.structure_id}"

    def reference(self, actor: str) -> dict[str, Any]:
        """Return the structure."""
        del actor
        return {"structure": {"id": self.structure_id}}


class SetPigp(OfUser):
    """Say whether a user has a PIGP account (administrators)."""

    type: ClassVar[str] = "user.set-pigp.v1"

    pigp: bool


class SetActive(OfUser):
    """Open or close a user's account (administrators)."""

    type: ClassVar[str] = "user.set-active.v1"

    active: bool


class OpenTeam(OfTeam):
    """Create the team of a new structure with its first principal: the owner's own reaction to that record."""

    type: ClassVar[str] = "team.open.v1"

    principal: UserId
    sphere: str


class FollowSphere(OfTeam):
    """Copy the changed sphere of a structure to its team: the owner's own reaction to that record."""

    type: ClassVar[str] = "team.follow-sphere.v1"

    sphere: str


class SetMember(OfTeam):
    """Attach a user to a structure, or change the profile of a member (its principal)."""

    type: ClassVar[str] = "membership.set.v1"

    user: UserId
    profile: Profile


class RemoveMember(OfTeam):
    """End a membership (the principal)."""

    type: ClassVar[str] = "membership.remove.v1"

    user: UserId


REQUESTS: tuple[type[Request], ...] = (RegisterUser, SetPigp, SetActive, SetMember, RemoveMember)


class Membership(Stored):
    """A user's membership of a structure."""

    profile: Profile
    state: MembershipState
    since: Instant


class UserRecord(Stored):
    """A user as published on `manager.state`, key `user:<id>`."""

    id: UserId
    version: int
    kind: Literal["person", "technical"]
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    pigp: bool = False
    active: bool = True


class TeamRecord(Stored):
    """The team of a structure as published on `manager.state`, key `structure:<id>`."""

    structure_id: int
    version: int
    sphere: str
    principal: UserId
    members: dict[str, Membership] = Field(default_factory=dict, description="by user id")
