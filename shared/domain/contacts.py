"""E-mail addresses, telephone numbers and postcodes: validated, each in one canonical form. Pure."""

import re

from email_validator import EmailNotValidError, validate_email

from shared.domain import texts
from shared.domain.texts import Unfit

LONGEST_EMAIL = 254
LONGEST_PHONE = 16
_PHONE = re.compile(r"\+[1-9][0-9]{3,14}|[0-9]{4,15}")
_FRENCH_POSTCODE = re.compile(r"[0-9]{5}")


def email(text: str) -> str:
    """Return an e-mail address: a bare address of valid form. No server is asked whether it exists.

    Raises Unfit(`email_format`).
    """
    try:
        return validate_email(texts.clean(text), strict=True, check_deliverability=False).normalized
    except EmailNotValidError as error:
        raise Unfit("email_format") from error


def phone(text: str) -> str:
    """Return a telephone number as its digits, after a plus when it names its country. Raises Unfit(`phone_format`)."""
    number = texts.without_separators(text)
    if "+" in number:
        number = number.replace("(0)", "")  # « +33 (0)1 … »: that zero is dialled inside the country alone.
    number = number.replace("(", "").replace(")", "")
    if number.startswith("00"):
        number = f"+{number[2:]}"
    if not _PHONE.fullmatch(number):
        raise Unfit("phone_format")
    return number


def postcode(text: str, country: str) -> str:
    """Return a postcode of a country; a French one is five digits. Raises Unfit(`postcode_format`)."""
    code = texts.clean(text).upper()
    if country != "FR":
        return code
    code = code.replace(" ", "")
    if not _FRENCH_POSTCODE.fullmatch(code):
        raise Unfit("postcode_format")
    return code
