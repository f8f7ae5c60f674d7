"""Records in INSEE's own format, as small as a test needs them."""

from typing import Any

SIRET = "41816609600069"


def period(state: str, start: str | None, end: str | None = None, *, changed: bool = False) -> dict[str, Any]:
    return {
        "dateFin": end,
        "dateDebut": start,
        "etatAdministratifEtablissement": state,
        "changementEtatAdministratifEtablissement": changed,
    }


OPEN = [period("A", "2010-03-01")]


def body(
    periods: list[dict[str, Any]] = OPEN,
    *,
    legal: dict[str, Any] | None = None,
    address: dict[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """The body of a 200 for one establishment."""
    unit = {
        "siret": SIRET,
        "statutDiffusionEtablissement": "O",
        "uniteLegale": {
            "statutDiffusionUniteLegale": "O",
            "categorieJuridiqueUniteLegale": "5710",
            "denominationUniteLegale": "OCTO-TECHNOLOGY",
            **(legal or {}),
        },
        "adresseEtablissement": {
            "numeroVoieEtablissement": "34",
            "typeVoieEtablissement": "AVENUE",
            "libelleVoieEtablissement": "DE L'OPERA",
            "codePostalEtablissement": "75002",
            "libelleCommuneEtablissement": "PARIS",
            **(address or {}),
        },
        "periodesEtablissement": periods,
        **more,
    }
    return {"header": {"statut": 200, "message": "ok"}, "etablissement": unit}


PERSON: dict[str, Any] = {
    "categorieJuridiqueUniteLegale": "1000",
    "denominationUniteLegale": None,
    "nomUniteLegale": "EXEMPLE",
    "prenom1UniteLegale": "CAMILLE",
}
