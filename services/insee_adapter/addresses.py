"""Makes a postal address of `adresseEtablissement`.

INSEE no longer fills « distribution spéciale » and CEDEX, and its secondary address is always empty: they are not read.
Older records abbreviate the kind of street and number the arrondissements of Paris, Lyon and Marseille; both are
written the way newer ones are, so that a refresh of the register does not look like a change of address.
"""

import re
from collections.abc import Mapping
from typing import Any

from services.insee_adapter.fields import hides, shown
from shared.messages.common import Address

UNKNOWN_COUNTRY = "ZZ"

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

_COUNTRIES = {
    "99101": "DK", "99103": "NO", "99104": "SE", "99105": "FI", "99109": "DE", "99110": "AT", "99122": "PL",
    "99126": "GR", "99127": "IT", "99131": "BE", "99132": "GB", "99134": "ES", "99135": "NL", "99136": "IE",
    "99137": "LU", "99138": "MC", "99139": "PT", "99140": "CH", "99217": "JP", "99216": "CN", "99350": "MA",
    "99351": "TN", "99352": "DZ", "99401": "CA", "99404": "US",
}  # fmt: skip
# From INSEE's code of countries; the ones that companies of the register are in.

_POSTCODES = {"97801": "97150"}
# Saint-Martin has no postcode in the register.

_NUMBERED_CITY = re.compile(r"(PARIS|LYON|MARSEILLE) \d{1,2}(?:ER|E|EME|ÈME)?")

_STREET_FIELDS = (
    "complementAdresseEtablissement",
    "numeroVoieEtablissement",
    "indiceRepetitionEtablissement",
    "dernierNumeroVoieEtablissement",
    "indiceRepetitionDernierNumeroVoieEtablissement",
    "typeVoieEtablissement",
    "libelleVoieEtablissement",
    "codePostalEtablissement",
)


def is_hidden(values: Mapping[str, Any]) -> bool:
    """Tell whether INSEE keeps a part of this address back; it never hides the commune."""
    return hides(values, *_STREET_FIELDS)


def read(values: Mapping[str, Any], *, partial: bool) -> Address:
    """Read an address. With `partial`, street and postcode are left out even where the private plan shows them."""
    code = shown(values, "codePaysEtrangerEtablissement")
    place = _abroad(values, code) if code else _in_france(values)
    if partial:
        return Address(city=place.city, country=place.country)
    complement = shown(values, "complementAdresseEtablissement")
    return Address(
        line1=_street(values),
        line2=" ".join(part for part in (complement, place.line2) if part) or None,
        postcode=place.postcode,
        city=place.city,
        country=place.country,
    )


def _in_france(values: Mapping[str, Any]) -> Address:
    city = shown(values, "libelleCommuneEtablissement")
    numbered = _NUMBERED_CITY.fullmatch(city) if city else None
    postcode = shown(values, "codePostalEtablissement")
    return Address(
        postcode=postcode or _POSTCODES.get(shown(values, "codeCommuneEtablissement") or ""),
        city=numbered[1] if numbered else city,
    )


def _abroad(values: Mapping[str, Any], code: str) -> Address:
    country = _COUNTRIES.get(code, UNKNOWN_COUNTRY)
    named = shown(values, "libellePaysEtrangerEtablissement")
    return Address(
        line2=named if country == UNKNOWN_COUNTRY else None,
        city=shown(values, "libelleCommuneEtrangerEtablissement"),
        country=country,
    )


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
