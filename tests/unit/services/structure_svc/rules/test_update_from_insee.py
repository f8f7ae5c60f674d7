"""« Mettre à jour depuis l'INSEE »: rule R10."""

from datetime import date
from typing import Any

import orjson
import pytest

from services.structure_svc import state as states
from services.structure_svc.rules import update_from_insee
from services.structure_svc.rules.insee import UNREACHABLE
from shared.clock import DAY, HOUR, iso
from shared.contracts import codes
from shared.contracts.messages.insee import InseeAnswer, InseeLookUp, SuccessionResult
from shared.contracts.messages.structure import CancelRequest, FormerIdentifier, ModifyStructure, UpdateFromInsee
from shared.domain.actor import Actor
from shared.engine.core.decide import Wait, decide
from shared.engine.core.document import Document, Draft
from shared.engine.core.incoming import Incoming
from shared.engine.core.rules import Context
from shared.errors import Failed
from tests.unit.services.structure_svc.builders import (
    ALICE,
    CLEO,
    COPIES,
    DELAY,
    MARC,
    NOW,
    OWNER,
    SIRET,
    STRANGER,
    SYSTEM,
    TIMING,
    Case,
    public,
    structure,
)

NEW, THIRD = "41816609600077", "41816609600085"
UPDATE = UpdateFromInsee.model_validate({"structure": {"id": 42}})


def key(siret: str) -> str:
    return f"insee:{InseeLookUp(siret=siret, successor=True).key}"


def insee(result: str = "ACTIVE", siret: str = SIRET, **more: Any) -> dict[str, Any]:
    """Return what INSEE says of a SIRET; unless said, what the structure of these tests says too."""
    answer = {"siret": siret, "result": result, "as_of": NOW, "legal_category": "7210", "name": "Exemple", **more}
    answer.setdefault("address", {"city": "Lyon"})
    return {key(siret): InseeAnswer.model_validate(answer).model_dump(mode="json", exclude_none=True)}


def followed(ends: SuccessionResult, *successors: str, asked: str = SIRET, **more: Any) -> dict[str, Any]:
    """Return that an establishment is closed, and where INSEE's links lead from it."""
    succession: dict[str, Any] = {"result": ends, "chain": [asked], "successors": successors}
    if ends is SuccessionResult.FOUND:
        found = {"siret": successors[0], "name": "Exemple", "address": {"city": "Lyon"}, "legal_category": "7210"}
        succession["establishment"] = {**found, **more.pop("found", {})}
    return insee(**{"result": "CLOSED", "siret": asked, "succession": succession, **more})


def commune(**values: Any) -> Any:
    return public(**{"legal_category": "7210", "name": "Exemple", "address": {"city": "Lyon"}, **values})


def asked(actor: Actor = ALICE, state: Any = None, **answers: Any) -> tuple[Case, Any]:
    case = Case(state or commune(), **{"answers": insee(), **answers})
    return case, case.ask(UPDATE, actor)


# ---- who may ask, and of what --------------------------------------------------------------------------------------


@pytest.mark.parametrize("actor", [ALICE, MARC])
def test_who_may_modify_may_update_from_insee_r2_r10(actor: Actor) -> None:
    assert asked(actor)[1].code == "already_up_to_date"


@pytest.mark.parametrize("actor", [CLEO, STRANGER, SYSTEM])
def test_nobody_else_may_and_insee_is_not_asked_for_them_r2_r10(actor: Actor) -> None:
    _, wait = asked(actor, answers={})
    assert isinstance(wait, Wait)
    assert (wait.code, wait.look_up) == ("waiting_copy", None), "the refusal waits for the team's copy alone"


@pytest.mark.parametrize("kind", ["AUTRE", "RIDET", "PARTICULIER"])
def test_only_a_structure_with_a_siret_is_updated_r10(kind: str) -> None:
    _, transition = asked(state=structure(identifier={"type": kind, "value": "0123456789"}), answers={})
    assert (transition.status, transition.code) == ("rejected", "siret_only")


def test_a_structure_that_was_duplicated_names_the_one_to_update_r5_r10() -> None:
    _, transition = asked(state=commune(duplicated_to=43), answers={})
    assert (transition.code, transition.details) == ("structure_duplicated", {"duplicated_to": 43})


