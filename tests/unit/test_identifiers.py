"""An identifier has one form, so that it can be held by one structure alone (rule R8)."""

import pytest

from shared import identifiers


@pytest.mark.parametrize(
    ("kind", "written", "stored"),
    [
        ("SIRET", " 418 166 096 00069", "41816609600069"),
        ("RIDET", "012.345-678 9", "0123456789"),
        ("UE_HORS_FRANCE", "de 136 695 976", "DE136695976"),
        ("UE_HORS_FRANCE", "DE136,695/976", "DE136695976"),
        ("UE_HORS_FRANCE", "DE136\u2010695976", "DE136695976"),
        ("UE_HORS_FRANCE", "CZ251.238-91", "CZ25123891"),
        ("UE_HORS_FRANCE", "BE403019261", "BE0403019261"),
        ("UE_HORS_FRANCE", "NL4495445B01", "NL004495445B01"),
        ("AUTRE", "e\u0301cole", "\u00c9COLE"),
    ],
)
def test_an_identifier_is_stored_one_way_however_it_is_written(kind: str, written: str, stored: str) -> None:
    assert identifiers.compact(kind, written) == stored
    assert identifiers.compact(kind, stored) == stored
    assert identifiers.problem(kind, stored) is None


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("SIRET", "\u0664\u0661\u0668\u0661\u0666\u0666\u0660\u0669\u0666\u0660\u0660\u0660\u0666\u0669"),
        ("UE_HORS_FRANCE", "ZZ123456789"),
        ("UE_HORS_FRANCE", ""),
        ("AUTRE", "A\u200bB"),
        ("AUTRE", "A\u202eB"),
        ("AUTRE", "A\x00B"),
        ("HORS_UE", "US\x07ACME"),
        ("PARTICULIER", "\u200b"),
    ],
)
def test_what_is_not_seen_or_is_no_digit_is_refused(kind: str, value: str) -> None:
    assert identifiers.problem(kind, identifiers.compact(kind, value)) == "identifier_format"
