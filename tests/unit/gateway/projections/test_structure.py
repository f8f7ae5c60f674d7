"""What is kept of the records of structures, teams and users, in whatever order and how often they come."""

from itertools import permutations
from typing import Any

import pytest

from gateway.projections import manager, structure
from gateway.read_model.versioned_upsert import VersionedUpsert
from shared.domain.access_levels import Right
from tests.unit.gateway.builders import structure_record, team_record, user_record
from tests.unit.gateway.mongo import made

OLD, NEW = (structure_record(version=version, label=f"label {version}") for version in (4, 5))
OLD_TEAM, NEW_TEAM = (
    team_record(version=2, principal="zoe", members={}),
    team_record(version=3, principal="alice"),
)
WRITES = (
    structure.structure(OLD),
    structure.structure(NEW),
    manager.team(OLD_TEAM),
    manager.team(NEW_TEAM),
)


def kept(record: dict[str, Any]) -> Any:
    return made(structure.structure(record))


def test_a_structure_and_its_team_make_one_document_whichever_comes_first() -> None:
    now = made(structure.structure(NEW), manager.team(NEW_TEAM))
    assert (now["version"], now["record"], now["team_version"]) == (5, NEW, 3)
    for order in permutations(WRITES):
        assert made(*order) == now, [write.version for write in order]


@pytest.mark.parametrize("late", WRITES, ids=["older", "the same", "older team", "the same team"])
def test_what_comes_late_or_again_changes_nothing(late: VersionedUpsert) -> None:
    now = (structure.structure(NEW), manager.team(NEW_TEAM))
    assert made(*now, late) == made(*now)


def test_the_same_version_told_otherwise_changes_nothing() -> None:
    now = structure.structure(NEW)
    assert made(now, structure.structure({**NEW, "label": "told otherwise"})) == made(now)


def test_until_its_team_is_told_the_first_principal_of_a_structure_has_every_right() -> None:
    document = kept(structure_record(principal="alice"))
    assert document["access"] == [{"user": "alice", "right": Right.PRINCIPAL.value}]
    assert document["team_version"] == 0
    assert "team" not in document


def test_a_team_says_who_has_which_right_and_who_has_none_any_more() -> None:
    document = made(structure.structure(structure_record(principal="first")), manager.team(team_record()))
    assert {each["user"]: Right(each["right"]) for each in document["access"]} == {
        "alice": Right.PRINCIPAL,
        "marc": Right.MODIFICATION,
        "cleo": Right.CONSULTATION,
    }
    assert document["team"]["principal"] == "alice"
    assert [(m["user"], m["profile"], m["state"]) for m in document["team"]["members"]] == [
        ("marc", "modification", "valid"),
        ("cleo", "consultation", "valid"),
        ("gone", "modification", "ended"),
    ]


@pytest.mark.parametrize("user", ["a.b", "$ref", "", "é", "x" * 255])
def test_whatever_a_user_is_called_is_a_value_and_never_the_name_of_a_field(user: str) -> None:
    team = team_record(principal=user, members={f"{user}2": {"profile": "modification", "state": "valid"}})
    document = made(manager.team(team))
    assert [each["user"] for each in document["access"]] == [user, f"{user}2"]
    names = {*document, *document["team"], *(n for each in document["team"]["members"] for n in each)}
    assert not {user, f"{user}2"} & names


def test_a_team_whose_structure_is_not_told_yet_is_kept_for_it() -> None:
    document = made(manager.team(team_record()))
    assert (document["_id"], document["version"], "record" in document) == (42, 0, False)


@pytest.mark.parametrize(("sphere", "public"), [("state", True), ("public_non_state", True), ("private", False)])
def test_what_is_not_private_is_public_r1(sphere: str, public: bool) -> None:
    assert kept(structure_record(sphere=sphere))["public"] is public


@pytest.mark.parametrize(
    ("fields", "sort"),
    [
        ({"name": "Œuvres d'Ælis"}, "oeuvres d aelis"),
        ({"name": None, "person": {"first_name": "Zoé", "last_name": "Ångström"}}, "angstrom zoe"),
        ({"name": None, "person": {"last_name": "Ångström"}}, "angstrom"),
        ({"name": None}, ""),
    ],
)
def test_a_list_is_sorted_by_name_an_individual_s_last_one_first(fields: dict[str, Any], sort: str) -> None:
    assert kept(structure_record(**fields))["sort"] == sort


def test_a_structure_is_found_by_its_name_label_city_postcode_and_identifiers_and_by_nothing_else() -> None:
    document = kept(structure_record())
    assert document["text"].split() == [*("mairie", "d", "exemple", "dexemple", "siege", "lyon", "69003", "x1", "x0")]
    assert document["city"] == "lyon"


def test_what_a_record_leaves_out_is_no_obstacle() -> None:
    document = kept(structure_record(name=None, label=None, address=None, former_identifiers=None))
    assert (document["text"], document["sort"], document["city"], document["keys"]) == ("x1", "", "", ["AUTRE:X1"])


@pytest.mark.parametrize(
    ("identifier", "keys"),
    [
        (("UE_HORS_FRANCE", "GR094019245"), {"UE_HORS_FRANCE:GR094019245", "UE_HORS_FRANCE:EL094019245"}),
        (("RIDET", "711030001"), {"RIDET:711030001", "RIDET:0711030001"}),
        (("AUTRE", "A  B"), {"AUTRE:A  B", "AUTRE:A B"}),
        (("AUTRE", "AB"), {"AUTRE:AB"}),
    ],
)
def test_an_identifier_stored_in_an_old_form_is_found_by_the_one_of_today(
    identifier: tuple[str, str], keys: set[str]
) -> None:
    kind, value = identifier
    former = [{"type": kind, "value": value}]
    document = kept(structure_record(identifier={"type": "AUTRE", "value": "NEW"}, former_identifiers=former))
    assert set(document["keys"]) == keys | {"AUTRE:NEW"}
    assert len(document["keys"]) == len(set(document["keys"]))


def test_a_user_is_kept_as_told_and_never_set_back() -> None:
    old, new = (manager.user(user_record(version=version, pigp=version == 5)) for version in (4, 5))
    assert (
        made(old, new) == made(new, old) == made(new) == {"_id": "alice", "version": 5, "record": new.fresh["record"]}
    )
    assert new.fresh["record"]["pigp"] is True