@pytest.mark.parametrize("status", ["active", "inactive"])
def test_it_is_offered_for_siret_structures_active_or_not_r10_r23(status: str) -> None:
    def offered(state: Any) -> bool:
        return "update-from-insee" in states.possible_requests(state, pending=False)

    assert offered(commune(status=status))
    assert not offered(structure(status=status))
    assert not offered(commune(status=status, duplicated_to=43))


# ---- INSEE is asked, and waited for --------------------------------------------------------------------------------


def test_insee_is_asked_for_the_successor_too_r10() -> None:
    _, wait = asked(answers={})
    assert isinstance(wait, Wait)
    assert (wait.waits_for, wait.code) == (key(SIRET), "waiting_insee")
    assert wait.look_up is not None
    assert (wait.look_up.topic, wait.look_up.key) == ("insee.requests", InseeLookUp(siret=SIRET, successor=True).key)
    assert (wait.look_up.data["successor"], wait.look_up.data["actor"]) == (True, "alice")


def test_what_insee_said_to_a_creation_is_no_answer_r10() -> None:
    """It may be an hour old, and says nothing of a successor."""
    plain = {f"insee:{SIRET}": insee()[key(SIRET)]}
    assert isinstance(asked(answers=plain)[1], Wait)
    assert isinstance(asked(answers=insee("CLOSED"))[1], Wait), "nor is one that was not asked for the successor"


def test_an_unreachable_insee_is_waited_for_an_hour_then_refused_r10() -> None:
    case, wait = asked(answers=insee("UNAVAILABLE", because="OUTAGE", retry_after=30))
    assert isinstance(wait, Wait)
    assert (wait.code, wait.deadline) == ("waiting_insee", NOW + HOUR)
    assert case.draft.transitions == []


def test_an_insee_that_stays_unreachable_changes_nothing_r10() -> None:
    draft, now = Draft(OWNER, Document("structure:42", 1, commune())), NOW + HOUR
    incoming = Incoming("r1", ALICE, UPDATE, "h", NOW, waited={UNREACHABLE: NOW})
    answers = insee("UNAVAILABLE", because="OUTAGE")
    context = Context(ALICE, now, "r1", "structure:42", copies=COPIES, answers=answers)
    assert decide(draft, incoming, context, TIMING) is None
    (transition,) = draft.transitions
    assert (transition.status, transition.code) == ("rejected", "insee_unavailable")
    assert draft.pending == []


def test_our_own_quota_is_not_an_unreachable_insee_r10() -> None:
    _, wait = asked(answers=insee("UNAVAILABLE", because="QUOTA"))
    assert isinstance(wait, Wait)
    assert wait.deadline == NOW + DAY


# ---- open: what differs --------------------------------------------------------------------------------------------


def test_what_is_unchanged_ends_at_once_r10() -> None:
    case, transition = asked()
    assert (transition.status, transition.code) == ("applied", "already_up_to_date")
    assert (case.draft.pending, transition.effective_at, transition.after) == ([], None, {})


def test_what_differs_is_accepted_with_before_and_after_and_takes_effect_later_r10() -> None:
    case, transition = asked(answers=insee(name="Nouveau nom", address={"city": "Nice", "line1": "1 quai"}))
    assert (transition.status, transition.code) == ("accepted", "accepted")
    assert transition.effective_at == NOW + DELAY
    assert transition.before == {"name": "Exemple", "address": {"country": "FR", "city": "Lyon"}}
    assert transition.after == {"name": "Nouveau nom", "address": {"country": "FR", "city": "Nice", "line1": "1 quai"}}
    assert case.state.name == "Exemple"
    state = case.later(DELAY).state
    assert (state.name, state.address.city, state.identifier.value) == ("Nouveau nom", "Nice", SIRET)
    assert state.former_identifiers == ()


def test_what_is_pending_already_is_not_asked_twice_r5_r10() -> None:
    case, _ = asked(answers=insee(name="Nouveau nom"))
    again = case.ask(UPDATE, MARC)
    assert (again.code, again.details["request_id"]) == ("already_pending", "r1")


