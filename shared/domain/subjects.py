"""The id of an actor: the subject of their tokens, whatever form their issuer gives it.

OpenID Connect Core (section 2) lets a subject be any case-sensitive text of at most 255 ASCII characters. Spaces, `|`
(as in `auth0|5f7c`), `/` and whole URLs are allowed. Letters beyond ASCII are accepted too, since some issuers use
them. It is compared as it is: were it trimmed or folded, two people could become one.
"""

LONGEST = 255


def is_subject(value: object) -> bool:
    """Tell whether this can be an actor's id: one with invisible characters would look like another's, or like none."""
    if not isinstance(value, str) or len(value) > LONGEST or not value.isprintable():
        return False
    return bool(value.strip())
