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
    # An update from INSEE.
    "already_up_to_date": success("La structure est à jour : l'INSEE donne les mêmes informations.", 202),
    "accepted_with_new_siret": success(
        "Votre demande est prise en compte : l'INSEE a remplacé ce SIRET ; le nouveau vaudra le {effective_at}.",
        202,
        "Votre demande est prise en compte : l'INSEE a remplacé ce SIRET ; le nouveau vaudra à la fin du délai.",
    ),
    "siret_only": refused(
        "Seule une structure identifiée par un SIRET se met à jour depuis l'INSEE", "modifiez-la à la main", 409
    ),
    "siret_changed_since": refused(
        "Le SIRET de la structure n'est plus celui que l'INSEE a décrit", "refaites la demande", 409
    ),
    "successor_none": refused(
        "Cet établissement est fermé à l'INSEE jusqu'au {opens_on}",
        "refaites la demande ce jour-là",
        409,
        (
            "Cet établissement est fermé à l'INSEE depuis le {closed_on}, sans successeur",
            "désactivez la structure, ou créez celle de l'établissement qui convient (le siège est {head_office})",
        ),
        (
            "Cet établissement est fermé à l'INSEE, sans successeur",
            "désactivez la structure, ou créez celle de l'établissement qui convient (le siège est {head_office})",
        ),
        (
            "Cet établissement est fermé à l'INSEE depuis le {closed_on}, sans successeur",
            "désactivez la structure, ou créez celle d'un établissement ouvert",
        ),
        (
            "Cet établissement est fermé à l'INSEE, sans successeur",
            "désactivez la structure, ou créez celle d'un établissement ouvert",
        ),
    ),
    "successor_several": refused(
        "Cet établissement est fermé, et l'INSEE lui donne plusieurs successeurs",
        "créez la structure de celui qui convient, {successors}",
        409,
        "créez la structure de celui qui convient",
    ),
    "successor_other_unit": refused(
        "Cet établissement est fermé, et l'INSEE ne lui donne de successeur que d'une autre entreprise",
        "vérifiez qui reprend l'activité, puis créez sa structure, {successors}",
        409,
        "vérifiez qui reprend l'activité, puis créez sa structure",
    ),
    "successor_cycle": refused(
        "Cet établissement est fermé, et les successions de l'INSEE ramènent à {successors}",
        "demandez à l'INSEE quel établissement continue l'activité",
        409,
        (
            "Cet établissement est fermé, et les successions de l'INSEE tournent en rond",
            "demandez à l'INSEE quel établissement continue l'activité",
        ),
    ),
    "successor_too_far": refused(
        "Cet établissement est fermé, et l'INSEE lui donne trop de successeurs à la suite, jusqu'à {successors}",
        "cherchez le dernier à l'INSEE, puis créez sa structure",
        409,
        (
            "Cet établissement est fermé, et l'INSEE lui donne trop de successeurs à la suite",
            "cherchez le dernier à l'INSEE, puis créez sa structure",
        ),
    ),
    "successor_closed": refused(
        "L'INSEE remplace ce SIRET par {successors}, lui-même fermé",
        "désactivez la structure, ou créez celle d'un établissement ouvert",
        409,
        (
            "L'INSEE remplace ce SIRET par un autre, lui-même fermé",
            "désactivez la structure, ou créez celle d'un établissement ouvert",
        ),
    ),
    "successor_unknown": refused(
        "L'INSEE remplace ce SIRET par {successors}, sans dire s'il est ouvert",
        "vérifiez-le auprès de l'INSEE",
        409,
        (
            "L'INSEE indique que ce SIRET fait double emploi, sans dire lequel le remplace",
            "vérifiez-le auprès de l'INSEE",
        ),
    ),
    "successor_taken": refused(
        "L'INSEE remplace ce SIRET par {successors}, celui d'une autre structure",
        "demandez votre rattachement à son gestionnaire principal, puis désactivez celle-ci",
        409,
        (
            "L'INSEE remplace ce SIRET par celui d'une autre structure",
            "demandez votre rattachement à son gestionnaire principal, puis désactivez celle-ci",
        ),
    ),
    "insee_unavailable": refused(
        "L'INSEE n'a pas répondu à temps, rien n'a été modifié", "refaites la demande plus tard", 503
    ),
    "insee_quota": refused(
        "Trop de recherches INSEE en peu de temps", "réessayez dans {retry_after} s", 429, "réessayez plus tard"
    ),
}