def test_what_was_given_by_hand_stays_r10() -> None:
    given = commune(label="Accueil", email="a@b.fr", phone="0102030405")
    case, _ = asked(state=given, answers=insee(name="Nouveau nom"))
    state = case.later(DELAY).state
    assert (state.label, state.email, state.phone) == ("Accueil", "a@b.fr", "0102030405")


def test_what_insee_hides_from_now_on_stays_and_may_be_changed_by_hand_r4_r10() -> None:
    hides = insee("RESTRICTED", restriction="PARTIAL", hidden=["address"], address={"city": "Lyon"})
    case, transition = asked(state=commune(address={"city": "Lyon", "line1": "1 rue Haute"}), answers=hides)
    assert (transition.status, transition.after) == ("accepted", {"hidden_by_insee": ["address"]})
    state = case.later(DELAY).state
    assert state.address.line1 == "1 rue Haute"
    assert "address" in states.modifiable_fields(state)


def test_what_insee_shows_again_replaces_what_was_given_by_hand_r4_r10() -> None:
    case, _ = asked(state=commune(hidden_by_insee=["name"], name="À la main"), answers=insee(name="Exemple SA"))
    state = case.later(DELAY).state
    assert (state.name, state.hidden_by_insee) == ("Exemple SA", ())
    assert "name" not in states.modifiable_fields(state)


def test_a_unit_that_is_kept_back_as_a_whole_changes_nothing_but_who_gives_it_r10() -> None:
    secret = {
        key(SIRET): InseeAnswer.model_validate(
            {"siret": SIRET, "result": "RESTRICTED", "restriction": "UNIT", "as_of": NOW, "hidden": ["name", "address"]}
        ).model_dump(mode="json")
    }
    case, transition = asked(answers=secret)
    assert transition.after == {"hidden_by_insee": ["name", "address"]}
    state = case.later(DELAY).state
    assert (state.name, state.legal_category, state.sphere) == ("Exemple", "7210", "public_non_state")


def test_insee_never_changes_the_sphere_and_shows_administrators_what_it_speaks_for_r10_r22() -> None:
    case, transition = asked(answers=insee(legal_category="5710"))
    assert transition.after == {"legal_category": "5710"}, "what administrators decide about is no member's to see"
    assert states.sphere_by_insee(case.state) is None
    state = case.later(DELAY).state
    assert (state.sphere, state.parameters is not None) == ("public_non_state", True)
    assert states.sphere_by_insee(state) == "private"
    view = Draft(OWNER, Document("structure:42", 2, state)).view()
    assert view is not None
    assert orjson.loads(states.present(view))["sphere_by_insee"] == "private"


def test_an_announced_closing_closes_nothing_yet_r10() -> None:
    assert asked(answers=insee(closes_on="2027-01-31"))[1].code == "already_up_to_date"


# ---- closed: one clear successor -----------------------------------------------------------------------------------


def test_one_clear_successor_brings_its_siret_name_and_address_r10() -> None:
    found = {"name": "Exemple déménagé", "address": {"city": "Nice"}}
    case, transition = asked(answers=followed(SuccessionResult.FOUND, NEW, found=found))
    assert (transition.status, transition.code) == ("accepted", "accepted_with_new_siret")
    assert transition.before["identifier"] == {"type": "SIRET", "value": SIRET}
    assert transition.after["identifier"] == {"type": "SIRET", "value": NEW}
    assert (transition.after["name"], transition.after["address"]["city"]) == ("Exemple déménagé", "Nice")
    state = case.later(DELAY).state
    assert (state.identifier.value, state.name, state.address.city) == (NEW, "Exemple déménagé", "Nice")


def test_the_new_siret_is_reserved_from_acceptance_and_the_former_stays_r8_r10() -> None:
    case, _ = asked(answers=followed(SuccessionResult.FOUND, NEW))
    assert set(case.draft.keys()) == {f"SIRET:{SIRET}", f"SIRET:{NEW}"}
    case.later(DELAY)
    assert case.draft.keys() == (f"SIRET:{NEW}", f"SIRET:{SIRET}")


