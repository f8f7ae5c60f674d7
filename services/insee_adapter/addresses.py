"""Reads a postal address from `adresseEtablissement`.

The code of its commune says whether an establishment is in France: INSEE gives such a code only there. Beside it may be
the country of a head office abroad, which is ignored (as the State's own sites do). Communes overseas are communes of
France: their country is FR, as on an envelope, and their postcode says the rest.

INSEE no longer fills « distribution spéciale » and CEDEX, and its secondary address is always empty, so they are not
read. Older records abbreviate the kind of street and number the arrondissements of Paris, Lyon and Marseille. Both are
converted to the form of newer records, so that a refresh of the register does not look like a change of address.
"""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from services.insee_adapter import countries
from services.insee_adapter.fields import clean, hides, shown
from shared.contracts.messages.common import Address

_STREETS = {
    "ALL": "ALLEE", "AV": "AVENUE", "BD": "BOULEVARD", "CAR": "CARREFOUR", "CHE": "CHEMIN", "CHS": "CHAUSSEE",
    "CITE": "CITE", "COR": "CORNICHE", "CRS": "COURS", "DOM": "DOMAINE", "DSC": "DESCENTE", "ESP": "ESPLANADE",
    "FG": "FAUBOURG", "GR": "GRANDE RUE", "HAM": "HAMEAU", "HLE": "HALLE", "IMP": "IMPASSE", "LD": "LIEU DIT",
    "LOT": "LOTISSEMENT", "MAR": "MARCHE", "MTE": "MONTEE", "PAS": "PASSAGE", "PL": "PLACE", "PLN": "PLAINE",
    "PLT": "PLATEAU", "PRO": "PROMENADE", "PRV": "PARVIS", "QUA": "QUARTIER", "QUAI": "QUAI", "RES": "RESIDENCE",
    "RLE": "RUELLE", "ROC": "ROCADE", "RPT": "ROND POINT", "RTE": "ROUTE", "SEN": "SENTE", "SQ": "SQUARE",
    "TPL": "TERRE-PLEIN", "TRA": "TRAVERSE", "VLA": "VILLA", "VLGE": "VILLAGE",
}  # fmt: skip

_REPETITIONS = {"B": "BIS", "T": "TER", "Q": "QUATER", "C": "QUINQUIES"}

_POSTCODES = {"97801": "97150"}
# Saint-Martin has no postcode in the register.

_NUMBERED_CITY = re.compile(r"(PARIS|LYON|MARSEILLE) \d{1,2}(?:ER|E|EME|ÈME)?")

_LINE, _CITY, _POSTCODE = 255, 100, 12
# The limits of our addresses. INSEE's own are lower: a longer text is an accident, and cut instead of refused.

_HIDEABLE = (
    "complementAdresseEtablissement",
    "numeroVoieEtablissement",
    "indiceRepetitionEtablissement",
    "dernierNumeroVoieEtablissement",
    "indiceRepetitionDernierNumeroVoieEtablissement",
    "typeVoieEtablissement",
    "libelleVoieEtablissement",
    "codePostalEtablissement",
    "libelleCommuneEtablissement",
    "libelleCommuneEtrangerEtablissement",
)
# INSEE says that it never hides the commune; if it did, there would be no address.


def is_hidden(values: Mapping[str, Any]) -> bool:
    """Tell whether INSEE hides a part of this address."""
    return hides(values, *_HIDEABLE)


def read(values: Mapping[str, Any], *, partial: bool) -> Address | None:
    """Read an address; None when there is none, or none that can be read: it is then given by hand.

    With `partial`, street and postcode are left out even where the private plan shows them.
    """
    country = "FR" if in_france(values) else countries.iso(*_country(values))
    if country is None:
        return None
    place = {"city": clean(_city(values) or "", _CITY), "country": country}
    if not partial:
        place |= {
            "line1": clean(_street(values) or "", _LINE),
            "line2": clean(shown(values, "complementAdresseEtablissement") or "", _LINE),
            "postcode": _postcode(values) or "",
        }
    place = {name: value for name, value in place.items() if value}
    try:
        return Address.model_validate(place) if place.keys() - {"country"} else None
    except ValidationError:
        return None


def unknown_country(values: Mapping[str, Any]) -> str | None:
    """Return INSEE's name of a country that we don't know; None when we know it."""
    if in_france(values) or countries.iso(*_country(values)):
        return None
    code, label = _country(values)
    return clean(label or code or "", _CITY) or None


def in_france(values: Mapping[str, Any]) -> bool:
    """Tell whether an establishment is in France."""
    commune = shown(values, "codeCommuneEtablissement")
    if commune and not countries.knows(commune):
        return True
    return not (shown(values, "libelleCommuneEtrangerEtablissement") or any(_country(values)))


def _country(values: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Return INSEE's code of the country, which may be in the field of the commune's code, and the label."""
    code = shown(values, "codePaysEtrangerEtablissement") or shown(values, "codeCommuneEtablissement")
    return code, shown(values, "libellePaysEtrangerEtablissement")


def _city(values: Mapping[str, Any]) -> str | None:
    in_its_country = shown(values, "libelleCommuneEtablissement")
    if not in_france(values):
        return shown(values, "libelleCommuneEtrangerEtablissement") or in_its_country
    numbered = _NUMBERED_CITY.fullmatch(in_its_country) if in_its_country else None
    return numbered[1] if numbered else in_its_country


def _postcode(values: Mapping[str, Any]) -> str | None:
    postcode = shown(values, "codePostalEtablissement")
    if postcode and len(postcode) > _POSTCODE:
        return None  # A cut postcode would be a wrong one.
    return postcode or _POSTCODES.get(shown(values, "codeCommuneEtablissement") or "")


def _street(values: Mapping[str, Any]) -> str | None:
    number = _number(values, "numeroVoieEtablissement", "indiceRepetitionEtablissement")
    last = _number(values, "dernierNumeroVoieEtablissement", "indiceRepetitionDernierNumeroVoieEtablissement")
    kind = shown(values, "typeVoieEtablissement")
    parts = (
        "-".join(part for part in (number, last) if part),
        _STREETS.get(kind.upper(), kind) if kind else None,
        shown(values, "libelleVoieEtablissement"),
    )
    return " ".join(part for part in parts if part) or None


def _number(values: Mapping[str, Any], number: str, repetition: str) -> str | None:
    again = shown(values, repetition)
    parts = (shown(values, number), _REPETITIONS.get(again.upper(), again) if again else None)
    return " ".join(part for part in parts if part) or None
