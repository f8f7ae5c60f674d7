"""Checks the identifiers of organisations, by type (rule R8).

For a SIRET, INSEE is the authority and the checksum only an early warning: some real ones break Luhn's rule, so only
the shape is refused here, and `siret_checksum_ok` tells the gateway's form whether to ask « sure? ».
Nobody may hold somebody else's identifier by writing it another way: each has one form, and no sign that is not seen.
Sources: python-stdnum for Luhn, La Poste's exception and VAT numbers; the lengths are those of the French
e-invoicing specification (RIDET 9 to 10, TAHITI 9, others up to 18).
"""

import re
import unicodedata

from stdnum.eu import vat
from stdnum.exceptions import ValidationError
from stdnum.fr import siret

TYPES = ("SIRET", "UE_HORS_FRANCE", "HORS_UE", "RIDET", "TAHITI", "PARTICULIER", "AUTRE")

_SHAPES = {
    "SIRET": re.compile(r"[0-9]{14}"),
    "HORS_UE": re.compile(r"[A-Z]{2}.{1,16}"),
    "RIDET": re.compile(r"[0-9A-Z]{9,10}"),
    "TAHITI": re.compile(r"[0-9A-Z]{9}"),
    "PARTICULIER": re.compile(r".{1,18}"),
    "AUTRE": re.compile(r".{1,18}"),
}


def compact(kind: str, value: str) -> str:
    """Write an identifier the one way it is stored: no outer spaces, no separators in numbers, capitals."""
    value = unicodedata.normalize("NFC", value.strip().upper())
    if kind in {"SIRET", "RIDET", "TAHITI", "UE_HORS_FRANCE"}:
        value = re.sub(r"[\s.\-]", "", value)
    if kind == "UE_HORS_FRANCE":
        try:
            return str(vat.compact(value))  # Each country has separators and leading zeros of its own.
        except ValidationError:
            return value  # No such country: its format is wrong.
    return value


def problem(kind: str, value: str) -> str | None:
    """Return the code of what is wrong with a compacted identifier, or None when its format is right."""
    if kind not in TYPES:
        return "identifier_type_unknown"
    if not value.isprintable():
        return "identifier_format"
    if kind == "UE_HORS_FRANCE":
        if value.startswith("FR"):
            return "identifier_french_vat"
        try:
            return None if len(value) <= 18 and vat.validate(value) else "identifier_format"
        except ValidationError:
            return "identifier_format"
    if kind == "SIRET" and value == "0" * 14:
        return "identifier_format"
    return None if _SHAPES[kind].fullmatch(value) else "identifier_format"


def siret_checksum_ok(value: str) -> bool:
    """Tell whether a SIRET obeys Luhn's rule or La Poste's exception."""
    return bool(siret.is_valid(value))
