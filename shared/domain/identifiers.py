"""The identifiers of organisations, by type (rules R8, R25). Pure.

Each official way of writing one is brought to one canonical form. So nobody can take somebody else's identifier by
writing it another way, and a look-up finds it however it is written. For a SIRET, INSEE is the authority and the
checksum only a warning: some real ones break Luhn's rule, so only a wrong shape is refused here.

Sources: python-stdnum for VAT numbers and Luhn; the arrêté of 9 December 2016 for which identifier an organisation has,
FRWF and 14 characters of the name for Wallis-et-Futuna among them; the registers of Nouvelle-Calédonie (7 digits of
the organisation, 3 of the establishment, the first zero often left out) and of Polynésie française (a letter or a
digit, 5 digits, 3 of the establishment); the French e-invoicing specification for the lengths.
"""

import re
from collections.abc import Iterator, Mapping

from stdnum.eu import vat
from stdnum.exceptions import ValidationError
from stdnum.fr import siren, siret, tva
from stdnum.ie import vat as irish

from shared.domain import texts
from shared.domain.countries import EUROPEAN_UNION, IN_SIRENE, is_country
from shared.domain.texts import Unfit

TYPES = ("SIRET", "UE_HORS_FRANCE", "HORS_UE", "RIDET", "TAHITI", "PARTICULIER", "AUTRE")
LONGEST_WRITTEN = 40
"""Characters of an identifier as somebody writes it, separators included."""

_NUMBERS = frozenset({"SIRET", "RIDET", "TAHITI", "UE_HORS_FRANCE"})
_SHAPES: Mapping[str, re.Pattern[str]] = {
    "SIRET": re.compile(r"(?!0{14})[0-9]{14}"),
    "UE_HORS_FRANCE": re.compile(r"[A-Z]{2}[0-9A-Z+*]{2,16}"),
    "HORS_UE": re.compile(r"[A-Z]{2}.{1,16}"),
    "RIDET": re.compile(r"(?!0{10})[0-9]{10}"),
    "TAHITI": re.compile(r"(?!0{9})[0-9A-Z][0-9]{8}"),
    "PARTICULIER": re.compile(r".{1,18}"),
    "AUTRE": re.compile(r".{1,18}"),
}
_ONCE: Mapping[str, re.Pattern[str]] = {
    **_SHAPES,
    "RIDET": re.compile(r"[0-9A-Z]{9,10}"),
    "TAHITI": re.compile(r"[0-9A-Z]{9}"),
}
"""Forms accepted in the past: structures were registered with them, and a reference may still name them."""
WRITTEN: Mapping[str, str] = {
    "SIRET": r"^([0-9][ .-]?){13}[0-9]$",
    "UE_HORS_FRANCE": r"^[A-Za-z]{2}[ .-]?([0-9A-Za-z+*][ ./-]?){1,15}[0-9A-Za-z]$",
    "HORS_UE": r"^[A-Za-z]{2}.{1,38}$",
    "RIDET": r"^([0-9][ ./-]?){8,9}[0-9]$",
    "TAHITI": r"^[0-9A-Za-z][ ./-]?([0-9][ ./-]?){7}[0-9]$",
}
"""How each number may be written, for the published schemas; unusual spaces and dashes are understood besides."""

_LONG = 10
"""Characters from which on a valid VAT number is not valid by chance: the shortest have four."""
_LETTERS_OF_OLD_IRISH = "ABCDEFGHIJKLMNOPQRSTUVWXYZ+*"


def compact(kind: str, value: str) -> str:
    """Return the canonical form in which an identifier is compared and stored. An invalid one stays invalid."""
    if kind not in _NUMBERS:
        value = texts.folded(value)
        return _outside_the_union(value) if kind == "HORS_UE" else value
    value = texts.without_separators(value)
    if kind == "RIDET" and re.fullmatch(r"[0-9]{9}", value):
        return f"0{value}"
    return _vat(value) if kind == "UE_HORS_FRANCE" else value


def _outside_the_union(value: str) -> str:
    """Return country and name without a separator; Wallis-et-Futuna as the arrêté writes it."""
    found = re.fullmatch(r"(FRWF|WF|[A-Z]{2})[ -]*(.*)", value)
    if found is None:
        return value
    country, name = found.groups()
    return f"FRWF{name[:14].rstrip()}" if country == "WF" else f"{country}{name}"


