"""The catalogue of codes: each is stable, has a French sentence that says what is wrong and what to do, and an HTTP
status for the gateway. It is published at `GET /api/v1/codes` and in `docs/contracts/codes.json`.

Sentences are for two readers, people and those who write a client: they say « vous », in the present, one idea each,
with an example where a form is expected. Their values are the outcome's public `details`, never personal data.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from shared.contracts.field_codes import FIELDS
from shared.contracts.sentences import Code, refused, success

_REQUEST_ID = (
    "donnez de 1 à 100 caractères parmi les lettres sans accent, les chiffres, le point, le tiret, le tiret bas et le "
    "deux-points (mais ni « . » ni « .. »), par exemple facture-2026.17"
)

CODES: Mapping[str, Code] = {
    # What happened.
    "accepted": success(
        "Votre demande est prise en compte ; elle sera effective le {effective_at}.",
        202,
        "Votre demande est prise en compte ; elle sera effective à la fin du délai.",
    ),
    "applied": success("Votre demande est effective.", 202),
    "created": success("La structure est créée ; elle reste inactive jusqu'à son activation.", 202),
    "nothing_to_change": success("Aucune modification : ces valeurs sont déjà enregistrées.", 202),
    "cancelled": success("La demande est annulée ; elle ne prendra pas effet.", 202),
    "cancellation_done": success("L'annulation est enregistrée.", 202),
    "waiting_insee": success("La demande attend la réponse de l'INSEE ; vous n'avez rien à faire.", 202),
    "waiting_copy": success("La demande est en cours de vérification ; vous n'avez rien à faire.", 202),
    "waiting_busy": success("La demande attend son tour ; vous n'avez rien à faire.", 202),
    "received": success("La demande est reçue ; elle va être examinée.", 202),
    # Who asks.
    "token_missing": refused(
        "Jeton d'accès absent", "ajoutez l'en-tête « Authorization: Bearer », suivi de votre jeton", 401
    ),
    "token_invalid": refused("Le jeton n'est pas valide", "demandez-en un nouveau à l'émetteur", 401),
    "token_expired": refused("Le jeton a expiré", "demandez-en un nouveau et renvoyez la demande", 401),
    "token_audience": refused(
        "Le jeton est destiné à un autre usage",
        "demandez-en un pour l'audience « {audience} »",
        401,
        "demandez-en un pour la bonne audience",
    ),
    "act_for_forbidden": refused(
        "Ce compte ne peut pas agir au nom d'un autre",
        "retirez l'attribut CloudEvents « actor » (en-tête ce_actor)",
        403,
    ),
    "forbidden": refused(
        "Cette demande exige le profil « Organisation modification »",
        "demandez-le au gestionnaire principal de la structure",
        403,
    ),
    "principal_only": refused("Seul le gestionnaire principal peut faire cette demande", "adressez-la-lui", 403),
    "administrator_only": refused("Seul un administrateur peut faire cette demande", "adressez-la-lui", 403),
    "own_account": refused(
        "Vous ne pouvez pas désactiver votre propre compte", "demandez-le à un autre administrateur", 409
    ),
    "members_only": refused(
        "Seuls les utilisateurs rattachés à cette structure consultent ces données",
        "demandez votre rattachement à son gestionnaire principal",
        403,
    ),
    "user_inactive": refused("Ce compte est désactivé", "adressez-vous à un administrateur", 403),
    # The message.
    "message_empty": refused("Le message est vide", "envoyez un événement CloudEvents en JSON", 400),
    "message_unreadable": refused("Le message est illisible", "envoyez du JSON en UTF-8", 400),
    "message_type_missing": refused(
        "Le type manque",
        "indiquez l'attribut CloudEvents « type » (en-tête ce_type), par exemple structure.modify.v1",
        400,
    ),
    "message_headers_misnamed": refused(
        "Dans Kafka, les en-têtes CloudEvents commencent par « ce_ » et non par « ce- »",
        "renommez-les, par exemple ce_id et ce_type",
        400,
    ),
    "message_batch": refused("Un message porte un seul événement", "envoyez chaque événement du lot à part", 400),
    "message_data_unreadable": refused(
        "Les données de l'événement sont illisibles", "donnez du JSON dans data, ou en base64 dans data_base64", 400
    ),
    "message_version_unsupported": refused(
        "Cette version de CloudEvents n'est pas lue", "indiquez « specversion » 1.0", 400
    ),
    "unsupported_type": refused("Ce type de demande n'existe pas", "consultez la liste dans le contrat", 400),
    "invalid_request": refused("Certains champs sont à corriger", "voyez le détail de chacun"),
    "request_id_invalid": refused("L'identifiant de demande n'a pas la forme attendue", _REQUEST_ID, 400),
    "request_id_reused": refused("Cet identifiant a déjà servi à une autre demande", "choisissez-en un nouveau", 409),
    "internal_error": refused(
        "Une erreur interne a empêché le traitement, elle est signalée",
        "vérifiez l'état de la demande avant de la renvoyer",
        500,
    ),
    **FIELDS,
    # Structures.
    "structure_not_found": refused("Aucune structure accessible ne porte cet identifiant", "vérifiez-le", 404),
    "identifier_taken": refused(
        "Une structure a déjà cet identifiant", "demandez votre rattachement à son gestionnaire principal", 409
    ),
    "already_active": refused("La structure est déjà active", "vous n'avez rien à faire", 409),
    "already_inactive": refused("La structure est déjà inactive", "vous n'avez rien à faire", 409),
    "already_pending": refused(
        "La même demande est déjà acceptée et sera effective le {effective_at}",
        "suivez la demande {request_id}",
        409,
        ("La même demande est déjà acceptée", "attendez qu'elle prenne effet"),
    ),
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
    # Bounds.
    "too_many_pending": refused(
        "{max} modifications attendent déjà leur effet, c'est le plus possible",
        "refaites la demande à partir du {retry_at}",
        409,
        "attendez que l'une prenne effet",
        ("Trop de modifications attendent déjà leur effet", "attendez que l'une prenne effet"),
    ),
    "too_many_members": refused(
        "La structure a déjà {max} utilisateurs rattachés, c'est le plus possible",
        "mettez d'abord fin à un rattachement",
        409,
        ("La structure a déjà trop d'utilisateurs rattachés", "mettez d'abord fin à un rattachement"),
    ),
    "document_too_large": refused(
        "Cette demande rendrait la fiche trop volumineuse",
        "raccourcissez les textes ou les listes, par exemple les pièces jointes du mandat",
        409,
    ),
    "request_too_large": refused(
        "Cette demande change trop de données à la fois",
        "raccourcissez les textes ou les listes, ou répartissez-la en plusieurs demandes",
        413,
    ),
    "too_many_waiting": refused(
        "{max} de vos demandes attendent déjà une réponse, c'est le plus possible",
        "renvoyez celle-ci quand l'une sera décidée",
        429,
        ("Trop de vos demandes attendent déjà une réponse", "renvoyez celle-ci quand l'une sera décidée"),
    ),
    # INSEE.
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
    # Cancelling.
    "request_not_found": refused("Aucune demande ne porte cet identifiant", "vérifiez-le", 404),
    "too_late": refused(
        "La demande a pris effet le {effective_at}, elle ne peut plus être annulée",
        "faites-en une nouvelle pour revenir en arrière",
        409,
        ("La demande a pris effet, elle ne peut plus être annulée", "faites-en une nouvelle pour revenir en arrière"),
    ),
    "already_cancelled": refused("La demande est déjà annulée", "vous n'avez rien à faire", 409),
    "not_cancellable": refused(
        "La demande est terminée ou prend effet aussitôt, elle ne peut pas être annulée",
        "faites-en une nouvelle si besoin",
        409,
    ),
    # Users and teams.
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
    # The gateway itself.
    "not_found": refused("Cette ressource n'existe pas, ou vous n'y avez pas accès", "vérifiez l'adresse", 404),
    "body_too_large": refused("Le corps de la requête dépasse 1 Mo", "réduisez-le", 413),
    "media_type_unsupported": refused(
        "Ce format n'est pas accepté", "envoyez du JSON, avec l'en-tête « Content-Type: application/json »", 415
    ),
    "not_yet": refused("Cette version n'est pas encore disponible", "recommencez dans un instant", 425),
    "too_many_requests": refused(
        "Trop de demandes en peu de temps", "réessayez dans {retry_after} s", 429, "réessayez plus tard"
    ),
    "too_many_at_once": refused(
        "Trop de vos demandes sont en cours",
        "attendez la fin de l'une d'elles, puis réessayez dans {retry_after} s",
        429,
        "attendez la fin de l'une d'elles, puis renvoyez celle-ci",
    ),
    "unavailable": refused(
        "L'annuaire est momentanément indisponible", "réessayez dans {retry_after} s", 503, "réessayez plus tard"
    ),
    "method_not_allowed": refused(
        "Cette méthode n'existe pas sur cette ressource", "choisissez-en une de l'en-tête « Allow »", 405
    ),
    "idempotency_key_invalid": refused("L'en-tête Idempotency-Key n'a pas la forme attendue", _REQUEST_ID, 400),
    "prefer_invalid": refused(
        "L'attente demandée n'a pas la forme attendue", "écrivez « Prefer: wait=10 », de 0 à 30 s", 400
    ),
    # HTTP itself.
    "http_malformed": refused("La requête HTTP est mal formée", "vérifiez votre client HTTP", 400),
    "request_too_slow": refused("La requête n'est pas arrivée à temps", "renvoyez-la d'un seul trait", 408),
    "target_too_long": refused(
        "L'adresse demandée est trop longue", "donnez-en une de {limit} octets au plus", 414, "raccourcissez-la"
    ),
    "headers_too_large": refused(
        "Les en-têtes sont trop longs", "donnez-en {limit} octets et {lines} lignes au plus", 431, "réduisez-les"
    ),
    "method_unknown": refused("Cette méthode n'existe pas", "choisissez-en une de l'en-tête « Allow »", 501),
    "transfer_coding_unknown": refused(
        "Ce codage de transfert n'est pas lu", "envoyez « chunked » ou « Content-Length »", 501
    ),
    "too_many_connections": refused(
        "Trop de connexions sont ouvertes",
        "fermez-en ou réutilisez-les, puis réessayez dans {retry_after} s",
        503,
        "fermez-en ou réutilisez-les, puis réessayez",
    ),
    "http_version_unsupported": refused("Cette version de HTTP n'est pas servie", "utilisez HTTP/1.1", 505),
}


def sentence(code: str, details: Mapping[str, Any] | None = None) -> str:
    """Return the French sentence of a code, with the values it names."""
    known = CODES.get(code)
    return f"Code {code}." if known is None else known.filled(details or {})


def sentence_of(transition: Mapping[str, Any]) -> str:
    """Return the sentence of a step in the life of a request, as it is told: it may name the step's own date."""
    return sentence(
        transition["code"], {"effective_at": transition.get("effective_at"), **(transition.get("details") or {})}
    )


def errors_of(fields: Iterable[tuple[str, str]], details: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """Return what is wrong with each field (path, code), in words; `details` has each field's own under `fields`."""
    values = (details or {}).get("fields") or {}
    return [
        {
            "field": field,
            "code": code,
            "message": sentence(code, {**(details or {}), **(own := values.get(field, {}))}),
            **({"details": own} if own else {}),
        }
        for field, code in fields
    ]


def http_status(code: str) -> int:
    """Return the HTTP status of a refusal for this reason."""
    known = CODES.get(code)
    return known.http if known and known.http >= 400 else 422
