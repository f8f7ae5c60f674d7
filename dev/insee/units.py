"""The establishments that the simulator knows.

There are two kinds. The **real** ones are public facts of the register, as published and quoted by State projects:
public bodies, and difficult cases (closed, doublon, hidden, successions). They are no extract: values that those
sources don't give are filled in or left out, and they are frozen. The **made-up** ones have a SIREN that starts with
000, which INSEE gives to nobody, and obey Luhn's rule; any resemblance is chance. Besides those listed, every valid
SIRET that starts with 0009 is a made-up open commune, so that load tests have as many as they need.

Future days are counted from the day on which the simulator starts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

from stdnum import luhn


@dataclass(frozen=True)
class Place:
    """An address as INSEE stores it."""

    number: str | None = None
    kind: str | None = None
    street: str | None = None
    postcode: str | None = None
    city: str | None = None
    commune: str | None = None
    complement: str | None = None
    foreign_city: str | None = None
    country_code: str | None = None
    country: str | None = None


@dataclass(frozen=True)
class Unit:
    """One establishment with its legal unit.

    `state` is A (open) or F (closed), as of its last period, which may begin on a future day: that is how INSEE enters
    announcements. `reopened_on` adds a period after the closing. `diffusion` is O or P (partial), `person` the first
    and last name of an individual, `legal` fields of the legal unit as INSEE names them. `kept_back` units are answered
    403, those with `doublon_of` 301.
    """

    siret: str
    name: str | None = None
    category: str | None = None
    place: Place = Place()
    person: tuple[str, str] | None = None
    state: str = "A"
    since: str = "2010-01-01"
    closed_on: str | None = None
    reopened_on: str | None = None
    diffusion: str = "O"
    head_office: bool = True
    kept_back: bool = False
    doublon_of: str | None = None
    legal: Mapping[str, Any] = field(default_factory=dict)

    @property
    def siren(self) -> str:
        """Return the SIREN of the legal unit."""
        return self.siret[:9]


@dataclass(frozen=True)
class Link:
    """One establishment handed over to another."""

    predecessor: str
    successor: str
    day: str
    head_office_moved: bool = True
    continuity: bool = True


def made_up_siret(number: int, nic: int = 1) -> str:
    """Return a valid SIRET that nobody has; `number` is at most 99999."""
    siren = f"000{number:05d}"
    siren += luhn.calc_check_digit(siren)
    body = f"{siren}{nic:04d}"
    return body + str(luhn.calc_check_digit(body))


def _commune(number: int, name: str, postcode: str) -> Unit:
    place = Place("1", "PLACE", "DE LA MAIRIE", postcode, name, f"{postcode[:2]}{number:03d}")
    return Unit(made_up_siret(10_000 + number), f"COMMUNE DE {name}", "7210", place)


def _body(number: int, name: str | None, category: str, place: Place, **other: Any) -> Unit:
    return Unit(made_up_siret(number), name, category, place, **other)


def _in_days(days: int) -> str:
    return (date.today() + timedelta(days)).isoformat()  # noqa: DTZ011 - the local day will do.


def _series(number: int, name: str, *establishments: Mapping[str, Any]) -> tuple[Unit, ...]:
    """Return establishments of one legal unit, which lives on whatever becomes of them."""
    alive = {"etatAdministratifUniteLegale": "A"}
    return tuple(
        Unit(
            *(made_up_siret(number, nic), name, "5710", replace(_HERE, number=str(nic))),
            **{"legal": alive, "since": "1990-01-01", **each},
        )
        for nic, each in enumerate(establishments, 1)
    )


def _closed(day: str | None, **other: Any) -> Mapping[str, Any]:
    return {"state": "F", "closed_on": day, "head_office": False, **other}


def _head_office(number: int, nic: int) -> Mapping[str, Any]:
    return {"etatAdministratifUniteLegale": "A", "nicSiegeUniteLegale": made_up_siret(number, nic)[9:]}


_OPEN: Mapping[str, Any] = {}
_PARIS = "75056"
_HERE = Place("3", "RUE", "DES CAS LIMITES", "75012", "PARIS", "75112")

REAL: tuple[Unit, ...] = (
    Unit("13002526500013", "DIRECTION INTERMINISTERIELLE DU NUMERIQUE", "7120",
         Place("20", "AV", "DE SEGUR", "75007", "PARIS 7", "75107"), since="2017-05-24"),
    Unit("21920023500014", "COMMUNE DE CLAMART", "7210",
         Place(None, "PLACE", "MAURICE GUNSBOURG", "92140", "CLAMART", "92023"), since="1983-03-01"),
    Unit("26570134200148", "CENTRE COMMUNAL D'ACTION SOCIALE DE METZ", "7361",
         Place("22", "RUE", "DU WAD BILLY", "57000", "METZ", "57463", complement="22-24")),
    Unit("18003502402369", "CAISSE NATIONALE DE L'ASSURANCE MALADIE", "7381",
         Place(None, None, None, "75020", "PARIS", "75120")),
    Unit("15700033200013", "GENDARMERIE", "7150", kept_back=True),
    Unit("41816609600069", "OCTO-TECHNOLOGY", "5710",
         Place("34", "AVENUE", "DE L'OPERA", "75002", "PARIS", "75102")),
    Unit("35600000000048", "LA POSTE", "5599", Place(city="PARIS", commune=_PARIS)),
    Unit("83951732300011", "RED NEEDLES", "5710", state="F", closed_on="2020-09-01"),
    Unit("49081738400020", "BUSINESS & DECISION CONSULTING", "5710",
         Place(city="PARIS 17", commune="75117"), state="F", closed_on="2011-09-05"),
    Unit("78365263900015", "MUTUELLE CENTRALE ELECTRIQUE", "8210", state="F"),
    Unit("53222169400013", doublon_of="77887067500015"),
    Unit("77887067500015", "ASSOCIATION POPULAIRE JOIE ET SANTE", "9220"),
    Unit("30613890001278", "CHAINE DE SUCCESSIONS", "5710", state="F", closed_on="2021-10-15"),
    Unit("30613890001286", "CHAINE DE SUCCESSIONS", "5710", state="F", closed_on="2022-12-15"),
    Unit("30613890001294", "CHAINE DE SUCCESSIONS", "5710"),
    Unit("38119429900016", "SUCCESSIONS EN BOUCLE", "5710", state="F", closed_on="2010-04-01"),
    Unit("38119429900024", "SUCCESSIONS EN BOUCLE", "5710", state="F", closed_on="2007-04-01"),
    Unit("38119429900065", "SUCCESSIONS EN BOUCLE", "5710", state="F", closed_on="2006-04-01"),
    Unit("04638003600015", "CEDANT", "5710", state="F", closed_on="2026-07-03"),
    Unit("10015623100019", "REPRENEUR", "5710"),
)  # fmt: skip

SUCCESSIONS: tuple[Unit, ...] = (
    *_series(22_001, "A DEMENAGE", _closed("2024-06-30"), _OPEN),
    *_series(22_002, "A DEMENAGE DEUX FOIS", _closed("2019-01-01"), _closed("2021-01-01"), _OPEN),
    *_series(22_003, "S'EST DIVISEE EN DEUX", _closed("2024-06-30"), _OPEN, _OPEN),
    *_series(22_004, "A CEDE UNE PART ET CONTINUE AILLEURS", _closed("2024-06-30"), _OPEN, _OPEN),
    *_series(22_005, "TOURNE EN ROND", _closed("2024-06-30"), _closed("2024-06-30")),
    *_series(22_006, "A DEMENAGE PUIS FERME", _closed("2020-06-30"), _closed("2024-06-30")),
    *_series(22_007, "A DEMENAGE EN UN LIEU TENU SECRET", _closed("2024-06-30"), {"kept_back": True}),
    *_series(22_008, "A DEMENAGE ON NE SAIT OU", _closed("2024-06-30")),
    *_series(22_009, "DEMENAGE SANS CESSE", *(_closed(f"{2000 + year}-01-01") for year in range(12)), _OPEN),
    *_series(22_010, "AVAIT CEDE UNE PART PUIS A FERME", _closed("2024-06-30"), _OPEN),
    *_series(22_011, "SUCCESSION A VENIR", _closed("2024-06-30"), _OPEN),
    *_series(22_012, "FERMEE ON NE SAIT QUAND", _closed(None), _OPEN, _OPEN),
    *_series(22_013, "FERMEE SANS SUCCESSEUR", _closed("2024-06-30", legal=_head_office(22_013, 2)), _OPEN),
    *_series(22_014, "A DEMENAGE CHEZ UN PARTICULIER", _closed("2024-06-30"), {"diffusion": "P"}),
    Unit(made_up_siret(22_015), doublon_of=made_up_siret(22_001)),
    Unit(made_up_siret(22_016), doublon_of=made_up_siret(15_001)),
)  # fmt: skip
"""One legal unit for each way in which INSEE's links may lead on from a closed establishment, the first of its unit."""

