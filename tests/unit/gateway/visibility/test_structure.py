"""Who may know of a structure, what they are shown of it, and what they may ask: every role, status and sphere.

Rules R1 (what is private is its members'), R2 (what needs a right), R23 (what may be asked is told).
"""

from typing import Any

import orjson
import pytest

from gateway.projections import manager as team_projections
from gateway.projections import structure as projections
from gateway.visibility import manager, structure
from shared.contracts.messages.structure import StructureRecord
from shared.domain.access_levels import Right
from tests.unit.gateway.builders import POSSIBLE, READERS, document, structure_record, team_record
from tests.unit.gateway.mongo import made, meets

SPHERES = ("private", "public_non_state", "state")
REQUESTS = ("modify", "activate", "deactivate", "update-from-insee", "cancel", "correct-sphere")
OUTSIDERS = ("stranger", "former member", "technical account")
INSIDERS = tuple(reader for reader in READERS if reader not in OUTSIDERS)
RIGHTS = {
    "stranger": Right.STRANGER,
    "former member": Right.STRANGER,
    "technical account": Right.STRANGER,
    "consultation": Right.CONSULTATION,
    "modification": Right.MODIFICATION,
    "principal": Right.PRINCIPAL,
    "administrator": Right.STRANGER,
    "administrator who is a member": Right.MODIFICATION,
}
ROLES = {
    "stranger": "none",
    "former member": "none",
    "technical account": "none",
    "consultation": "consultation",
    "modification": "modification",
    "principal": "principal",
    "administrator": "none",
    "administrator who is a member": "modification",
}
SHOWN_TO_ALL = {
    *("id", "version", "identifier", "former_identifiers", "name", "label", "sphere", "status", "parameters"),
    *("duplicated_to", "address"),
}
"""What the directory shows of a public structure; of its address, not the street."""
OF_ADMINISTRATORS = {"sphere_by_insee"}
OF_THE_READER = {"role", "modifiable_fields", "possible_requests"}


def in_state(state: str, sphere: str = "private") -> dict[str, Any]:
    """Return a structure in one of the states of `POSSIBLE`."""
    status = "inactive" if state == "inactive" else "active"
    fields = [] if state == "superseded" else ["email", "label"]
    return document(sphere=sphere, status=status, possible_requests=list(POSSIBLE[state]), modifiable_fields=fields)


@pytest.mark.parametrize("reader", READERS)
def test_a_reader_has_the_right_that_the_team_says(reader: str) -> None:
    assert structure.right_of(document(), READERS[reader]) is RIGHTS[reader]


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("sphere", SPHERES)
@pytest.mark.parametrize("status", ["inactive", "active"])
def test_a_private_structure_is_known_to_its_members_and_a_public_one_to_all_r1(
    reader: str, sphere: str, status: str
) -> None:
    kept, actor = document(sphere=sphere, status=status), READERS[reader]
    assert structure.may_know(kept, actor) is (sphere != "private" or reader in INSIDERS)
    assert structure.may_consult(kept, actor) is (reader in INSIDERS)


@pytest.mark.parametrize("reader", READERS)
def test_nobody_knows_of_a_structure_whose_team_alone_is_told_r1(reader: str) -> None:
    assert not structure.may_know(made(team_projections.team(team_record())), READERS[reader])


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("sphere", SPHERES)
def test_what_is_found_is_what_may_be_known_r1(reader: str, sphere: str) -> None:
    kept, actor = document(sphere=sphere), READERS[reader]
    assert meets(kept, structure.findable(actor)) is structure.may_know(kept, actor)


@pytest.mark.parametrize("reader", INSIDERS)
@pytest.mark.parametrize("sphere", SPHERES)
def test_who_may_consult_is_shown_all_r1(reader: str, sphere: str) -> None:
    record = structure_record(sphere=sphere)
    shown = structure.full(document(sphere=sphere), READERS[reader])
    hidden = set() if READERS[reader].is_administrator else OF_ADMINISTRATORS
    assert set(shown) == set(record) - hidden | OF_THE_READER
    fields = set(record) - OF_THE_READER - hidden
    assert {name: shown[name] for name in fields} == {name: record[name] for name in fields}


@pytest.mark.parametrize("reader", READERS)
def test_a_legal_category_that_speaks_for_another_sphere_is_shown_to_administrators_alone_r10(reader: str) -> None:
    kept, actor = document(sphere_by_insee="state"), READERS[reader]
    assert (structure.full(kept, actor).get("sphere_by_insee") == "state") is actor.is_administrator


@pytest.mark.parametrize("reader", OUTSIDERS)
@pytest.mark.parametrize("sphere", ["public_non_state", "state"])
def test_who_may_not_is_shown_what_the_directory_shows_of_a_public_structure_r1(reader: str, sphere: str) -> None:
    shown = structure.full(document(sphere=sphere), READERS[reader])
    assert set(shown) == SHOWN_TO_ALL | OF_THE_READER
    assert shown["address"] == {"postcode": "69003", "city": "Lyon", "country": "FR"}


