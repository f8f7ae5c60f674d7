"""The catalogue of codes: each is stable, has one French sentence that says what is wrong and what to do, and an HTTP
status for the gateway. It is published at `GET /api/v1/codes` and in `docs/contracts/codes.json`.

A sentence may use `{name}` for a value of the outcome's public `details`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Code:
    """A sentence in French, and the HTTP status with which a refusal for this reason is answered."""

    sentence: str
    http: int = 422


CODES: Mapping[str, Code] = {
    # What happened.
    "accepted": Code("Votre demande est prise en compte ; elle sera effective à la date indiquée.", 202),
    "applied": Code("Votre demande est effective.", 200),
    "created": Code("La structure est créée ; elle est inactive tant que son activation n'est pas effective.", 201),
    "nothing_to_change": Code("Rien ne change : les valeurs demandées sont déjà celles de l'enregistrement.", 200),
    "cancelled": Code("La demande est annulée ; elle ne prendra pas effet.", 200),
    "cancellation_done": Code("L'annulation est faite.", 200),
    "waiting_insee": Code("La demande attend la réponse de l'INSEE.", 202),
    "waiting_copy": Code("La demande attend une information d'un autre service.", 202),
    "received": Code("La demande est reçue ; sa décision suivra.", 202),
    # Who asks.
    "token_missing": Code("Aucun jeton : joignez l'en-tête authorization avec « Bearer » et votre jeton.", 401),
    "token_invalid": Code("Le jeton n'est pas valable : demandez-en un nouveau à l'émetteur.", 401),
    "token_expired": Code("Le jeton a expiré : demandez-en un nouveau et renvoyez la demande.", 401),
    "token_audience": Code("Le jeton est destiné à un autre usage : demandez-en un pour cette audience.", 401),
    "act_for_forbidden": Code("Ce compte ne peut pas agir au nom d'un autre : retirez l'acteur désigné.", 403),
    "forbidden": Code("Vous n'avez pas le droit de faire cette demande sur cette structure.", 403),
    "principal_only": Code("Seul le gestionnaire principal peut faire cette demande.", 403),
    "administrator_only": Code("Seul un administrateur peut faire cette demande.", 403),
    "own_account": Code("Vous ne pouvez pas fermer votre propre compte : demandez-le à un autre administrateur.", 409),
    "user_inactive": Code("Ce compte est désactivé : adressez-vous à un administrateur.", 403),
    # The message.
    "message_empty": Code("Le message est vide : envoyez un événement CloudEvents en JSON.", 400),
    "message_unreadable": Code("Le message est illisible : envoyez du JSON en UTF-8.", 400),
    "message_type_missing": Code("Le type manque : indiquez l'attribut CloudEvents « type » (en-tête ce_type).", 400),
    "unsupported_type": Code("Ce type de demande n'existe pas ; voyez la liste des types dans le contrat.", 400),
    "invalid_request": Code("La demande contient des champs incorrects : corrigez ceux qui sont listés.", 422),
    "request_id_invalid": Code("L'identifiant de demande doit avoir 1 à 100 lettres, chiffres, . _ : ou -.", 400),
    "request_id_reused": Code("Cet identifiant a déjà servi à une autre demande : choisissez-en un nouveau.", 409),
    "internal_error": Code("Une erreur de notre fait a empêché de traiter la demande ; elle est signalée.", 500),
    # Fields.
    "field_required": Code("Ce champ est obligatoire."),
    "field_unknown": Code("Ce champ n'existe pas pour cette demande : retirez-le."),
    "instant_to_come": Code("Cette date n'est pas encore passée : donnez-en une qui l'est."),
    "field_invalid": Code("La valeur de ce champ n'a pas la forme attendue."),
    "field_too_long": Code("La valeur de ce champ est trop longue."),
    "field_too_short": Code("La valeur de ce champ est trop courte."),
    "field_not_modifiable": Code("Ce champ n'est pas modifiable : retirez-le de la demande."),
    "identifier_type_unknown": Code("Ce type d'identifiant n'existe pas."),
    "identifier_format": Code("L'identifiant n'a pas le format de son type."),
    "identifier_french_vat": Code("UE_HORS_FRANCE ne concerne pas la France : donnez le SIRET."),
    "structure_reference": Code("Désignez la structure par id ou par identifier, l'un des deux."),
    "moa_only_needs_moa": Code("« MOA uniquement » demande que « MOA » soit coché."),
    "mandate_dates": Code("La fin du mandat doit être postérieure à son début."),
    "parameters_public_only": Code("Les paramètres ne concernent que les structures publiques : retirez-les."),
    "person_names_required": Code("Pour un PARTICULIER, donnez prénom et nom."),
    "person_names_forbidden": Code("Prénom et nom ne concernent que les structures de type PARTICULIER."),
    "name_required": Code("Donnez la raison sociale."),
    "address_required": Code("Donnez l'adresse : au moins la commune et le pays."),
    "given_by_insee": Code("Cette donnée vient de l'INSEE : retirez-la de la demande."),
    # Structures.
    "structure_not_found": Code("Cette structure n'existe pas ou n'existe pas encore.", 404),
    "identifier_taken": Code("Cet identifiant est déjà celui d'une structure de l'annuaire.", 409),
    "already_active": Code("La structure est déjà active.", 409),
    "already_inactive": Code("La structure est déjà inactive.", 409),
    "already_pending": Code("Une demande semblable est déjà en attente d'effet.", 409),
    "superseded": Code("La structure a été remplacée par une autre : elle ne peut plus être activée.", 409),
    "structure_duplicated": Code("La structure a été dupliquée : adressez la demande à la nouvelle.", 409),
    "sphere_needs_public": Code("Cette valeur ne concerne que les structures publiques.", 409),
    "state_needs_administrator": Code("Une structure de l'État est créée par un administrateur.", 403),
    "principal_required": Code("Nommez la personne qui sera gestionnaire principal."),
    "principal_not_yours": Code("Le créateur est le gestionnaire principal : retirez le champ principal."),
    "principal_not_person": Code("Un compte technique ne peut pas être gestionnaire principal."),
    "pigp_required": Code("Un compte PIGP est obligatoire pour gérer une structure publique hors État.", 409),
    # INSEE.
    "siret_not_found": Code("L'INSEE ne connaît pas ce SIRET : vérifiez-le."),
    "siret_closed": Code("Ce SIRET est fermé à l'INSEE : la structure ne peut pas être créée."),
    "siret_moved": Code("Ce SIRET est un doublon ; le bon est {moved_to}."),
    "insee_unavailable": Code("L'INSEE n'a pas répondu à temps : recommencez plus tard.", 503),
    "insee_quota": Code("Trop de recherches INSEE en peu de temps : recommencez dans une minute.", 429),
    # Cancelling.
    "request_not_found": Code("Aucune demande de cette structure ne porte cet identifiant.", 404),
    "too_late": Code("La demande a déjà pris effet : elle ne peut plus être annulée.", 409),
    "already_cancelled": Code("La demande est déjà annulée.", 409),
    "request_waiting": Code("La demande attend encore sa décision : annulez-la une fois acceptée.", 409),
    "not_cancellable": Code("La demande est terminée sans effet : il n'y a rien à annuler.", 409),
    # Users and teams.
    "user_not_found": Code("Cet utilisateur n'est pas connu : il doit s'être connecté une fois.", 404),
    "team_not_found": Code("Cette structure n'existe pas ou son équipe n'existe pas encore.", 404),
    "already_member": Code("Cet utilisateur est déjà membre de la structure : changez plutôt son profil.", 409),
    "not_member": Code("Cet utilisateur n'est pas membre de la structure.", 409),
    "principal_must_transfer": Code("Le gestionnaire principal doit d'abord transférer son rôle.", 409),
    "registered": Code("L'utilisateur est enregistré.", 200),
    # The gateway itself.
    "not_found": Code("Cette ressource n'existe pas.", 404),
    "body_too_large": Code("Le corps de la requête dépasse 1 Mo : réduisez-le.", 413),
    "media_type_unsupported": Code("Envoyez du JSON, avec l'en-tête Content-Type: application/json.", 415),
    "not_yet": Code("Cette version n'est pas encore lisible : recommencez dans un instant.", 425),
    "too_many_requests": Code("Trop de demandes en peu de temps : recommencez dans {retry_after} s.", 429),
    "too_many_at_once": Code("Trop de vos demandes sont en cours : attendez la fin de l'une d'elles.", 429),
    "unavailable": Code("Le service est momentanément indisponible : recommencez plus tard.", 503),
    "method_not_allowed": Code("Cette méthode n'existe pas sur cette ressource.", 405),
    "idempotency_key_invalid": Code("Idempotency-Key doit avoir 1 à 100 lettres, chiffres, . _ : ou -.", 400),
    "prefer_invalid": Code("Prefer: wait=n attend un nombre de secondes entre 0 et 30.", 400),
    # HTTP itself.
    "http_malformed": Code("La requête HTTP est mal formée : vérifiez votre client HTTP.", 400),
    "request_too_slow": Code("La requête n'est pas arrivée à temps : renvoyez-la d'un seul trait.", 408),
    "target_too_long": Code("L'adresse demandée dépasse {limit} octets : raccourcissez-la.", 414),
    "headers_too_large": Code("Les en-têtes dépassent {limit} octets ou {lines} lignes : réduisez-les.", 431),
    "method_unknown": Code("Cette méthode n'existe pas : l'en-tête Allow donne celles qui existent.", 501),
    "transfer_coding_unknown": Code("Ce codage de transfert n'est pas lu : envoyez chunked ou Content-Length.", 501),
    "too_many_connections": Code(
        "Trop de connexions sont ouvertes : fermez-en ou réutilisez-les, et recommencez dans {retry_after} s.", 503
    ),
    "http_version_unsupported": Code("Cette version de HTTP n'est pas servie : employez HTTP/1.1.", 505),
}


def sentence(code: str, details: Mapping[str, Any] | None = None) -> str:
    """Return the French sentence of a code, with the values it names."""
    known = CODES.get(code)
    if known is None:
        return f"Code {code}."
    return known.sentence.format_map(_Blanks(details or {}))


def http_status(code: str) -> int:
    """Return the HTTP status of a refusal for this reason."""
    known = CODES.get(code)
    return known.http if known and known.http >= 400 else 422


class _Blanks(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "?"
