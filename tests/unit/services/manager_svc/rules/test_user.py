"""Users: registered by what their token tells; opened, closed and given a PIGP account by administrators alone."""

import pytest

from shared.contracts.messages.common import Request
from shared.contracts.messages.manager import RegisterUser, SetActive, SetPigp
from shared.domain.actor import Actor
from tests.unit.services.manager_svc.builders import ADMIN, ALICE, decided, user

CLOSE, OPEN = (SetActive(user="chloe", active=active) for active in (False, True))
PIGP = SetPigp(user="chloe", pigp=True)


def test_a_user_is_registered_with_what_their_token_tells() -> None:
    actor = Actor("chloe", first_name="Chloé", last_name="Petit", email="chloe@example.fr")
    transition, after = decided(None, RegisterUser(first_name="Someone", last_name="Else"), actor)
    assert (transition.code, after.id, after.kind, after.active, after.pigp) == (
        "registered",
        "chloe",
        "person",
        True,
        False,
    )
    assert (after.first_name, after.last_name, after.email) == ("Chloé", "Petit", "chloe@example.fr")


def test_what_a_token_tells_is_kept_in_its_one_form_and_what_has_none_is_left_out() -> None:
    """The issuer's words reach us by the house rule too (R25), by whichever door; nobody is refused for them."""
    actor = Actor("chloe", first_name="Chloe\u0301", last_name="\u202ePetit", email="a,b@y.fr")
    _, after = decided(None, RegisterUser(), actor)
    assert (after.first_name, after.last_name, after.email) == ("Chloé", None, None)


def test_the_gateway_tells_the_names_of_whom_it_acts_for() -> None:
    _, after = decided(None, RegisterUser(first_name="Chloé"), Actor("chloe", via="gateway", first_name="Gate"))
    assert after.first_name == "Chloé"


def test_names_that_changed_are_taken_over_and_what_is_not_told_stays() -> None:
    known = user(first_name="Chloé", last_name="Petit", pigp=True)
    transition, after = decided(known, RegisterUser(), Actor("chloe", last_name="Grand"))
    assert (transition.code, after.first_name, after.last_name, after.pigp) == ("registered", "Chloé", "Grand", True)
    transition, _ = decided(known, RegisterUser(), Actor("chloe", last_name="Petit"))
    assert transition.code == "nothing_to_change"


def test_the_journal_tells_no_name() -> None:
    transition, _ = decided(user(last_name="Petit"), RegisterUser(), Actor("chloe", last_name="Grand"))
    assert (transition.before, transition.after) == ({"last_name": "***"}, {"last_name": "***"})


@pytest.mark.parametrize("request_", [CLOSE, OPEN, PIGP], ids=["close", "open", "pigp"])
def test_only_an_administrator_says_what_a_user_is(request_: Request) -> None:
    before = user()
    transition, after = decided(before, request_, ALICE)
    assert (transition.status, transition.code, after) == ("rejected", "administrator_only", before)


def test_an_account_is_closed_opened_and_given_pigp_at_once() -> None:
    transition, after = decided(user(), CLOSE, ADMIN)
    assert (transition.status, after.active) == ("applied", False)
    assert decided(after, OPEN, ADMIN)[1].active is True
    assert decided(user(), PIGP, ADMIN)[1].pigp is True
    assert decided(user(), OPEN, ADMIN)[0].code == "nothing_to_change"


def test_nobody_closes_their_own_account() -> None:
    own = user(id="admin")
    transition, after = decided(own, SetActive(user="admin", active=False), ADMIN)
    assert (transition.status, transition.code, after) == ("rejected", "own_account", own)
    assert decided(own, SetActive(user="admin", active=True), ADMIN)[0].code == "nothing_to_change"