@pytest.mark.parametrize("field", sorted({*StructureRecord.model_fields, "of_tomorrow"} - SHOWN_TO_ALL - OF_THE_READER))
def test_nothing_else_reaches_who_may_not_consult_nor_a_list_r1(field: str) -> None:
    """A field that is new is nobody's but the members' until somebody says otherwise."""
    secret = "of the members alone"
    kept = document(**{field: {"value": secret}})
    assert secret not in orjson.dumps(structure.full(kept, READERS["stranger"])).decode()
    for actor in READERS.values():
        assert (secret in orjson.dumps(structure.brief(kept, actor)).decode()) is (field == "person")


def test_the_record_that_these_tests_show_has_every_field() -> None:
    assert set(StructureRecord.model_fields) - set(structure_record()) == {"person"}, "only an individual has one"


def test_a_member_is_shown_the_principal_of_the_team_and_not_the_first_one() -> None:
    kept = made(projections.structure(structure_record()), team_projections.team(team_record(principal="zoe")))
    assert structure.full(kept, READERS["consultation"])["principal"] == "zoe"
    assert structure.right_of(kept, READERS["principal"]) is Right.STRANGER, "she was the first, and is none any more"


def test_until_its_team_is_told_a_structure_is_its_first_principals() -> None:
    kept = made(projections.structure(structure_record(sphere="private")))
    assert structure.right_of(kept, READERS["principal"]) is Right.PRINCIPAL
    assert structure.full(kept, READERS["principal"])["principal"] == "alice"
    assert [reader for reader, actor in READERS.items() if structure.may_know(kept, actor)] == [
        *("principal", "administrator", "administrator who is a member")
    ]


ALL_BUT_SPHERE = {state: [r for r in possible if r != "correct-sphere"] for state, possible in POSSIBLE.items()}
NOTHING: dict[str, list[str]] = {state: [] for state in POSSIBLE}
MAY_ASK: dict[str, dict[str, list[str]]] = {
    **dict.fromkeys((*OUTSIDERS, "consultation"), NOTHING),
    **dict.fromkeys(("modification", "principal"), ALL_BUT_SPHERE),
    "administrator": {state: ["correct-sphere"] for state in POSSIBLE},
    "administrator who is a member": {state: list(possible) for state, possible in POSSIBLE.items()},
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("state", POSSIBLE)
@pytest.mark.parametrize("sphere", SPHERES)
def test_a_reader_is_told_what_they_may_change_and_ask_r2_r23(reader: str, state: str, sphere: str) -> None:
    answered = structure.allowed(in_state(state, sphere), READERS[reader])
    changes = RIGHTS[reader] >= Right.MODIFICATION and state != "superseded"
    assert answered == {
        "role": ROLES[reader],
        "modifiable_fields": ["email", "label"] if changes else [],
        "possible_requests": MAY_ASK[reader][state],
    }
    assert answered.items() <= structure.full(in_state(state, sphere), READERS[reader]).items()
    assert answered.items() <= structure.brief(in_state(state, sphere), READERS[reader]).items()


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("state", POSSIBLE)
@pytest.mark.parametrize("request_", REQUESTS)
def test_the_guides_lists_hold_what_may_be_asked_and_nothing_else_r23(reader: str, state: str, request_: str) -> None:
    kept, actor = in_state(state), READERS[reader]
    assert meets(kept, structure.attached(actor, request_)) is (request_ in MAY_ASK[reader][state])


@pytest.mark.parametrize("reader", READERS)
def test_ones_own_structures_are_those_whose_member_one_is(reader: str) -> None:
    assert meets(document(), structure.attached(READERS[reader], None)) is (RIGHTS[reader] > Right.STRANGER)


@pytest.mark.parametrize("reader", READERS)
def test_a_team_is_changed_by_its_principal_alone_r2(reader: str) -> None:
    possible = manager.possible_requests(document(), READERS[reader])
    assert possible == (("set", "remove") if reader == "principal" else ())


@pytest.mark.parametrize("sphere", SPHERES)
def test_a_list_shows_the_same_of_a_structure_to_whoever_finds_it(sphere: str) -> None:
    shown = [structure.brief(document(sphere=sphere), actor) for actor in READERS.values()]
    (briefly,) = {orjson.dumps({n: v for n, v in each.items() if n not in OF_THE_READER}) for each in shown}
    assert set(orjson.loads(briefly)) == {
        *("id", "version", "identifier", "name", "label", "sphere", "status", "address"),
    }
    assert orjson.loads(briefly)["address"] == {"postcode": "69003", "city": "Lyon", "country": "FR"}


def test_a_list_names_an_individual() -> None:
    person = {"first_name": "Zoé", "last_name": "Ångström"}
    kept = document(sphere="private", name=None, person=person, address=None)
    shown = structure.brief(kept, READERS["consultation"])
    assert (shown["person"], shown["address"], "name" in shown) == (person, {}, False)
