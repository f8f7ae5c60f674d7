"""An identifier has one form whichever official writing comes, so that one structure holds it (rules R8, R25)."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.domain import identifiers
from shared.domain.countries import COUNTRIES, EUROPEAN_UNION, IN_SIRENE

VAT = """
ATU13585627 BE0403019261 BG175074752 CY10259033P CZ25123891 DE136695976 DK13585628 EE100931558 EL094019245 ESB58378431
ES54362315K EU372022452 FI20774740 HR33392005961 HU12892312 IE0492898F IE6433435OA IT00743110157 LT119511515
LU15027442 LV40003521600 MT11679112 NL004495445B01 PL5261040567 PT501964843 RO18547290 SE556036079301 SI50223054
SK2022749619 XI434031494
"""
SEPARATORS = st.sampled_from(
    ["", " ", "\u00a0", "\u202f", ".", "-", "\u2011", "\u2013", "/", "\u200b", "\ufeff", "\u00ad"]
)
SURROUNDINGS = st.sampled_from(["", " ", "\u00a0", "\u200b", "\ufeff", "\t", "\n", "\u202a", "\u202c", "\u200e"])
FAST = settings(max_examples=300, deadline=None, derandomize=True, database=None)


@st.composite
def written(draw: st.DrawFn, number: str) -> str:
    """Write a number with signs that are seen by nobody, or separate its digits, and in small letters or capitals."""
    inside = "".join(sign + draw(SEPARATORS) for sign in number)
    return draw(SURROUNDINGS) + (inside.lower() if draw(st.booleans()) else inside) + draw(SURROUNDINGS)


def one_form(kind: str, writing: str, form: str) -> None:
    assert identifiers.compact(kind, writing) == form
    assert identifiers.compact(kind, form) == form
    assert identifiers.problem(kind, form) is None
    assert identifiers.reference_problem(kind, form) is None


@FAST
@given(st.data())
def test_a_siret_has_one_form(data: st.DataObject) -> None:
    siret = data.draw(st.from_regex(r"[0-9]{13}[1-9]", fullmatch=True).filter(str.isascii))
    one_form("SIRET", data.draw(written(siret)), siret)


@FAST
@given(st.data())
def test_a_vat_number_has_one_form(data: st.DataObject) -> None:
    number = data.draw(st.sampled_from(VAT.split()))
    alias = number.replace("EL", "GR") if data.draw(st.booleans()) else number
    one_form("UE_HORS_FRANCE", data.draw(written(alias)), number)


@FAST
@given(st.data())
def test_a_ridet_has_one_form(data: st.DataObject) -> None:
    ridet = data.draw(st.from_regex(r"[0-9]{9}[1-9]", fullmatch=True).filter(str.isascii))
    short = ridet[1:] if ridet.startswith("0") and data.draw(st.booleans()) else ridet
    one_form("RIDET", data.draw(written(short)), ridet)


@FAST
@given(st.data())
def test_a_tahiti_number_has_one_form(data: st.DataObject) -> None:
    number = data.draw(st.from_regex(r"[0-9A-Z][0-9]{7}[1-9]", fullmatch=True).filter(str.isascii))
    one_form("TAHITI", data.draw(written(number)), number)


@FAST
@given(st.data())
def test_an_organisation_outside_the_union_has_one_form(data: st.DataObject) -> None:
    outside = sorted({*COUNTRIES} - EUROPEAN_UNION - IN_SIRENE - {"NC", "PF", "WF"})
    country = data.draw(st.sampled_from([*outside, "FRWF"]))
    name = data.draw(st.from_regex(r"[A-Z0-9]([A-Z0-9 .&']{0,10}[A-Z0-9])?", fullmatch=True))
    name = " ".join(name.split())
    between = data.draw(st.sampled_from(["", " ", "  ", "\u00a0", " - "]))
    surrounding = data.draw(SURROUNDINGS.filter(lambda sign: sign not in "\u202a\u202c"))
    one_form(
        "HORS_UE", surrounding + (country + between + name.replace(" ", "\u202f")).lower() + surrounding, country + name
    )


@FAST
@given(st.sampled_from(identifiers.TYPES), st.text(max_size=20))
@example("AUTRE", "e\u034f\u0301")
@example("UE_HORS_FRANCE", "GRGR094019245")
@example("UE_HORS_FRANCE", "ELGR094019245")
@example("HORS_UE", "WF WF EXEMPLE DE SOCIETE ANONYME")
@example("HORS_UE", "FRWF FRWF X")
@example("PARTICULIER", "\u1e9e\u0345\u0390")
def test_writing_it_once_more_changes_nothing(kind: str, value: str) -> None:
    form = identifiers.compact(kind, value)
    assert identifiers.compact(kind, form) == form
    assert identifiers.keys(kind, form)[0] == f"{kind}:{form}"


@pytest.mark.parametrize(
    ("kind", "writing", "form"),
    [
        ("SIRET", " 418 166 096 00069", "41816609600069"),
        ("SIRET", "418166096\u200b00069", "41816609600069"),
        ("SIRET", "\ufeff41816609600069", "41816609600069"),
        ("SIRET", "\u202a41816609600069\u202c", "41816609600069"),
        ("SIRET", "418\u2011166\u2011096\u201100069", "41816609600069"),
        ("SIRET", "418\u00a0166\u00a0096\u202f00069", "41816609600069"),
        ("RIDET", "0711030001", "0711030001"),
        ("RIDET", "711030001", "0711030001"),
        ("RIDET", "0 711 030.001", "0711030001"),
        ("RIDET", "711 030/001", "0711030001"),
        ("TAHITI", "A12345-001", "A12345001"),
        ("TAHITI", "a12345/001", "A12345001"),
        ("TAHITI", "123 456.001", "123456001"),
        ("UE_HORS_FRANCE", "GR094019245", "EL094019245"),
        ("UE_HORS_FRANCE", "EL 94 019 245", "EL094019245"),
        ("UE_HORS_FRANCE", "XI 434 0314 94", "XI434031494"),
        ("UE_HORS_FRANCE", "IE8Z49289F", "IE0492898F"),
        ("UE_HORS_FRANCE", "de 136 695 976", "DE136695976"),
        ("UE_HORS_FRANCE", "DE136,695/976", "DE136695976"),
        ("UE_HORS_FRANCE", "DE136\u2010695976", "DE136695976"),
        ("UE_HORS_FRANCE", "CZ251.238-91", "CZ25123891"),
        ("UE_HORS_FRANCE", "BE403019261", "BE0403019261"),
        ("UE_HORS_FRANCE", "NL4495445B01", "NL004495445B01"),
        ("HORS_UE", "ch exemple sa", "CHEXEMPLE SA"),
        ("HORS_UE", "WF EXEMPLE DE SOCIETE", "FRWFEXEMPLE DE SOC"),
        ("HORS_UE", "FRWF EXEMPLE DE SOC", "FRWFEXEMPLE DE SOC"),
        ("AUTRE", "e\u0301cole", "\u00c9COLE"),
        ("AUTRE", "exemple\u20111\u200b", "EXEMPLE-1"),
        ("PARTICULIER", "l\u2019exemple  n\u00a01", "L'EXEMPLE N 1"),
        ("AUTRE", "l\u2019exemple  n\u00a01", "L'EXEMPLE N 1"),
        ("AUTRE", "\uff21\uff22", "AB"),
    ],
)
def test_an_identifier_is_stored_one_way_however_it_is_written(kind: str, writing: str, form: str) -> None:
    one_form(kind, writing, form)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("SIRET", "4181660960006"),
        ("SIRET", "418166096000690"),
        ("SIRET", "4181660960006X"),
        ("SIRET", "00000000000000"),
        ("SIRET", "\u0664\u0661\u0668\u0661\u0666\u0666\u0660\u0669\u0666\u0660\u0660\u0660\u0666\u0669"),
        ("SIRET", "41816609600069\x00"),
        ("UE_HORS_FRANCE", "ZZ123456789"),
        ("UE_HORS_FRANCE", "DEDE136695976"),
        ("UE_HORS_FRANCE", "GB434031494"),
        ("UE_HORS_FRANCE", ""),
        ("RIDET", "A711030001"),
        ("RIDET", "11030001"),
        ("RIDET", "0000000000"),
        ("TAHITI", "ABCDEFGHI"),
        ("TAHITI", "A1234500"),
        ("HORS_UE", "CH"),
        ("HORS_UE", "FRWF"),
        ("HORS_UE", "CHEXEMPLE DE SOCIETE"),
        ("HORS_UE", "US\x07ACME"),
        ("AUTRE", "A\u202eB"),
        ("AUTRE", "A\x00B"),
        ("AUTRE", "\u202a"),
        ("AUTRE", "A" * 19),
        ("PARTICULIER", "\u200b"),
        ("PARTICULIER", ""),
    ],
)
def test_what_is_no_identifier_of_its_type_is_refused(kind: str, value: str) -> None:
    assert identifiers.problem(kind, identifiers.compact(kind, value)) == "identifier_format"


@pytest.mark.parametrize(
    ("kind", "value", "code"),
    [
        ("UE_HORS_FRANCE", "FR40303265045", "identifier_french_vat"),
        ("HORS_UE", "QQNULLEPART", "country_unknown"),
        ("HORS_UE", "ZZNULLEPART", "country_unknown"),
        ("HORS_UE", "UKEXAMPLE LTD", "country_unknown"),
        ("HORS_UE", "DEMUSTER GMBH", "identifier_needs_vat"),
        ("HORS_UE", "GRPARADEIGMA", "identifier_needs_vat"),
        ("HORS_UE", "FREXEMPLE", "identifier_needs_siret"),
        ("HORS_UE", "REEXEMPLE", "identifier_needs_siret"),
        ("HORS_UE", "NCEXEMPLE", "identifier_needs_ridet"),
        ("HORS_UE", "PFEXEMPLE", "identifier_needs_tahiti"),
        ("SIREN", "418166096", "identifier_type_unknown"),
    ],
)
def test_whose_country_has_a_type_of_its_own_is_told_which(kind: str, value: str, code: str) -> None:
    assert identifiers.problem(kind, identifiers.compact(kind, value)) == code


@pytest.mark.parametrize(
    ("kind", "value", "code"),
    [
        ("AUTRE", "41816609600069", "identifier_needs_siret"),
        ("AUTRE", "418 166 096 00069", "identifier_needs_siret"),
        ("AUTRE", "418-166-096/00069", "identifier_needs_siret"),
        ("AUTRE", "41816609600060", "identifier_needs_siret"),  # Real ones break Luhn's rule too.
        ("AUTRE", "418166096", "identifier_needs_siret"),
        ("AUTRE", "FR40303265045", "identifier_needs_siret"),
        ("AUTRE", "DE 136 695 976", "identifier_needs_vat"),
        ("AUTRE", "GR094019245", "identifier_needs_vat"),
        ("PARTICULIER", "418 166 096 00069", "identifier_needs_siret"),
    ],
)
def test_no_other_type_takes_what_has_a_type_of_its_own(kind: str, value: str, code: str) -> None:
    """Else a SIRET goes round INSEE, and round the rules that follow from what INSEE says."""
    assert identifiers.problem(kind, identifiers.compact(kind, value)) == code


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("AUTRE", "418166097"),  # Nine digits that are no SIREN.
        ("AUTRE", "W751234567"),  # An association's number.
        ("AUTRE", "DEMO-ASSO"),
        ("AUTRE", "RO18"),
        ("AUTRE", "EN COURS 2026"),
        ("PARTICULIER", "418166096"),
        ("PARTICULIER", "1234567890123"),
    ],
)
def test_other_numbers_are_left_alone(kind: str, value: str) -> None:
    assert identifiers.problem(kind, value) is None


@pytest.mark.parametrize(
    ("kind", "once"),
    [
        ("UE_HORS_FRANCE", "GR094019245"),
        ("UE_HORS_FRANCE", "IE8Z49289F"),
        ("RIDET", "711030001"),
        ("HORS_UE", "CH EXEMPLE SA"),
        ("HORS_UE", "WF EXEMPLE"),
        ("HORS_UE", "WFEXEMPLE"),
        ("HORS_UE", "DEMUSTER GMBH"),
        ("RIDET", "ABC711030"),
        ("TAHITI", "ABCDEFGHI"),
        ("AUTRE", "41816609600069"),
    ],
)
def test_what_was_stored_before_can_still_be_named(kind: str, once: str) -> None:
    """By today's writing and by the old one, since both have the same form."""
    form = identifiers.compact(kind, once)
    assert identifiers.reference_problem(kind, form) is None
    assert f"{kind}:{once}" in identifiers.keys(kind, form)


@pytest.mark.parametrize("kind", identifiers.WRITTEN)
def test_the_published_patterns_take_what_is_official(kind: str) -> None:
    official = {
        "SIRET": ["41816609600069", "418 166 096 00069", "418.166.096.00069"],
        "UE_HORS_FRANCE": [*VAT.split(), "BE 0403.019.261", "ES B-58378431", "IE1+23456L"],
        "HORS_UE": ["CHEXEMPLE SA", "ch exemple", "FRWFEXEMPLE"],
        "RIDET": ["0711030001", "711030001", "0 711 030.001", "0711030/001"],
        "TAHITI": ["A12345001", "A12345-001", "123456/001", "123 456 001"],
    }
    assert [w for w in official[kind] if not re.search(identifiers.WRITTEN[kind], w)] == []


def test_a_checksum_is_an_early_warning_and_la_poste_has_its_own() -> None:
    assert identifiers.siret_checksum_ok("41816609600069")
    assert identifiers.siret_checksum_ok("35600000049837")
    assert not identifiers.siret_checksum_ok("41816609600060")
