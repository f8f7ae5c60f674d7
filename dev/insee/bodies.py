"""Writes the bodies of the Sirene API 3.11, with its own field names and in its own order."""

from datetime import date, timedelta
from typing import Any

from dev.insee.units import Link, Place, Unit

Body = dict[str, Any]

HIDDEN = "[ND]"
_PERSONAL = (
    "sexeUniteLegale",
    "nomUniteLegale",
    "prenom1UniteLegale",
    "prenomUsuelUniteLegale",
    "sigleUniteLegale",
)
_LOCATING = (
    "complementAdresseEtablissement",
    "numeroVoieEtablissement",
    "typeVoieEtablissement",
    "libelleVoieEtablissement",
    "codePostalEtablissement",
)


def register_says(status: int, message: str) -> Body:
    """Return a body of the register itself."""
    return {"header": {"statut": status, "message": message}}


def gateway_says(status: int, message: str) -> Body:
    """Return a body of the gateway in front of the register."""
    return {"message": message, "http_status_code": status}


def establishment(unit: Unit, *, masked: bool) -> Body:
    """Return the body for one establishment; `masked` hides what the public plan hides."""
    legal, address = _legal_unit(unit), _address(unit.place)
    if masked and unit.diffusion != "O":
        for values, names in ((legal, _PERSONAL), (address, _LOCATING)):
            values.update(dict.fromkeys(names, HIDDEN))
    body = {
        "siren": unit.siren,
        "nic": unit.siret[9:],
        "siret": unit.siret,
        "statutDiffusionEtablissement": unit.diffusion,
        "dateCreationEtablissement": unit.since,
        "trancheEffectifsEtablissement": None,
        "anneeEffectifsEtablissement": None,
        "activitePrincipaleRegistreMetiersEtablissement": None,
        "dateDernierTraitementEtablissement": "2024-05-01T04:12:33.000",
        "etablissementSiege": unit.head_office,
        "nombrePeriodesEtablissement": len(_periods(unit)),
        "uniteLegale": legal,
        "adresseEtablissement": address,
        "adresse2Etablissement": dict.fromkeys(_address(Place())),
        "periodesEtablissement": _periods(unit),
        "activitePrincipaleNAF25Etablissement": None,
    }
    return {**register_says(200, "ok"), "etablissement": body}


def legal_unit(unit: Unit) -> Body:
    """Return the body of `/siren` for the legal unit of an establishment."""
    period = {
        "dateFin": None,
        "dateDebut": unit.since,
        "etatAdministratifUniteLegale": "A" if unit.state == "A" else "C",
        "denominationUniteLegale": unit.name,
        "categorieJuridiqueUniteLegale": unit.category,
        "nicSiegeUniteLegale": unit.siret[9:],
        "changementNicSiegeUniteLegale": False,
    }
    body = {
        "siren": unit.siren,
        "statutDiffusionUniteLegale": unit.diffusion,
        "dateCreationUniteLegale": unit.since,
        "nombrePeriodesUniteLegale": 1,
        "periodesUniteLegale": [period],
    }
    return {**register_says(200, "ok"), "uniteLegale": body}


def successions(links: list[Link]) -> Body:
    """Return the body of `/siret/liensSuccession`."""
    written = [
        {
            "siretEtablissementPredecesseur": link.predecessor,
            "siretEtablissementSuccesseur": link.successor,
            "dateLienSuccession": link.day,
            "transfertSiege": link.head_office_moved,
            "continuiteEconomique": link.continuity,
            "dateDernierTraitementLienSuccession": "2024-05-01T04:12:33.000",
        }
        for link in links
    ]
    header = {"statut": 200, "message": "OK", "total": len(written), "debut": 0, "nombre": len(written)}
    return {"header": header, "liensSuccession": written}


def informations() -> Body:
    """Return the body of `/informations`."""
    names = ("Unités Légales", "Établissements", "Liens de succession")
    return {
        **register_says(200, "OK"),
        "etatService": "UP",
        "etatsDesServices": [{"Collection": name, "etatCollection": "UP"} for name in names],
        "versionService": "3.11.80",
        "journalDesModifications": "simulateur",
        "datesDernieresMisesAJourDesDonnees": [
            {"collection": name, "dateDerniereMiseADisposition": "2024-05-01T08:00:00"} for name in names
        ],
    }


def _legal_unit(unit: Unit) -> Body:
    first, last = unit.person or (None, None)
    return {
        "etatAdministratifUniteLegale": "C" if unit.state == "F" else "A",
        "statutDiffusionUniteLegale": unit.diffusion,
        "dateCreationUniteLegale": unit.since,
        "categorieJuridiqueUniteLegale": unit.category,
        "denominationUniteLegale": unit.name,
        "sigleUniteLegale": None,
        "denominationUsuelle1UniteLegale": None,
        "sexeUniteLegale": "F" if unit.person else None,
        "nomUniteLegale": last,
        "nomUsageUniteLegale": None,
        "prenom1UniteLegale": first,
        "prenomUsuelUniteLegale": first,
        "pseudonymeUniteLegale": None,
        "activitePrincipaleUniteLegale": "84.11Z",
        "nomenclatureActivitePrincipaleUniteLegale": "NAFRev2",
        "caractereEmployeurUniteLegale": None,
        "nicSiegeUniteLegale": unit.siret[9:],
        "dateDernierTraitementUniteLegale": "2024-05-01T04:12:33",
        "categorieEntreprise": None,
        **unit.legal,
    }


def _address(place: Place) -> Body:
    return {
        "complementAdresseEtablissement": place.complement,
        "numeroVoieEtablissement": place.number,
        "indiceRepetitionEtablissement": None,
        "dernierNumeroVoieEtablissement": None,
        "indiceRepetitionDernierNumeroVoieEtablissement": None,
        "typeVoieEtablissement": place.kind,
        "libelleVoieEtablissement": place.street,
        "codePostalEtablissement": place.postcode,
        "libelleCommuneEtablissement": place.city,
        "libelleCommuneEtrangerEtablissement": place.foreign_city,
        "distributionSpecialeEtablissement": None,
        "codeCommuneEtablissement": place.commune,
        "codeCedexEtablissement": None,
        "libelleCedexEtablissement": None,
        "codePaysEtrangerEtablissement": place.country_code,
        "libellePaysEtrangerEtablissement": place.country,
    }


def _periods(unit: Unit) -> list[Body]:
    """Return the periods of an establishment, newest first, future ones included."""
    periods = [_period(unit.since, None, "A", changed=False)]
    if unit.closed_on or unit.state != "A":
        state = "F" if unit.state == "A" else unit.state
        periods = _followed(periods, _period(unit.closed_on, None, state, changed=True))
    if unit.reopened_on:
        periods = _followed(periods, _period(unit.reopened_on, None, "A", changed=True))
    return periods


def _followed(periods: list[Body], newest: Body) -> list[Body]:
    start = newest["dateDebut"]
    end = str(date.fromisoformat(start) - timedelta(1)) if start else None
    return [newest, {**periods[0], "dateFin": end}, *periods[1:]]


def _period(start: str | None, end: str | None, state: str, *, changed: bool) -> Body:
    return {
        "dateFin": end,
        "dateDebut": start,
        "etatAdministratifEtablissement": state,
        "changementEtatAdministratifEtablissement": changed,
        "enseigne1Etablissement": None,
        "denominationUsuelleEtablissement": None,
        "activitePrincipaleEtablissement": "84.11Z",
        "nomenclatureActivitePrincipaleEtablissement": "NAFRev2",
        "caractereEmployeurEtablissement": None,
    }
