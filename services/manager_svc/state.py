"""The stored states of users and teams, and their records on `manager.state`."""

from collections.abc import Mapping
from typing import Any, Literal

import orjson

from shared.clock import Instant
from shared.contracts.messages.common import Stored
from shared.contracts.messages.manager import MembershipState, Profile
from shared.engine.core.rules import View

USER, TEAM = "user", "structure"
"""Kinds of documents; a team has the id of its structure."""


class UserState(Stored):
    """A user, identified by the subject of their token."""

    id: str
    kind: Literal["person", "technical"]
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    pigp: bool = False
    active: bool = True


class Member(Stored):
    """One member of a team, the principal apart."""

    user: str
    profile: Profile
    state: MembershipState
    since: Instant


class TeamState(Stored):
    """The team of a structure: its one principal and its members."""

    structure_id: int
    sphere: str
    principal: str
    members: tuple[Member, ...] = ()

    def member(self, user: str) -> Member | None:
        """Return a user's membership, whatever its state."""
        return next((m for m in self.members if m.user == user), None)

    def with_member(self, member: Member) -> "TeamState":
        """Return the team with this membership in place of the user's former one."""
        return self.model_copy(update={"members": (*self._others(member.user), member)})

    def without_member(self, user: str) -> "TeamState":
        """Return the team without a user: former memberships are only in the history of its requests."""
        return self.model_copy(update={"members": self._others(user)})

    def _others(self, user: str) -> tuple[Member, ...]:
        # Former members are removed, or a team would grow without limit.
        return tuple(m for m in self.members if m.user != user and m.state != "ended")


MOST_MEMBERS = 500
"""Members of a team at most, besides its principal: a record must stay small enough to be sent."""

State = UserState | TeamState


def user_document(user: str) -> str:
    """Return the id of a user's document."""
    return f"{USER}:{user}"


def team_document(structure_id: int) -> str:
    """Return the id of a team's document."""
    return f"{TEAM}:{structure_id}"


def model(kind: str) -> type[State]:
    """Return the model of a kind of document."""
    return UserState if kind == USER else TeamState


def reference(state: State) -> Mapping[str, Any]:
    """Return the reference to a user or team in outcomes."""
    return {"user": state.id} if isinstance(state, UserState) else {"structure": {"id": state.structure_id}}


def present(view: View[Any]) -> bytes:
    """Return the record published on `manager.state` (shared.contracts.messages.manager: UserRecord, TeamRecord)."""
    state = view.state
    record = state.model_dump(mode="json", exclude_none=True) | {"version": view.version}
    if isinstance(state, TeamState):
        record["members"] = {
            member["user"]: {k: v for k, v in member.items() if k != "user"} for member in record["members"]
        }
    return orjson.dumps(record)
