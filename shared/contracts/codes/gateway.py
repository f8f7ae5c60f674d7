"""Codes of the gateway: of its API, and of HTTP itself."""

from collections.abc import Mapping

from shared.contracts.codes.requests import REQUEST_ID
from shared.contracts.codes.sentences import Code, refused

CODES: Mapping[str, Code] = {
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
    "idempotency_key_invalid": refused("L'en-tête Idempotency-Key n'a pas la forme attendue", REQUEST_ID, 400),
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