def _vat(value: str) -> str:
    """Return a VAT number with its country's zeros, Greece as EL, and Ireland's old numbers as its new ones."""
    country = value[:2]
    if value[2:4] == country:
        return value  # Given the country code twice, the library would remove it once and accept the number.
    try:
        value = str(vat.compact(value))
    except ValidationError:
        return value
    if country == "GR":
        return f"EL{value[2:]}"
    return f"IE{irish.convert(value)}" if country == "IE" else value


def problem(kind: str, value: str) -> str | None:
    """Return the code of what is wrong with the identifier of a new structure, compacted; None when it is right."""
    if wrong := _misshapen(kind, value, _SHAPES):
        return wrong
    if kind == "UE_HORS_FRANCE":
        if value.startswith("FR"):
            return "identifier_french_vat"
        return None if value[2:4] != value[:2] and vat.is_valid(value) else "identifier_format"
    if kind == "HORS_UE":
        return _wrong_country(value)
    if kind in {"AUTRE", "PARTICULIER"}:
        return _of_another_type(kind, texts.without_separators(value))
    return None


def reference_problem(kind: str, value: str) -> str | None:
    """Return the code of what is wrong with an identifier, compacted, that refers to an existing structure.

    That structure may have been registered under a rule that has been tightened since.
    """
    return _misshapen(kind, value, _ONCE)


def _misshapen(kind: str, value: str, shapes: Mapping[str, re.Pattern[str]]) -> str | None:
    if kind not in TYPES:
        return "identifier_type_unknown"
    try:
        seen = texts.clean(value)
    except Unfit:
        return "identifier_format"
    return None if seen == value and shapes[kind].fullmatch(value) else "identifier_format"


def _wrong_country(value: str) -> str | None:
    country = value[:2]
    if value.startswith("FRWF"):
        return None if len(value) > len("FRWF") else "identifier_format"
    if country in IN_SIRENE:
        return "identifier_needs_siret"
    if country in EUROPEAN_UNION:
        return "identifier_needs_vat"
    if country in {"NC", "PF"}:
        return "identifier_needs_ridet" if country == "NC" else "identifier_needs_tahiti"
    return None if is_country(country) else "country_unknown"


def _of_another_type(kind: str, number: str) -> str | None:
    """Return the code of an identifier that belongs to another type, which would evade INSEE and its consequences.

    Fourteen digits are a SIRET whatever their checksum, since real ones break it. For a person this is the only check,
    since a person's identifier may have any other shape.
    """
    if re.fullmatch(r"[0-9]{14}", number):
        return "identifier_needs_siret"
    if kind == "PARTICULIER":
        return None
    if re.fullmatch(r"[0-9]{9}", number) and siren.is_valid(number):
        return "identifier_needs_siret"
    if re.fullmatch(r"FR[0-9A-Z]{2}[0-9]{9}", number) and tva.is_valid(number):
        return "identifier_needs_siret"
    if len(number) >= _LONG and vat.is_valid(number):
        return "identifier_needs_vat"
    return None


def keys(kind: str, value: str) -> tuple[str, ...]:
    """Return the unique keys under which a structure with this identifier, compacted, may be stored.

    The first is the current form; the others are of former forms, which had a key of their own.
    """
    return tuple(f"{kind}:{written}" for written in (value, *_once(kind, value)))


def _once(kind: str, value: str) -> Iterator[str]:
    if kind == "RIDET" and value.startswith("0"):
        yield value[1:]
    elif kind == "UE_HORS_FRANCE" and value.startswith("EL"):
        yield f"GR{value[2:]}"
    elif kind == "UE_HORS_FRANCE" and re.fullmatch(r"IE0[0-9]{6}[A-Z]", value):
        yield from (f"IE{value[8]}{sign}{value[3:8]}{value[9]}" for sign in _LETTERS_OF_OLD_IRISH)
    elif kind == "HORS_UE" and value.startswith("FRWF"):
        yield from (f"{country}{value[4:]}" for country in ("FRWF ", "WF", "WF "))
    elif kind == "HORS_UE":
        yield f"{value[:2]} {value[2:]}"


def siret_checksum_ok(value: str) -> bool:
    """Tell whether a SIRET obeys Luhn's rule or La Poste's exception."""
    return bool(siret.is_valid(value))
