"""Reads the links of succession of INSEE's register: who took over from an establishment, and when. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from services.insee_adapter.fields import day, objects, text

MOST = 1_000
"""Links asked for in one call: the most that INSEE gives."""

_SIRET = re.compile("[0-9]{14}")


@dataclass(frozen=True, slots=True)
class Link:
    """One establishment took over from another, wholly or in part. `day` is None when INSEE does not know it."""

    successor: str
    day: date | None = None
    continuity: bool = False
    """« Continuité économique »: the same activity goes on."""
    head_office_moved: bool = False
    """« Transfert de siège »: the head office moved along."""


def query(predecessor: str) -> dict[str, str]:
    """Return the parameters that ask for the successors of an establishment."""
    return {"q": f"siretEtablissementPredecesseur:{predecessor}", "nombre": str(MOST)}


def read(predecessor: str, body: Mapping[str, Any]) -> list[Link]:
    """Return the links from an establishment to others. What can't be read, or leads to itself, says nothing."""
    return [
        Link(
            successor,
            day(link, "dateLienSuccession"),
            link.get("continuiteEconomique") is True,
            link.get("transfertSiege") is True,
        )
        for link in objects(body, "liensSuccession")
        if text(link, "siretEtablissementPredecesseur") == predecessor
        if (successor := text(link, "siretEtablissementSuccesseur")) and _SIRET.fullmatch(successor)
        if successor != predecessor
    ]
