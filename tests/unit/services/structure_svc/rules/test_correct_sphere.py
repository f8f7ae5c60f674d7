"""An administrator corrects the sphere: rule R22."""

from services.structure_svc.state import sphere_by_insee
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


def test_an_administrator_who_decided_is_not_shown_the_category_again_until_it_changes_r10() -> None:
    for sphere in ("state", "public_non_state", "private"):
        case = Case(public(legal_category="7120"))
        assert sphere_by_insee(case.state) == "state"
        assert case.ask(to(sphere), ADMIN).code == "applied", "to keep the sphere is to decide too"
        assert (case.state.sphere, sphere_by_insee(case.state)) == (sphere, None)
        assert case.ask(to(sphere), ADMIN).code == "nothing_to_change"
        other = case.state.model_copy(update={"legal_category": "4110"})
        assert sphere_by_insee(other) == (None if sphere == "public_non_state" else "public_non_state")
