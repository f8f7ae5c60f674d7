"""What an actor is called: the subject of their tokens, whatever their issuer makes of it.

OpenID Connect Core (section 2) lets a subject be any text of at most 255 ASCII characters, told apart by case: spaces,
`|` (as in `auth0|5f7c`), `/` and whole addresses are subjects. Letters beyond ASCII are taken too, since some issuers
give them. It is compared as it is: nothing is trimmed or folded, or two people could become one.
"""

LONGEST = 255


def is_subject(value: object) -> bool:
    """Tell whether this can be an actor's: one with signs that are not seen would look like another, or like none."""
    if not isinstance(value, str) or len(value) > LONGEST or not value.isprintable():
        return False
    return bool(value.strip())
