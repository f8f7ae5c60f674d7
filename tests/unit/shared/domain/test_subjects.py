"""Any subject of OpenID Connect Core names an actor; two requests of two actors never have one key (rule R21)."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from shared.contracts.messages.common import UserId
from shared.contracts.messages.life import request_key
from shared.domain.subjects import LONGEST, is_subject

OF_OIDC = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=255).filter(str.strip)
ANY = st.text(min_size=0, max_size=300) | st.text("a |/\x00\u200b\u202e\u00a0é", max_size=6)
REQUEST_ID = st.from_regex(r"[A-Za-z0-9._:-]{1,100}", fullmatch=True)
_USER_ID: TypeAdapter[str] = TypeAdapter(UserId)
_ONCE = re.compile(r"[^\s|\x00-\x1f\x7f-\x9f]{1,200}")
"""What a user's id had to be before spaces and `|` were taken, and be printable."""


@pytest.mark.parametrize(
    "subject",
    [
        "alice",
        "auth0|5f7c",
        "a b",
        "https://idp.example/x?y#z",
        "..",
        "%2F",
        '"',
        "CN=Zoé, O=Mairie",
        "$ref",
        "x" * 255,
    ],
)
def test_a_subject_is_taken_as_it_is(subject: str) -> None:
    assert is_subject(subject)
    assert _USER_ID.validate_python(subject) == subject


@pytest.mark.parametrize(
    "other",
    [
        None,
        7,
        ["alice"],
        "",
        " ",
        "x" * 256,
        "a\n",
        "a\tb",
        "a\x00b",
        "a\x7f",
        "a\u00a0",
        "a\u200b",
        "\u202ea",
        "a\ud83d",
    ],
)
def test_what_is_not_seen_or_too_long_is_nobody(other: object) -> None:
    assert not is_subject(other)
    with pytest.raises(ValidationError):
        _USER_ID.validate_python(other, strict=True)


@given(OF_OIDC)
def test_every_printable_subject_of_oidc_is_one(subject: str) -> None:
    assert is_subject(subject)


@given(ANY)
def test_a_message_names_whoever_a_token_can_prove_and_nobody_else(text: str) -> None:
    try:
        _USER_ID.validate_python(text)
    except ValidationError:
        assert not is_subject(text)
    else:
        assert is_subject(text)


@given(ANY)
def test_who_was_a_user_before_still_is(text: str) -> None:
    if _ONCE.fullmatch(text) and text.isprintable():
        assert is_subject(text)
    assert LONGEST >= 200


@given(st.text("ab|/ ", min_size=1, max_size=5), REQUEST_ID, st.sampled_from(["", "|applied", "|applied|7"]))
def test_a_key_is_parted_at_its_last_bar(actor: str, request_id: str, behind: str) -> None:
    key = request_key(actor, request_id)
    whole = key + behind
    assert whole.rsplit("|", behind.count("|"))[0] == key
    assert key.rpartition("|")[::2] == (actor, request_id)
