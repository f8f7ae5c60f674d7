"""What a refusal tells of a private structure to whoever is none of its members: nothing they did not say (rule R1)."""

from typing import Any

import pytest

from shared.auth import Actor
from shared.engine.decide import Wait
from shared.messages.common import Request
from shared.messages.structure import ActivateStructure, CorrectSphere
from tests.unit.structure.given import ALICE, CLEO, MARC, STRANGER, Case, public, structure

BY_ID = {"id": 42}
BY_IDENTIFIER = {"identifier": {"type": "AUTRE", "value": "ABC"}}
ALL = {"structure": BY_ID | BY_IDENTIFIER}


def activate(named: Any) -> Request:
    return ActivateStructure.model_validate({"structure": named})


@pytest.mark.parametrize("named", [BY_ID, BY_IDENTIFIER])
@pytest.mark.parametrize("actor", [STRANGER, Actor("gone")])
def test_a_stranger_is_told_of_a_private_structure_what_they_named(named: Any, actor: Actor) -> None:
    wait = Case(structure()).ask(activate(named), actor)
    assert isinstance(wait, Wait)
    assert wait.reference == {"structure": named}


@pytest.mark.parametrize("named", [BY_ID, BY_IDENTIFIER])
def test_whoever_is_no_administrator_is_told_what_they_named(named: Any) -> None:
    step = Case(structure()).ask(CorrectSphere.model_validate({"structure": named, "sphere": "state"}), STRANGER)
    assert (step.code, step.raw["reference"]) == ("administrator_only", {"structure": named})


def test_a_member_is_told_all_and_anybody_of_a_public_structure() -> None:
    for case, actor in ((Case(structure()), CLEO), (Case(public()), STRANGER)):
        wait = case.ask(activate(BY_ID), actor)
        assert isinstance(wait, Wait)
        assert wait.reference is None
    assert Case(structure()).ask(activate(BY_ID), MARC).raw["reference"] == ALL
    assert Case(structure(status="active")).ask(activate(BY_ID), ALICE).raw["reference"] == ALL
