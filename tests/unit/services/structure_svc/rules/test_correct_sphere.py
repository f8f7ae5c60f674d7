"""An administrator corrects the sphere: rule R22."""

from shared.contracts.messages.structure import CorrectSphere
from tests.unit.services.structure_svc.builders import ADMIN, ALICE, Case, public, structure


def to(sphere: str) -> CorrectSphere:
    return CorrectSphere.model_validate({"structure": {"id": 42}, "sphere": sphere})


def test_only_an_administrator_may() -> None:
    assert Case(structure()).ask(to("state"), ALICE).code == "administrator_only"


def test_it_takes_effect_at_once_and_brings_the_parameters() -> None:
    case = Case(structure())
    assert case.ask(to("public_non_state"), ADMIN).status == "applied"
    assert case.state.sphere == "public_non_state"
    assert case.state.parameters is not None


def test_a_private_structure_has_no_parameters() -> None:
    case = Case(public())
    case.ask(to("private"), ADMIN)
    assert case.state.parameters is None


def test_the_same_sphere_changes_nothing() -> None:
    case = Case(structure())
    assert case.ask(to("private"), ADMIN).code == "nothing_to_change"
