"""Makes an answer of what INSEE says of an establishment. Pure: no network, no clock.

The reading rules, and the real records behind them, are those of INSEE's documentation and of the State's own clients:
the current period is the one without an end; an establishment closed on the first day of the newest period in which
its state changed; both the establishment's and its legal unit's diffusion statuses count; unknown values never crash.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

from services.insee_adapter import addresses
from services.insee_adapter.fields import day, hides, inner, rows, shown, text
from shared.messages.insee import InseeAnswer, Restriction, Result

_CEASED = "C"
_FULLY_SHOWN = "O"
_INDIVIDUAL = "1000"
_NO_NAME = "SUPPRESSION DU NOM COMMERCIAL"
# Some records hold this sentence where a trade name was taken out.

_PERSON_FIELDS = ("nomUniteLegale", "nomUsageUniteLegale", "prenom1UniteLegale", "prenomUsuelUniteLegale")


class Unreadable(Exception):
    """INSEE's body does not tell what an establishment's state is."""


def establishment(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the one establishment of a body: `etablissement`, or the only one of `etablissements`."""
    found = inner(body, "etablissement")
    several = rows(body, "etablissements")
    if not found and len(several) == 1:
        found = several[0]
    if not found:
        raise Unreadable("no establishment in the body")
    return found


def read(siret: str, body: Mapping[str, Any], as_of: int) -> InseeAnswer:
    """Read the body of a 200. Raises `Unreadable` when it does not say whether the establishment is open."""
    unit = establishment(body)
    answer = _describe(unit, as_of)
    # A proxy that followed a doublon's redirection gives another establishment than the one that was asked for.
    return answer if answer.siret == siret else moved(siret, answer)


def moved(siret: str, target: InseeAnswer) -> InseeAnswer:
    """Say that `siret` is a doublon of the establishment that `target` describes."""
    return InseeAnswer(
        siret=siret,
        result=Result.MOVED,
        as_of=target.as_of,
        moved_to=target.siret,
        moved_to_result=target.result,
        message=f"Établissement en doublon dans le répertoire Sirene : utiliser {target.siret}",
    )


def _describe(unit: Mapping[str, Any], as_of: int) -> InseeAnswer:
    legal = inner(unit, "uniteLegale")
    postal = inner(unit, "adresseEtablissement")
    siret = text(unit, "siret")
    if siret is None or len(siret) != 14 or not siret.isdecimal():
        raise Unreadable("no siret in the establishment")
    is_open = _is_open(unit)
    partial = _is_partial(unit, legal, postal)
    name = _name(legal, partial=partial)
    hidden = tuple(field for field, kept in (("name", name is None), ("address", partial)) if kept)
    return InseeAnswer(
        siret=siret,
        result=_result(is_open=is_open, partial=partial),
        as_of=as_of,
        name=name,
        address=addresses.read(postal, partial=partial),
        legal_category=shown(legal, "categorieJuridiqueUniteLegale"),
        hidden=hidden,
        restriction=Restriction.PARTIAL if partial and is_open else None,
        closed_on=None if is_open else _closed_on(unit),
    )


def _result(*, is_open: bool, partial: bool) -> Result:
    if not is_open:
        return Result.CLOSED
    return Result.RESTRICTED if partial else Result.ACTIVE


def _is_open(unit: Mapping[str, Any]) -> bool:
    periods = rows(unit, "periodesEtablissement")
    current = next((p for p in periods if p.get("dateFin") is None), periods[0] if periods else {})
    match text(current, "etatAdministratifEtablissement"):
        case "A":
            return True
        case "F":
            return False
    # Without a state of its own, only a ceased legal unit says something: all its establishments are closed.
    if text(inner(unit, "uniteLegale"), "etatAdministratifUniteLegale") == _CEASED:
        return False
    raise Unreadable("the establishment has no known state")


def _closed_on(unit: Mapping[str, Any]) -> date | None:
    # A later correction may add a second closed period: the closing is where the state changed, not where the current
    # period starts. Periods come newest first.
    for period in rows(unit, "periodesEtablissement"):
        if period.get("changementEtatAdministratifEtablissement") is True:
            return day(period, "dateDebut")
    return None


def _is_partial(unit: Mapping[str, Any], legal: Mapping[str, Any], postal: Mapping[str, Any]) -> bool:
    # The two statuses may differ, the private plan shows what they hide, and INSEE announces new ones: everything but
    # « fully shown » is treated as partial.
    statuses = (shown(unit, "statutDiffusionEtablissement"), shown(legal, "statutDiffusionUniteLegale"))
    return (
        any(status not in {None, _FULLY_SHOWN} for status in statuses)
        or hides(legal, "denominationUniteLegale", *_PERSON_FIELDS)
        or addresses.is_hidden(postal)
    )


def _name(legal: Mapping[str, Any], *, partial: bool) -> str | None:
    """Return the name to show; a person's is kept back with the rest of what partial diffusion hides."""
    company = shown(legal, "denominationUniteLegale")
    is_person = shown(legal, "categorieJuridiqueUniteLegale") == _INDIVIDUAL
    if company and not is_person:
        return company
    if is_person or shown(legal, "nomUniteLegale"):
        if partial:
            return None
        first = shown(legal, "prenomUsuelUniteLegale") or shown(legal, "prenom1UniteLegale")
        last = shown(legal, "nomUsageUniteLegale") or shown(legal, "nomUniteLegale")
        return " ".join(part for part in (first, last) if part) or None
    usual = shown(legal, "denominationUsuelle1UniteLegale")
    return usual if usual != _NO_NAME else None
