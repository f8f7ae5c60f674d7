"""INSEE's code and label of a country become an ISO 3166 code, or nothing at all (rule R25)."""

import re

import pytest

from services.insee_adapter import countries

ISO_3166 = set(
    re.findall(
        "[A-Z]{2}",
        """
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC
    CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD
    GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH
    KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW
    MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC
    SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY
    UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
    """,
    )
)
FRENCH = {"BL", "GF", "GP", "MF", "MQ", "NC", "PF", "PM", "RE", "TF", "WF", "YT"}
"""Territories that have an ISO code of their own beside FR: for INSEE they are France, and have communes."""

EUROPEAN_UNION = {
    "99110": "AT", "99131": "BE", "99111": "BG", "99254": "CY", "99116": "CZ", "99109": "DE", "99101": "DK",
    "99106": "EE", "99134": "ES", "99105": "FI", "99126": "GR", "99119": "HR", "99112": "HU", "99136": "IE",
    "99127": "IT", "99108": "LT", "99137": "LU", "99107": "LV", "99144": "MT", "99135": "NL", "99122": "PL",
    "99139": "PT", "99114": "RO", "99104": "SE", "99145": "SI", "99117": "SK",
}  # fmt: skip


def table() -> list[tuple[str, str, str]]:
    """Return code, ISO code and each name of the table's lines."""
    found = []
    for line in countries._TABLE.read_text(encoding="utf-8").splitlines():
        if line.startswith("99"):
            cog, iso, _, names = line.split(",")
            found += [(cog, iso, name) for name in names.split("|")]
    return found


def test_every_country_of_iso_3166_that_insee_knows_and_kosovo_can_be_told() -> None:
    assert {iso for _, iso, _ in table() if iso} == (ISO_3166 - FRENCH) | {"XK"}


def test_all_of_the_european_union_is_told_by_its_code_alone() -> None:
    assert len(EUROPEAN_UNION) == 26, "and France"
    assert {code: countries.iso(code, None) for code in EUROPEAN_UNION} == EUROPEAN_UNION


@pytest.mark.parametrize(("cog", "iso", "name"), table())
def test_each_label_of_insee_beside_its_code_is_read_as_the_table_says(cog: str, iso: str, name: str) -> None:
    assert countries.iso(cog, name) == countries.iso(cog, name.upper()) == (iso or None)


@pytest.mark.parametrize(
    ("code", "label", "iso"),
    [
        # Earlier editions gave a territory the code of its state.
        ("99132", "ROYAUME-UNI", "GB"),
        ("99132", "JERSEY", "JE"),
        ("99132", "GUERNESEY", "GG"),
        ("99132", "MAN (ILE)", "IM"),
        ("99132", "ILE DE MAN", "IM"),
        ("99132", "JERSEY (ROYAUME-UNI)", "JE"),
        ("99132", "ILES ANGLO-NORMANDES", None),
        ("99132", "JERSEY, GUERNESEY", None),
        ("99135", "ARUBA", "AW"),
        ("99135", "CURAÇAO", "CW"),
        ("99135", "PAYS-BAS", "NL"),
        ("99431", "CURACAO", "CW"),
        ("99431", "ANTILLES NEERLANDAISES", None),
        ("99101", "FEROE (ILES)", "FO"),
        ("99103", "SVALBARD et ILE JAN MAYEN", "SJ"),
        ("99404", "PORTO RICO", "PR"),
        ("99404", "ETATS-UNIS", "US"),
        ("99502", "COOK (ILES)", "CK"),
        # One code for several, now too.
        ("99425", "CAIMANES (ILES)", "KY"),
        ("99425", "VIERGES BRITANNIQUES (ILES)", "VG"),
        ("99425", "TERRITOIRES DU ROYAUME-UNI AUX ANTILLES", None),
        ("99432", "VIERGES DES ETATS-UNIS (ILES)", "VI"),
        ("99505", "GUAM", "GU"),
        # Another spelling of one that needs no label.
        ("99239", "COREE (REPUBLIQUE DE)", "KR"),
        ("99312", "CONGO (REPUBLIQUE DEMOCRATIQUE)", "CD"),
        ("99109", "un libellé que personne ne connaît", "DE"),
        # The code and the label tell different countries.
        ("99109", "BELGIQUE", None),
        ("99121", "MONTENEGRO", None),
        # No code that is known: the label alone, if it is a country's.
        (None, "Belgique", "BE"),
        ("BE", "BELGIQUE", "BE"),
        ("99998", "ST. MARIN", "SM"),
        ("99998", "COTE D’IVOIRE", "CI"),
        (None, "PAYS INCONNU", None),
    ],
)
def test_the_label_decides_between_territories(code: str | None, label: str, iso: str | None) -> None:
    assert countries.iso(code, label) == iso


@pytest.mark.parametrize("code", ["99161", "99425", "99427", "99431", "99432", "99505", "99115", "99998", "", None])
def test_a_code_that_names_no_one_country_tells_nothing_without_a_label(code: str | None) -> None:
    assert countries.iso(code, None) is None
