"""Reads INSEE's record of an establishment into an answer. Pure: no network, no clock but the time of the response.

The rules follow INSEE's documentation and the State's own clients. The period that covers the day decides
(`periods.py`). Both the establishment's and its legal unit's diffusion statuses count. A value that INSEE hides, does
not have, or writes unreadably is given by hand. Unknown values raise no exception.
"""

import re
from collections.abc import Mapping
from typing import Any

from services.insee_adapter import addresses, days
from services.insee_adapter.fields import clean, hides, inner, objects, shown, text
from services.insee_adapter.periods import Standing, standing
from shared.contracts.messages.insee import InseeAnswer, Restriction, Result

_CEASED = "C"
_FULLY_SHOWN = "O"
_INDIVIDUALS = "1"
# Legal categories of individuals begin with this: 1000 today, others in older records.

_NO_NAME = "SUPPRESSION DU NOM COMMERCIAL"
# Some records hold this sentence where a trade name was taken out.

_NAME = 255
# The limit of a name in our records.

_SIRET = re.compile("[0-9]{14}")
_LEGAL_CATEGORY = re.compile("[0-9]{4}")

_OTHER_NAMES = (
    "denominationUsuelle1UniteLegale",
    "denominationUsuelle2UniteLegale",
    "denominationUsuelle3UniteLegale",
    "sigleUniteLegale",
)
_HIDEABLE = (
    "denominationUniteLegale",
    *_OTHER_NAMES,
    "nomUniteLegale",
    "nomUsageUniteLegale",
    "prenom1UniteLegale",
    "prenomUsuelUniteLegale",
    "pseudonymeUniteLegale",
)


class Unreadable(Exception):
    """INSEE's body does not say what an establishment's state is."""


def establishment(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the one establishment of a body: `etablissement`, or the only one of `etablissements`."""
    found = inner(body, "etablissement")
    several = objects(body, "etablissements")
    if not found and len(several) == 1:
        found = several[0]
    if not found:
        raise Unreadable("no establishment in the body")
    return found


def read(siret: str, body: Mapping[str, Any], as_of: int) -> InseeAnswer:
    """Read the body of a 200. Raises `Unreadable` when it does not say whether the establishment is open."""
    unit = establishment(body)
    answer = _describe(unit, as_of)
    # A proxy that followed a doublon's redirection returns another establishment than the one requested.
    return answer if answer.siret == siret else head_office_moved_to(siret, answer)


def head_office_moved_to(siret: str, target: InseeAnswer) -> InseeAnswer:
    """Return the answer that `siret` is a doublon of the establishment that `target` describes."""
    use = f"Établissement en doublon dans le répertoire Sirene : utiliser {target.siret}"
    return InseeAnswer(
        siret=siret,
        result=Result.MOVED,
        as_of=target.as_of,
        moved_to=target.siret,
        moved_to_result=target.result,
        closes_on=target.closes_on,
        opens_on=target.opens_on,
        message=use if target.result in {Result.ACTIVE, Result.RESTRICTED} else None,
    )


def _describe(unit: Mapping[str, Any], as_of: int) -> InseeAnswer:
    legal = inner(unit, "uniteLegale")
    postal = inner(unit, "adresseEtablissement")
    siret = text(unit, "siret")
    if siret is None or not _SIRET.fullmatch(siret):
        raise Unreadable("no siret in the establishment")
    now = _standing(unit, legal, as_of)
    partial = _is_partial(unit, legal, postal)
    name = _name(legal, partial=partial)
    address = addresses.read(postal, partial=partial)
    by_hand = {"name": name is None, "address": partial or address is None}
    category = shown(legal, "categorieJuridiqueUniteLegale")
    return InseeAnswer(
        siret=siret,
        result=_result(is_open=now.is_open, partial=partial),
        as_of=as_of,
        name=name,
        address=address,
        legal_category=category if category and _LEGAL_CATEGORY.fullmatch(category) else None,
        hidden=tuple(field for field, needed in by_hand.items() if needed),
        restriction=Restriction.PARTIAL if partial and now.is_open else None,
        closed_on=now.closed_on,
        closes_on=now.changes_on if now.is_open else None,
        opens_on=None if now.is_open else now.changes_on,
        head_office=None if now.is_open else _head_office(siret, legal),
        message=" ".join(_remarks(now, postal)) or None,
    )


def _head_office(siret: str, legal: Mapping[str, Any]) -> str | None:
    """Return the head office of the legal unit today, when it is another establishment."""
    found = siret[:9] + (shown(legal, "nicSiegeUniteLegale") or "")
    return found if found != siret and _SIRET.fullmatch(found) else None


def _result(*, is_open: bool, partial: bool) -> Result:
    if not is_open:
        return Result.CLOSED
    return Result.RESTRICTED if partial else Result.ACTIVE


def _standing(unit: Mapping[str, Any], legal: Mapping[str, Any], as_of: int) -> Standing:
    # An establishment's own history counts more than the state of its legal unit, which has no date: a unit whose end
    # is only announced is « ceased » already.
    found = standing(objects(unit, "periodesEtablissement"), days.today(as_of))
    if found is None and (text(legal, "etatAdministratifUniteLegale") or "").upper() == _CEASED:
        return Standing(is_open=False)  # All establishments of a ceased unit are closed.
    if found is None:
        raise Unreadable("the establishment has no known state")
    return found


def _remarks(now: Standing, postal: Mapping[str, Any]) -> list[str]:
    said = []
    if now.changes_on is not None:
        what = "La fermeture" if now.is_open else "L'ouverture"
        said.append(f"{what} de cet établissement est annoncée pour le {days.french(now.changes_on)}.")
    if (country := addresses.unknown_country(postal)) is not None:
        said.append(f"L'INSEE situe cet établissement dans un pays inconnu (« {country} ») : indiquez son adresse.")
    return said


def _is_partial(unit: Mapping[str, Any], legal: Mapping[str, Any], postal: Mapping[str, Any]) -> bool:
    # The two statuses may differ, the private plan shows values that they hide, and INSEE announces new ones. So any
    # other status than « fully shown » is treated as partial.
    statuses = (shown(unit, "statutDiffusionEtablissement"), shown(legal, "statutDiffusionUniteLegale"))
    return (
        any(status is not None and status.upper() != _FULLY_SHOWN for status in statuses)
        or hides(legal, *_HIDEABLE)
        or addresses.is_hidden(postal)
    )


def _name(legal: Mapping[str, Any], *, partial: bool) -> str | None:
    """Return the name to show, cut to the limit of a record.

    With partial diffusion a person's names, and all but the official name of a company, are left out, in the private
    plan too.
    """
    company = _named(legal, "denominationUniteLegale")
    is_person = (shown(legal, "categorieJuridiqueUniteLegale") or "").startswith(_INDIVIDUALS)
    if company and not is_person:
        return clean(company, _NAME)
    if partial:
        return None
    if is_person or shown(legal, "nomUniteLegale"):
        name = _person(legal)
    else:
        name = next((found for field in _OTHER_NAMES if (found := _named(legal, field))), None)
    return clean(name, _NAME) if name else None


def _person(legal: Mapping[str, Any]) -> str | None:
    first = shown(legal, "prenomUsuelUniteLegale") or shown(legal, "prenom1UniteLegale")
    last = shown(legal, "nomUsageUniteLegale") or shown(legal, "nomUniteLegale")
    if last is None:
        return shown(legal, "pseudonymeUniteLegale") or first
    return f"{first} {last}" if first else last


def _named(legal: Mapping[str, Any], field: str) -> str | None:
    name = shown(legal, field)
    return None if name and name.upper() == _NO_NAME else name