MADE_UP: tuple[Unit, ...] = (
    _commune(1, "VALBRUME-LES-BOIS", "01990"),
    _commune(2, "SAINT-AUBIN-DES-ETANGS", "27990"),
    _commune(3, "ROCHEFENDUE", "43990"),
    _commune(4, "PORT-LACAZE", "56990"),
    _commune(5, "VILLENEUVE-D'ARGENS", "83990"),
    _commune(6, "MONTCLAIR-SUR-ISLE", "24990"),
    _commune(7, "L'HAŸ-LES-MARAIS", "85990"),
    _commune(8, "BEAUREGARD-EN-PLAINE", "28990"),
    _body(11_001, "DEPARTEMENT DE LA HAUTE-BRUME", "7220",
          Place("12", "RUE", "DE LA PREFECTURE", "01990", "VALBRUME-LES-BOIS", "01001")),
    _body(11_002, "REGION GRAND LITTORAL", "7230",
          Place("5", "QUAI", "DES CARENES", "56990", "PORT-LACAZE", "56004", complement="HOTEL DE REGION")),
    _body(11_003, "COMMUNAUTE DE COMMUNES DES ETANGS", "7346",
          Place("3", "RTE", "DU MOULIN", "27990", "SAINT-AUBIN-DES-ETANGS", "27002")),
    _body(11_004, "CENTRE COMMUNAL D'ACTION SOCIALE DE ROCHEFENDUE", "7361",
          Place("8", "PL", "DU MARCHE", "43990", "ROCHEFENDUE", "43003")),
    _body(12_001, "MINISTERE DES CONFLUENCES", "7111", Place("1", "RUE", "DES DEUX PONTS", "75004", "PARIS", "75104")),
    _body(12_002, "DIRECTION GENERALE DES PHARES", "7120",
          Place("40", "BD", "DE L'AMER", "75013", "PARIS 13", "75113")),
    _body(12_003, "PREFECTURE DE LA HAUTE-BRUME", "7172",
          Place("2", "RUE", "DE LA PREFECTURE", "01990", "VALBRUME-LES-BOIS", "01001")),
    _body(13_001, "ATELIERS VERLAINE", "5710", Place("17", "RUE", "DU FOUR", "69002", "LYON", "69382")),
    _body(13_002, "BOULANGERIE DES QUATRE VENTS", "5499", Place("9 ", "PL", "DE L'EGLISE", "24990",
          "MONTCLAIR-SUR-ISLE", "24006")),
    _body(13_003, "COMPAGNIE DES EAUX CLAIRES", "5599", Place("120", "AV", "DES SOURCES", "13008", "MARSEILLE 8EME",
          "13208", complement="BATIMENT C")),
    _body(13_004, "ASSOCIATION LES AMIS DU CANAL", "9220", Place("4", "CHE", "DE HALAGE", "85990",
          "L'HAŸ-LES-MARAIS", "85007")),
    _body(13_005, "MEUBLES D'OUTRE-MEUSE", "3120", Place("7", "RUE", "DU PONT", foreign_city="LIEGE",
          country_code="99131", country="BELGIQUE")),
    Unit(made_up_siret(14_001), None, "1000", Place("5", "RUE", "DES LILAS", "43990", "ROCHEFENDUE", "43003"),
         ("CAMILLE", "EXEMPLE"), diffusion="P"),
    Unit(made_up_siret(14_002), None, "1000", Place("11", "IMP", "DU PUITS", "83990", "VILLENEUVE-D'ARGENS", "83005"),
         ("DOMINIQUE", "MODELE"), diffusion="P"),
    Unit(made_up_siret(14_003), None, "1000", Place("2", "RUE", "DU BAC", "56990", "PORT-LACAZE", "56004"),
         ("CLAUDE", "SPECIMEN")),
    _body(14_004, "SOCIETE DISCRETE", "5710", Place("6", "RUE", "BASSE", "28990", "BEAUREGARD-EN-PLAINE", "28008"),
          diffusion="P"),
    _body(14_005, "STATUT ANNONCE", "5710", Place("6", "RUE", "HAUTE", "28990", "BEAUREGARD-EN-PLAINE", "28008"),
          diffusion="M"),
    _body(15_001, "FONDERIES DU NORD", "5710", Place("88", "RUE", "DES FORGES", "59990", "FERRIERES", "59009"),
          state="F", closed_on="2024-03-31"),
    Unit(made_up_siret(15_002), None, "1000", Place("1", "RUE", "DU LAC", "01990", "VALBRUME-LES-BOIS", "01001"),
         ("ALEX", "FICTIF"), state="F", closed_on="2023-06-30", diffusion="P"),
    _body(15_003, "FERMETURE ANNONCEE", "5710", _HERE, state="F", closed_on=_in_days(30)),
    _body(15_004, "REOUVERTURE ANNONCEE", "5710", _HERE, closed_on="2024-02-01", reopened_on=_in_days(30)),
    _body(15_005, "OUVERTURE ANNONCEE", "5710", _HERE, since=_in_days(30)),
    _body(15_006, "ROUVERTE", "5710", _HERE, closed_on="2024-02-01", reopened_on="2025-02-01"),
    _body(15_007, "UNITE CESSEE ETABLISSEMENT OUVERT", "5710", _HERE, legal={"etatAdministratifUniteLegale": "C"}),
    Unit(made_up_siret(16_001), doublon_of=made_up_siret(13_001)),
    Unit(made_up_siret(16_002), doublon_of=made_up_siret(15_001)),
    Unit(made_up_siret(16_003), doublon_of=made_up_siret(16_999)),
    Unit(made_up_siret(17_001), "REGIMENT DU TRAIN", "7150", kept_back=True),
    _body(18_001, "ORGANISME DE CATEGORIE INCONNUE", "9998", Place("3", "SQ", "DES CAS LIMITES", "75012", "PARIS",
          "75112")),
    _body(18_003, "SOCIETE\u202e AU\u200b NOM\tSANS FIN " + "QUI CONTINUE " * 40, "5710", _HERE),
    _body(18_004, None, "9220", _HERE, legal={"sigleUniteLegale": "LES AMIS DU SIGLE"}),
    Unit(made_up_siret(18_005), None, "1000", _HERE, ("ALIX", "EXEMPLE"),
         legal={"nomUsageUniteLegale": "", "prenomUsuelUniteLegale": " ", "prenom1UniteLegale": "ALIX"}),
    _body(20_001, "FIDUCIE DES ILES", "3120", Place("2", "RUE", "DU PORT", foreign_city="SAINT-HELIER",
          country_code="99132", country="JERSEY")),
    _body(20_002, "SOLEIL DU SUD", "3120", Place(foreign_city="ORANJESTAD", country_code="99135", country="ARUBA")),
    _body(20_003, "BANQUE DU GRAND-DUCHE", "3120", Place("8", "AVENUE", "DE LA LIBERTE", foreign_city="LUXEMBOURG",
          country_code="99137", country="LUXEMBOURG")),
    _body(20_004, "COMPTOIR D'UN PAYS NOUVEAU", "3120", Place("1", "RUE", "DU LARGE", foreign_city="PORT-NEUF",
          country_code="99998", country="PAYS NOUVEAU")),
    _body(20_005, "SUCCURSALE D'UNE SOCIETE NEERLANDAISE", "3120", Place("14", "RUE", "DU FOUR", "69002", "LYON",
          "69382", country_code="99135", country="PAYS-BAS")),
    _body(20_006, "RHUMERIE DE LA MONTAGNE", "5710", Place("6", "RUE", "DE LA PLAINE", "97400", "SAINT-DENIS",
          "97411")),
    _body(20_007, "SOCIETE SANS ADRESSE", "5710", Place()),
    _body(18_002, "ETAT INCONNU", "5710", Place(city="PARIS", commune=_PARIS), state="X"),
)  # fmt: skip


