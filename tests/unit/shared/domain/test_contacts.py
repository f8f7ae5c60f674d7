"""E-mail addresses, telephone numbers, postcodes and countries: one form, and nothing else (rule R25)."""

import pytest
from stdnum.eu import vat

from shared.domain import contacts, countries
from shared.domain.texts import Unfit


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("a@b.fr", "a@b.fr"),
        (" a@b.fr\u200b", "a@b.fr"),
        ("Accueil@EXAMPLE.FR", "Accueil@example.fr"),
        ("o'hara+facture@example.ie", "o'hara+facture@example.ie"),
        ("e\u0301mile@exe\u0301mple.fr", "émile@exémple.fr"),
        ("x@xn--exmple-cva.fr", "x@exémple.fr"),
    ],
)
def test_an_address_that_mail_can_reach_has_one_form(given: str, kept: str) -> None:
    assert contacts.email(given) == kept
    assert contacts.email(kept) == kept


@pytest.mark.parametrize(
    "text",
    [
        "<x@y.fr>",
        "Nom <x@y.fr>",
        "a,b@y.fr",
        "a@b.fr, c@d.fr",
        "mailto:x@y.fr",
        "x@y..fr",
        "x@-y.fr",
        "x@y-.fr",
        ".x@y.fr",
        "x.@y.fr",
        "x@y",
        "x@localhost",
        "x@[192.0.2.1]",
        '"x y"@z.fr',
        "x y@z.fr",
        "x@@y.fr",
        "@y.fr",
        "x@",
        "x",
        f"{'x' * 65}@y.fr",
        f"x@{'y' * 64}.fr",
        f"x@{'y.' * 150}fr",
    ],
)
def test_what_mail_can_not_reach_is_no_address(text: str) -> None:
    with pytest.raises(Unfit, match="email_format"):
        contacts.email(text)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("0123456789", "0123456789"),
        ("01 23 45 67 89", "0123456789"),
        ("01\u00a023\u202f45 67 89", "0123456789"),
        ("01.23.45.67.89", "0123456789"),
        ("01-23\u201145/67 89", "0123456789"),
        ("+33 1 23 45 67 89", "+33123456789"),
        ("+33 (0)1 23 45 67 89", "+33123456789"),
        ("(+33) 1 23 45 67 89", "+33123456789"),
        ("0033 1 23 45 67 89", "+33123456789"),
        ("\u202a+33123456789\u202c", "+33123456789"),
        ("3939", "3939"),
        ("(01) 23 45 67 89", "0123456789"),
    ],
)
def test_a_telephone_number_is_kept_as_its_digits(given: str, kept: str) -> None:
    assert contacts.phone(given) == kept
    assert contacts.phone(kept) == kept


@pytest.mark.parametrize("text", ["----", "", "+", "( )", "123", "0" * 16, "1+2345", "appelez-nous", "0123\x004567"])
def test_a_telephone_number_has_digits(text: str) -> None:
    with pytest.raises(Unfit, match="phone_format"):
        contacts.phone(text)


def test_a_french_postcode_has_five_digits_and_others_are_their_country_s() -> None:
    assert contacts.postcode("75 001", "FR") == contacts.postcode("75001\u00a0", "FR") == "75001"
    assert contacts.postcode("sw1a\u00a01aa", "GB") == "SW1A 1AA"
    for wrong in ("7501", "750011", "2A004", "paris"):
        with pytest.raises(Unfit, match="postcode_format"):
            contacts.postcode(wrong, "FR")


def test_a_country_has_one_official_code() -> None:
    assert len(countries.COUNTRIES) == len(set(countries.COUNTRIES)) == 249 + 1
    assert all(countries.is_country(code) for code in ("FR", "GB", "GR", "CW", "XK", "SS", "TL"))
    assert not any(countries.is_country(code) for code in ("UK", "EL", "AN", "ZZ", "QQ", "EU", "SU", "fr", "FRA", ""))


def test_the_european_union_is_that_of_the_vat_numbers() -> None:
    members = {state.upper() for state in vat.MEMBER_STATES} - {"XI"}
    assert members | {"AX"} == countries.EUROPEAN_UNION
    assert set(countries.COUNTRIES) >= countries.EUROPEAN_UNION | countries.IN_SIRENE
