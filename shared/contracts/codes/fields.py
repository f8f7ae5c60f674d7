"""The codes of fields: what is wrong with one, the form expected with an example, and what to do."""

from collections.abc import Mapping

from shared.contracts.codes.french import typeset
from shared.contracts.codes.sentences import Code, refused

FIELDS: Mapping[str, Code] = {
    # Whatever a field contains.
    "field_required": refused("Ce champ est obligatoire", "renseignez-le"),
    "field_unknown": refused("Ce champ n'existe pas pour cette demande", "retirez-le"),
    "field_repeated": refused("Ce paramètre est donné plusieurs fois", "donnez-le une seule fois"),
    "field_blank": refused("Ce champ ne contient rien qui se voie", "remplissez-le ou retirez-le"),
    "field_not_modifiable": refused("Ce champ n'est pas modifiable", "retirez-le de la demande"),
    "field_invalid": refused("La valeur de ce champ n'a pas la forme attendue", "corrigez-la d'après le contrat"),
    "field_too_long": refused("Ce texte est trop long", "donnez {max} caractères au plus", 422, "raccourcissez-le"),
    "field_too_short": refused(
        "Ce texte est vide ou trop court", "complétez-le (longueur minimale : {min})", 422, "complétez-le"
    ),
    "list_too_long": refused("Cette liste est trop longue", "donnez {max} éléments au plus", 422, "raccourcissez-la"),
    "number_too_small": refused("Ce nombre est trop petit", "donnez au moins {min}", 422, "donnez-en un plus grand"),
    "number_too_large": refused("Ce nombre est trop grand", "donnez au plus {max}", 422, "donnez-en un plus petit"),
    "text_expected": refused("Un texte est attendu", 'écrivez-le entre guillemets droits, par exemple "Lyon"'),
    "text_control": refused(
        "Ce texte contient un caractère de commande ou de sens d'écriture, qui ne se voit pas", "retapez-le à la main"
    ),
    "number_expected": refused("Un nombre entier est attendu", "écrivez-le sans guillemets, par exemple 42"),
    "boolean_expected": refused("Un oui ou un non est attendu", "écrivez true ou false, sans guillemets"),
    "list_expected": refused("Une liste est attendue", 'écrivez-la entre crochets, par exemple ["RIB", "Mandat"]'),
    "object_expected": refused("Un objet JSON est attendu", "écrivez ses champs entre accolades"),
    "value_unknown": refused(
        "Cette valeur n'est pas proposée", "choisissez {allowed}", 422, "choisissez-en une du contrat"
    ),
    # By what a field contains.
    "email_format": refused("L'adresse électronique n'a pas la forme attendue", "écrivez-la comme nom@exemple.fr"),
    "phone_format": refused(
        "Le numéro de téléphone n'a pas la forme attendue",
        "écrivez-le en 4 à 15 chiffres, par exemple 01 23 45 67 89 ou +33 1 23 45 67 89",
    ),
    "postcode_format": refused(
        "Le code postal n'a pas la forme attendue",
        "donnez 5 chiffres, par exemple 75001 (hors de France, indiquez aussi le pays)",
    ),
    "country_unknown": refused("Ce pays n'existe pas", "donnez son code ISO de deux capitales, par exemple FR ou GB"),
    "date_format": refused(
        "Cette date n'existe pas ou n'a pas la forme attendue", "écrivez année, mois et jour, par exemple 2026-11-30"
    ),
    "instant_format": refused(
        "Cet instant n'existe pas ou n'a pas la forme attendue",
        "écrivez date, heure et fuseau, par exemple 2026-11-30T10:12:00Z (dans une adresse, « + » s'écrit %2B)",
    ),
    "instant_to_come": refused("Cette date est dans le futur", "indiquez une date passée"),
    "profile_unknown": refused("Ce profil n'existe pas", "choisissez consultation ou modification"),
    "user_id_invalid": refused(
        "Cet identifiant d'utilisateur n'a pas la forme attendue",
        "donnez celui de ses jetons (« sub »)",
    ),
    "identifier_type_unknown": refused(
        "Ce type d'identifiant n'existe pas",
        "choisissez SIRET, UE_HORS_FRANCE, HORS_UE, RIDET, TAHITI, PARTICULIER ou AUTRE",
    ),
    "identifier_format": refused(
        "L'identifiant n'a pas la forme de son type",
        "donnez {expected}, par exemple {example}",
        422,
        "vérifiez-le",
    ),
    "identifier_french_vat": refused("Ce numéro de TVA est français", "utilisez le type SIRET et donnez le SIRET"),
    "identifier_needs_siret": refused(
        "Cette organisation a un SIRET", "utilisez le type SIRET et ses 14 chiffres, par exemple 13002526500013"
    ),
    "identifier_needs_vat": refused(
        "Cette organisation est dans l'Union européenne",
        "utilisez le type UE_HORS_FRANCE et son numéro de TVA, par exemple BE0123456749",
    ),
    "identifier_needs_ridet": refused(
        "Cette organisation est en Nouvelle-Calédonie",
        "utilisez le type RIDET et ses 10 chiffres, par exemple 0123456001",
    ),
    "identifier_needs_tahiti": refused(
        "Cette organisation est en Polynésie française",
        "utilisez le type TAHITI et ses 9 caractères, par exemple A12345001",
    ),
    "structure_reference": refused("La structure n'est pas désignée", "donnez soit id, soit identifier"),
    "moa_only_needs_moa": refused(
        "« MOA uniquement » ne va pas sans « Paramètre MOA »", "cochez aussi « Paramètre MOA »"
    ),
    "mandate_dates": refused("La fin du mandat doit venir après son début", "corrigez l'une des deux dates"),
    "parameters_public_only": refused("Les paramètres ne concernent que les structures publiques", "retirez-les"),
    "person_names_required": refused("Un particulier a un prénom et un nom", "indiquez les deux"),
    "person_names_forbidden": refused("Prénom et nom ne concernent que le type PARTICULIER", "retirez-les"),
    "name_forbidden": refused("Un particulier n'a pas de raison sociale", "retirez ce champ"),
    "name_required": refused("La raison sociale est obligatoire", "indiquez-la"),
    "address_required": refused("L'adresse est obligatoire", "indiquez au moins la commune et le pays"),
    "given_by_insee": refused("Cette donnée vient de l'INSEE", "retirez-la de la demande"),
}

_FORMS = {
    "SIRET": ("14 chiffres", "13002526500013"),
    "UE_HORS_FRANCE": ("un numéro de TVA valide, précédé du code de son pays", "BE0123456749"),
    "HORS_UE": ("le code du pays suivi des 16 premiers caractères de la raison sociale", "CHEXEMPLE SA"),
    "RIDET": ("9 ou 10 chiffres", "0123456001"),
    "TAHITI": ("9 caractères, lettres ou chiffres", "A12345001"),
    "PARTICULIER": ("de 1 à 18 caractères", "DUPONT-1"),
    "AUTRE": ("de 1 à 18 caractères", "ASSO-LYON-2"),
}
IDENTIFIER_FORMS: Mapping[str, Mapping[str, str]] = {
    kind: {"expected": typeset(expected), "example": example} for kind, (expected, example) in _FORMS.items()
}
"""The values of `identifier_format`, by type."""
