"""Codes of what INSEE answers about a SIRET."""

from collections.abc import Mapping

from shared.contracts.codes.sentences import Code, refused, success

CODES: Mapping[str, Code] = {
    "waiting_insee": success("La demande attend la réponse de l'INSEE ; vous n'avez rien à faire.", 202),
    "siret_not_found": refused("L'INSEE ne connaît pas ce SIRET", "vérifiez les 14 chiffres"),
    "siret_closed": refused(
        "Cet établissement est fermé à l'INSEE jusqu'au {opens_on}",
        "refaites la demande ce jour-là, ou indiquez le SIRET d'un établissement ouvert",
        422,
        ("Cet établissement est fermé à l'INSEE depuis le {closed_on}", "indiquez le SIRET d'un établissement ouvert"),
        ("Cet établissement est fermé à l'INSEE", "indiquez le SIRET d'un établissement ouvert"),
    ),
    "siret_moved": refused(
        "L'INSEE remplace ce SIRET par {moved_to}",
        "indiquez celui-ci",
        422,
        ("L'INSEE remplace ce SIRET par un autre", "cherchez-le à l'INSEE"),
    ),
    "siret_moved_closed": refused(
        "L'INSEE remplace ce SIRET par {moved_to}, lui-même fermé",
        "indiquez celui d'un établissement ouvert",
        422,
        ("L'INSEE remplace ce SIRET par un autre, lui-même fermé", "indiquez celui d'un établissement ouvert"),
    ),
    "siret_moved_unknown": refused(
        "L'INSEE indique que ce SIRET fait double emploi, sans dire lequel le remplace", "vérifiez-le auprès de l'INSEE"
    ),
    "insee_unavailable": refused(
        "L'INSEE n'a pas répondu à temps, rien n'a été modifié", "refaites la demande plus tard", 503
    ),
    "insee_quota": refused(
        "Trop de recherches INSEE en peu de temps", "réessayez dans {retry_after} s", 429, "réessayez plus tard"
    ),
}