def test_a_cancelled_update_reserves_nothing_any_more_r8_r10() -> None:
    case, _ = asked(answers=followed(SuccessionResult.FOUND, NEW))
    cancelled = case.ask(CancelRequest.model_validate({"structure": {"id": 42}, "request_id": "r1"}))
    assert cancelled.code == "cancellation_done"
    assert case.draft.keys() == (f"SIRET:{SIRET}",)


def test_the_former_identifiers_are_kept_with_their_dates_r10() -> None:
    case, _ = asked(state=commune(created_at=NOW - DAY), answers=followed(SuccessionResult.FOUND, NEW))
    case.later(DELAY)
    case.context["answers"] = followed(SuccessionResult.FOUND, THIRD, asked=NEW)
    case.ask(UPDATE)
    case.later(DELAY)
    first, second = NOW + DELAY, NOW + 2 * DELAY
    assert case.state.identifier.value == THIRD
    assert case.state.former_identifiers == (
        FormerIdentifier(type="SIRET", value=SIRET, since=NOW - DAY, until=first),
        FormerIdentifier(type="SIRET", value=NEW, since=first, until=second),
    )
    view = case.draft.view()
    assert view is not None
    assert orjson.loads(states.present(view))["former_identifiers"][0] == {
        "type": "SIRET",
        "value": SIRET,
        "since": iso(NOW - DAY),
        "until": iso(first),
    }


def test_a_structure_may_come_back_to_a_former_siret_of_its_own_r8_r10() -> None:
    former = {"type": "SIRET", "value": NEW, "since": 0, "until": NOW}
    state = commune(former_identifiers=[former])
    holders = {f"SIRET:{SIRET}": "structure:42", f"SIRET:{NEW}": "structure:42"}
    case, transition = asked(state=state, answers=followed(SuccessionResult.FOUND, NEW), holders=holders)
    assert transition.status == "accepted"
    state = case.later(DELAY).state
    assert [f.value for f in state.former_identifiers] == [NEW, SIRET]
    assert set(case.draft.keys()) == {f"SIRET:{SIRET}", f"SIRET:{NEW}"}


def test_a_successor_that_is_another_structure_is_refused_and_named_r8_r10() -> None:
    _, transition = asked(answers=followed(SuccessionResult.FOUND, NEW), holders={f"SIRET:{NEW}": "structure:7"})
    assert (transition.status, transition.code) == ("rejected", "successor_taken")
    assert NEW in codes.sentence(transition.code, transition.details)


def test_a_doublon_is_the_establishment_that_stands_for_it_r10() -> None:
    moved = followed(SuccessionResult.FOUND, "77887067500015", result="MOVED", moved_to="77887067500015")
    case, transition = asked(answers=moved)
    assert transition.code == "accepted_with_new_siret"
    assert case.later(DELAY).state.identifier.value == "77887067500015"


def test_of_a_successor_whose_address_insee_hides_the_present_one_stays_r4_r10() -> None:
    found = {"address": {"city": "Nice"}, "hidden": ["address"], "restriction": "PARTIAL"}
    case, _ = asked(answers=followed(SuccessionResult.FOUND, NEW, found=found))
    state = case.later(DELAY).state
    assert (state.identifier.value, state.address.city, state.hidden_by_insee) == (NEW, "Lyon", ("address",))


def test_a_successor_of_another_legal_category_keeps_the_sphere_r10_r22() -> None:
    case, _ = asked(answers=followed(SuccessionResult.FOUND, NEW, found={"legal_category": "7120"}))
    state = case.later(DELAY).state
    assert (state.sphere, states.sphere_by_insee(state)) == ("public_non_state", "state")


