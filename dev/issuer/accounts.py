"""The demo accounts. Their passwords are public: the issuer that accepts them runs in development only."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.auth.verifier import ACT_FOR
from shared.domain.actor import ADMINISTRATOR


@dataclass(frozen=True)
class Person:
    """A person who logs in with a password."""

    first_name: str
    last_name: str
    email: str
    scope: str = ""


@dataclass(frozen=True)
class Client:
    """A system that gets tokens with its own secret."""

    scope: str = ""


PASSWORD = "demo"  # noqa: S105 - public on purpose, see above.

PEOPLE: Mapping[str, Person] = {
    "alice": Person("Alice", "Martin", "alice@example.fr"),
    "marc": Person("Marc", "Petit", "marc@example.fr"),
    "chloe": Person("Chloé", "Durand", "chloe@example.fr"),
    "sam": Person("Sam", "Étranger", "sam@example.fr"),
    "admin": Person("Agathe", "Administratrice", "admin@example.fr", ADMINISTRATOR),
}

CLIENTS: Mapping[str, Client] = {
    "gateway": Client(ACT_FOR),
    "facturier": Client(),
    "comptable": Client(),
    "ops": Client(ACT_FOR),
}
