"""Codes of structures."""

from collections.abc import Mapping

from shared.contracts.codes.sentences import Code, refused, success

CODES: Mapping[str, Code] = {
    "created": success("La structure est créée ; elle reste inactive jusqu'à son activation.", 202),
    "structure_not_found": refused("Aucune structure accessible ne porte cet identifiant", "vérifiez-le", 404),
    "identifier_taken": refused(
        "Une structure a déjà cet identifiant", "demandez votre rattachement à son gestionnaire principal", 409
    ),
    "already_active": refused("La structure est déjà active", "vous n'avez rien à faire", 409),
    "already_inactive": refused("La structure est déjà inactive", "vous n'avez rien à faire", 409),
    "superseded": refused(
        "Cette structure a été dupliquée et ne peut plus être activée",
        "faites la demande sur la structure {duplicated_to}",
        409,
        "faites la demande sur la nouvelle",
    ),
    "structure_duplicated": refused(
        "Cette structure a été dupliquée",
        "faites la demande sur la structure {duplicated_to}",
        409,
        "faites la demande sur la nouvelle",
    ),
    "state_needs_administrator": refused(
        "Une structure de l'État est créée par un administrateur", "adressez-lui la demande", 403
    ),
    "principal_required": refused("Le gestionnaire principal manque", "indiquez la personne qui le sera"),
    "principal_not_yours": refused(
        "La personne qui crée la structure en est le gestionnaire principal", "retirez le champ « principal »"
    ),
    "principal_not_person": refused(
        "Un compte technique ne peut pas être gestionnaire principal", "indiquez une personne"
    ),
    "pigp_required": refused(
        "Cette personne n'a pas de compte PIGP, obligatoire pour gérer une structure publique hors État",
        "invitez-la à le demander au comptable public",
        409,
    ),
}
