"""The state of the simulator."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from dev.insee.faults import Fault
from dev.insee.units import LINKS, Link, Unit, invented, known
from dev.insee.window import Window

ACCOUNT = {
    "grant_type": "password",
    "client_id": "structures",
    "client_secret": "client-secret",
    "username": "agent",
    "password": "password",
}
"""The private plan's account, which is valid only in the simulator."""


@dataclass
class Simulator:
    """The establishments and their successions, the quota, the faults, and who may call."""

    api_key: str = "insee-simulator"
    token_seconds: int = 335_000
    units: dict[str, Unit] = field(default_factory=known)
    links: list[Link] = field(default_factory=lambda: list(LINKS))
    window: Window = field(default_factory=Window)
    faults: list[Fault] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    tokens_asked: int = 0

    def find(self, siret: str) -> Unit | None:
        """Return the establishment of a SIRET."""
        return self.units.get(siret) or invented(siret)

    def make_token(self, form: Mapping[str, str]) -> str | None:
        """Return a token for the account; None for other credentials."""
        self.tokens_asked += 1
        if form != ACCOUNT:
            return None
        made = secrets.token_urlsafe(24)
        self.tokens.add(made)
        return made