def _move(number: int, start: int, to: int, day: str, **other: Any) -> Link:
    return Link(made_up_siret(number, start), made_up_siret(number, to), day, **other)


def _moves(number: int, *days: str) -> tuple[Link, ...]:
    """Return the links of an organisation that moved on each of these days, from its first establishment on."""
    return tuple(_move(number, nic, nic + 1, day) for nic, day in enumerate(days, 1))


LINKS: tuple[Link, ...] = (
    Link("30613890001278", "30613890001286", "2021-10-15"),
    Link("30613890001286", "30613890001294", "2022-12-15"),
    Link("38119429900024", "38119429900016", "2002-04-01"),
    Link("38119429900016", "38119429900024", "2003-10-01"),
    Link("38119429900016", "38119429900065", "2004-09-30"),
    Link("38119429900065", "38119429900016", "2006-04-01"),
    Link("38119429900016", "38119429900024", "2006-10-01"),
    Link("38119429900024", "38119429900016", "2007-04-01"),
    Link("04638003600015", "10015623100019", "2026-07-03", head_office_moved=False),
    Link(made_up_siret(15_001), made_up_siret(13_003), "2024-03-31", head_office_moved=False),
    *_moves(22_001, "2024-06-30"),
    *_moves(22_002, "2019-01-01", "2021-01-01"),
    _move(22_003, 1, 2, "2024-06-30"),
    _move(22_003, 1, 3, "2024-06-30"),
    _move(22_004, 1, 2, "2024-06-30", continuity=False),
    _move(22_004, 1, 3, "2024-06-29"),
    *_moves(22_005, "2024-06-30"),
    _move(22_005, 2, 1, "2024-06-30"),
    *_moves(22_006, "2020-06-30"),
    *_moves(22_007, "2024-06-30"),
    *_moves(22_008, "2024-06-30"),
    *_moves(22_009, *(f"{2000 + year}-01-01" for year in range(12))),
    _move(22_010, 1, 2, "2015-03-01"),
    _move(22_011, 1, 2, _in_days(30)),
    _move(22_012, 1, 2, "2010-05-01"),
    _move(22_012, 1, 3, "2018-05-01"),
    *_moves(22_014, "2024-06-30"),
)

_KNOWN = {unit.siret: unit for unit in (*REAL, *MADE_UP, *SUCCESSIONS)}


def known() -> dict[str, Unit]:
    """Return a copy of all listed establishments, by SIRET."""
    return dict(_KNOWN)


def invented(siret: str) -> Unit | None:
    """Return the made-up commune of a valid SIRET that starts with 0009; None for another."""
    if not siret.startswith("0009") or not luhn.is_valid(siret) or not luhn.is_valid(siret[:9]):
        return None
    name = f"FICTIVE-{siret[4:8]}"
    place = Place("1", "PLACE", "DE LA MAIRIE", "99990", name, "99999")
    return Unit(siret, f"COMMUNE DE {name}", "7210", place, since=date(2010, 1, 1).isoformat())
