"""A private structure is to whoever is none of its members what one that does not exist is (rule R1)."""

from typing import Any

import orjson
import pytest

from services.structure_svc.rules import RULES
from services.structure_svc.state import StructureState
from shared.contracts.messages.common import Request
from shared.contracts.messages.structure import ActivateStructure
from shared.domain.actor import Actor
from shared.engine.core.document import Document
from tests.support.strangers import askable, data_of, refusal
from tests.unit.services.structure_svc.builders import (
    ADMIN,
    ALICE,
    CLEO,
    COPIES,
    MARC,
    NOW,
    OWNER,
    STRANGER,
    SYSTEM,
    TIMING,
    Case,
    public,
    structure,
)

BY_ID = {"id": 42}
BY_IDENTIFIER = {"identifier": {"type": "AUTRE", "value": "ABC"}}
ALL = {"structure": BY_ID | BY_IDENTIFIER}
CLOSED = {"manager:user:stranger": {"active": False}}


def activate(named: Any) -> Request:
    return ActivateStructure.model_validate({"structure": named})


@pytest.mark.parametrize("model", askable(RULES), ids=lambda m: m.type)
@pytest.mark.parametrize("named", [BY_ID, BY_IDENTIFIER], ids=["id", "identifier"])
@pytest.mark.parametrize(
    ("actor", "more"),
    [(STRANGER, {}), (Actor("gone"), {}), (SYSTEM, {}), (STRANGER, CLOSED)],
    ids=["stranger", "former member", "technical", "closed account"],
)
def test_what_is_not_theirs_is_refused_as_what_is_not_there(
    model: type[Request], named: Any, actor: Actor, more: dict[str, Any]
) -> None:
    request = model.model_validate(data_of(model, {"structure": named}))
    there, absent = (
        refusal(OWNER, TIMING, document, request, actor, COPIES | more, NOW)
        for document in (Document("structure:42", 7, structure()), None)
    )
    assert there == absent
    outcome = orjson.loads(there[2])
    assert outcome["reference"] == {"structure": named}
    administrators = model.type == "structure.correct-sphere.v1"
    assert outcome["code"] == (
        "user_inactive" if more else "administrator_only" if administrators else "structure_not_found"
    )


@pytest.mark.parametrize(
    ("state", "actor"),
    [(structure(), CLEO), (structure(), ADMIN), (public(), STRANGER)],
    ids=["a reader", "an administrator", "anybody, of a public one"],
)
def test_whoever_can_see_it_is_told_that_they_may_not(state: StructureState, actor: Actor) -> None:
    document = Document("structure:42", 7, state)
    waited, key, value = refusal(OWNER, TIMING, document, activate(BY_ID), actor, COPIES, NOW)
    outcome = orjson.loads(value)
    assert (waited, key) == (("waiting_copy", 2_000, None), b"structure:42")
    assert (outcome["code"], outcome["document"], outcome["version"]) == ("forbidden", "structure:42", 8)
    assert set(outcome["reference"]["structure"]) == {"id", "identifier"}


def test_who_may_ask_is_told_all() -> None:
    assert Case(structure()).ask(activate(BY_ID), MARC).raw["reference"] == ALL
    assert Case(structure(status="active")).ask(activate(BY_ID), ALICE).raw["reference"] == ALL
