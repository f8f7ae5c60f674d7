"""The actor of a request, as rules know them. Pure: tokens are verified elsewhere."""

from dataclasses import dataclass
from typing import Literal

ADMINISTRATOR = "structures:admin"


@dataclass(frozen=True, slots=True)
class Actor:
    """A person or a technical account. `via` is the system that asks in their name, and was allowed to.

    `client` is the client of the issuer whose token brought the request on Kafka: outcomes are published to it too.
    """

    id: str
    kind: Literal["person", "technical"] = "person"
    scopes: frozenset[str] = frozenset()
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    via: str | None = None
    client: str | None = None

    @property
    def is_administrator(self) -> bool:
        """Tell whether the actor may do what administrators do."""
        return ADMINISTRATOR in self.scopes
