"""Codes of users and teams."""

from collections.abc import Mapping

from shared.contracts.codes.sentences import Code, refused, success

CODES: Mapping[str, Code] = {
    "user_not_found": refused(
        "Aucun compte ne correspond", "demandez à la personne de se connecter d'abord une fois", 404
    ),
    "team_not_found": refused("Aucune structure accessible ne porte cet identifiant", "vérifiez-le", 404),
    "already_member": refused(
        "Cet utilisateur est le gestionnaire principal de la structure", "choisissez un autre utilisateur", 409
    ),
    "not_member": refused("Cet utilisateur n'est pas rattaché à la structure", "vérifiez son identifiant", 409),
    "principal_must_transfer": refused(
        "Le gestionnaire principal ne quitte pas la structure sans transférer son rôle",
        "choisissez d'abord qui le reprend",
        409,
    ),
    "registered": success("L'utilisateur est enregistré.", 202),
    "too_many_members": refused(
        "La structure a déjà {max} utilisateurs rattachés, c'est le plus possible",
        "mettez d'abord fin à un rattachement",
        409,
        ("La structure a déjà trop d'utilisateurs rattachés", "mettez d'abord fin à un rattachement"),
    ),
}
