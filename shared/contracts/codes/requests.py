"""Codes of the life of any request, whoever its owner is."""

from collections.abc import Mapping

from shared.contracts.codes.sentences import Code, refused, success

REQUEST_ID = (
    "donnez de 1 à 100 caractères parmi les lettres sans accent, les chiffres, le point, le tiret, le tiret bas et le "
    "deux-points (mais ni « . » ni « .. »), par exemple facture-2026.17"
)
"""What to write as the id of a request, on Kafka as over HTTP."""

CODES: Mapping[str, Code] = {
    "accepted": success(
        "Votre demande est prise en compte ; elle sera effective le {effective_at}.",
        202,
        "Votre demande est prise en compte ; elle sera effective à la fin du délai.",
    ),
    "applied": success("Votre demande est effective.", 202),
    "nothing_to_change": success("Aucune modification : ces valeurs sont déjà enregistrées.", 202),
    "cancelled": success("La demande est annulée ; elle ne prendra pas effet.", 202),
    "cancellation_done": success("L'annulation est enregistrée.", 202),
    "waiting_copy": success("La demande est en cours de vérification ; vous n'avez rien à faire.", 202),
    "waiting_busy": success("La demande attend son tour ; vous n'avez rien à faire.", 202),
    "received": success("La demande est reçue ; elle va être examinée.", 202),
    # The caller.
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
    "request_id_invalid": refused("L'identifiant de demande n'a pas la forme attendue", REQUEST_ID, 400),
    "request_id_reused": refused("Cet identifiant a déjà servi à une autre demande", "choisissez-en un nouveau", 409),
    "internal_error": refused(
        "Une erreur interne a empêché le traitement, elle est signalée",
        "vérifiez l'état de la demande avant de la renvoyer",
        500,
    ),
    # Bounds.
    "too_many_pending": refused(
        "{max} modifications attendent déjà leur effet, c'est le plus possible",
        "refaites la demande à partir du {retry_at}",
        409,
        "attendez que l'une prenne effet",
        ("Trop de modifications attendent déjà leur effet", "attendez que l'une prenne effet"),
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
    # Cancelling, and what is pending already.
    "already_pending": refused(
        "La même demande est déjà acceptée et sera effective le {effective_at}",
        "suivez la demande {request_id}",
        409,
        ("La même demande est déjà acceptée", "attendez qu'elle prenne effet"),
    ),
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
}