# ---- closed: no clear successor ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "code", "details"),
    [
        (insee("NOT_FOUND"), "siret_not_found", {}),
        (followed(SuccessionResult.NONE), "successor_none", {}),
        (
            followed(SuccessionResult.NONE, closed_on="2024-06-30", head_office=NEW),
            "successor_none",
            {"closed_on": "2024-06-30", "head_office": NEW},
        ),
        (followed(SuccessionResult.NONE, opens_on="2027-01-31"), "successor_none", {"opens_on": "2027-01-31"}),
        (followed(SuccessionResult.SEVERAL, NEW, THIRD), "successor_several", {"successors": [NEW, THIRD]}),
        (followed(SuccessionResult.OTHER_UNIT, NEW), "successor_other_unit", {"successors": [NEW]}),
        (followed(SuccessionResult.CYCLE, SIRET), "successor_cycle", {"successors": [SIRET]}),
        (followed(SuccessionResult.TOO_LONG, NEW), "successor_too_far", {"successors": [NEW]}),
        (followed(SuccessionResult.CLOSED, NEW), "successor_closed", {"successors": [NEW]}),
        (followed(SuccessionResult.UNKNOWN, NEW), "successor_unknown", {"successors": [NEW]}),
        (followed(SuccessionResult.UNKNOWN, result="MOVED"), "successor_unknown", {}),
    ],
)
def test_without_one_clear_successor_it_is_refused_with_what_insee_says_r10(
    answers: dict[str, Any], code: str, details: dict[str, Any]
) -> None:
    case, transition = asked(answers=answers)
    assert (transition.status, transition.code, transition.details) == ("rejected", code, details)
    assert case.draft.pending == []
    sentence = codes.sentence(code, transition.details)
    assert "{" not in sentence
    assert all(successor in sentence for successor in details.get("successors", ()))


def test_every_way_to_end_has_a_code_of_its_own_r10() -> None:
    ends = [end for end in SuccessionResult if end is not SuccessionResult.FOUND]
    reported = {asked(answers=followed(end, NEW))[1].code for end in ends}
    assert len(reported) == len(ends)


def test_it_says_since_when_it_is_closed_and_where_the_head_office_is_r10() -> None:
    answers = followed(SuccessionResult.NONE, closed_on=date(2024, 6, 30), head_office=NEW)
    sentence = codes.sentence("successor_none", asked(answers=answers)[1].details)
    assert "30\u00a0juin 2024" in sentence
    assert NEW in sentence


# ---- what is pending, and what changed meanwhile -------------------------------------------------------------------


def test_it_asks_about_the_structure_as_it_will_be_r5_r10() -> None:
    case, _ = asked(answers=followed(SuccessionResult.FOUND, NEW))
    case.context["answers"] = {}
    wait = case.ask(UPDATE, MARC)
    assert isinstance(wait, Wait)
    assert wait.waits_for == key(NEW)
    case.context["answers"] = insee(siret=NEW)
    assert case.ask(UPDATE, MARC, "r3").code == "already_pending"


def test_a_change_by_hand_and_an_update_each_change_their_own_r6_r10() -> None:
    case, _ = asked(answers=insee(name="Nouveau nom"))
    case.ask(ModifyStructure.model_validate({"structure": {"id": 42}, "email": "a@b.fr"}), request_id="by hand")
    state = case.later(DELAY).state
    assert (state.name, state.email) == ("Nouveau nom", "a@b.fr")


def test_an_update_on_top_of_one_that_was_cancelled_fails_and_leaves_the_structure_r7_r10() -> None:
    case, _ = asked(answers=followed(SuccessionResult.FOUND, NEW))
    case.context["answers"] = insee(siret=NEW, name="Nouveau nom")
    assert case.ask(UPDATE, MARC, "second").status == "accepted"
    case.ask(CancelRequest.model_validate({"structure": {"id": 42}, "request_id": "r1"}))
    case.later(DELAY)
    last = case.draft.transitions[-1]
    assert (last.request_id, last.status, last.code) == ("second", "failed", "siret_changed_since")
    assert (case.state.identifier.value, case.state.name) == (SIRET, "Exemple")


def test_a_structure_that_was_duplicated_meanwhile_is_left_as_it_is_r7_r10() -> None:
    case, _ = asked(answers=insee(name="Nouveau nom"))
    change = case.draft.pending[0].change
    with pytest.raises(Failed, match="structure_duplicated"):
        update_from_insee.apply(change, commune(duplicated_to=43), NOW)


def test_it_takes_effect_once_whatever_insee_says_by_then_r10() -> None:
    """INSEE is asked at acceptance only."""
    case, _ = asked(answers=insee(name="Nouveau nom"))
    case.context["answers"] = {}
    assert case.later(DELAY).state.name == "Nouveau nom"
