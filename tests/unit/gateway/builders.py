"""Records as their owners publish them, who reads them, and documents as the read model keeps them."""

from collections.abc import Mapping
from typing import Any

from gateway.projections import manager, structure
from shared.domain.actor import ADMINISTRATOR, Actor
from tests.unit.gateway.mongo import made

SINCE = "2026-01-01T00:00:00.000Z"

READERS: Mapping[str, Actor] = {
    "stranger": Actor("sam"),
    "former member": Actor("gone"),
    "technical account": Actor("facturier", kind="technical"),
    "consultation": Actor("cleo"),
    "modification": Actor("marc"),
    "principal": Actor("alice"),
    "administrator": Actor("agathe", scopes=frozenset({ADMINISTRATOR})),
    "administrator who is a member": Actor("marc", scopes=frozenset({ADMINISTRATOR})),
}
"""Whoever may read a structure, as they stand to it."""

POSSIBLE: Mapping[str, tuple[str, ...]] = {
    "inactive": ("activate", "correct-sphere", "modify", "update-from-insee"),
    "active": ("correct-sphere", "deactivate", "modify", "update-from-insee"),
    "pending": ("cancel", "correct-sphere", "deactivate", "modify", "update-from-insee"),
    "superseded": ("correct-sphere",),
}
"""What the state of a structure allows, as its owner publishes it."""


def structure_record(**fields: Any) -> dict[str, Any]:
    """Return a record of `structure.state`; a field that is None is left out."""
    record = {
        "id": 42,
        "version": 3,
        "identifier": {"type": "AUTRE", "value": "X1"},
        "former_identifiers": [{"type": "AUTRE", "value": "X0", "since": SINCE, "until": SINCE}],
        "sphere": "public_non_state",
        "legal_category": "7210",
        "sphere_by_insee": "state",
        "status": "inactive",
        "first_activated_at": SINCE,
        "created_at": SINCE,
        "name": "Mairie d'Exemple",
        "label": "Siège",
        "address": {"line1": "1 rue Haute", "postcode": "69003", "city": "Lyon", "country": "FR"},
        "email": "contact@example.fr",
        "phone": "0102030405",
        "parameters": {"edi_enabled": True},
        "billing_mandate": {"mandatary": {"type": "AUTRE", "value": "M"}, "start": "2026-01-01"},
        "duplicated_from": 41,
        "duplicated_to": 43,
        "creator": "alice",
        "principal": "alice",
        "pending": [{"request_id": "r", "actor": "marc", "type": "structure.modify.v1", "fields": ["label"]}],
        "modifiable_fields": ["email", "label"],
        "possible_requests": list(POSSIBLE["inactive"]),
        **fields,
    }
    return {name: value for name, value in record.items() if value is not None}


def team_record(**fields: Any) -> dict[str, Any]:
    """Return a record of `manager.state` for the team of structure 42."""
    members = {
        "marc": {"profile": "modification", "state": "valid", "since": SINCE},
        "cleo": {"profile": "consultation", "state": "valid", "since": SINCE},
        "gone": {"profile": "modification", "state": "ended", "since": SINCE},
    }
    return {"structure_id": 42, "version": 2, "sphere": "private", "principal": "alice", "members": members, **fields}


def user_record(**fields: Any) -> dict[str, Any]:
    """Return a record of `manager.state` for a user."""
    return {"id": "alice", "version": 1, "kind": "person", "pigp": False, "active": True, **fields}


def document(**fields: Any) -> dict[str, Any]:
    """Return structure 42 with its team, as the read model keeps them."""
    return made(structure.structure(structure_record(**fields)), manager.team(team_record()))
