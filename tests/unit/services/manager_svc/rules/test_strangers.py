"""The team of a private structure is to a stranger what none is; users are so to whoever is no administrator (R1)."""

from typing import Any

import orjson
import pytest

from services.manager_svc.rules import RULES
from shared.contracts.messages.common import Request
from shared.domain.actor import Actor
from shared.engine.core.document import Document
from tests.support.strangers import askable, data_of, refusal
from tests.unit.services.manager_svc.builders import ADMIN, NOW, OWNER, PEOPLE, TIMING, team, user

ABOUT = {"structure_id": 42, "user": "chloe"}
STRANGER = Actor("stranger")
CLOSED = {"manager:user:stranger": {"active": False}}
ASKABLE = askable(model for model in RULES if model not in OWNER.internal)
OF_TEAMS = [model for model in ASKABLE if "structure_id" in model.model_fields]


def _document(model: type[Request], **members: str) -> Document:
    if model in OF_TEAMS:
        return Document("structure:42", 7, team(**members))
    return Document("user:chloe", 7, user())


@pytest.mark.parametrize("model", ASKABLE, ids=lambda m: m.type)
@pytest.mark.parametrize(
    ("actor", "more"),
    [(STRANGER, {}), (Actor("gone"), {}), (STRANGER, CLOSED)],
    ids=["stranger", "former member", "closed account"],
)
def test_what_is_not_theirs_is_refused_as_what_is_not_there(
    model: type[Request], actor: Actor, more: dict[str, Any]
) -> None:
    request = model.model_validate(data_of(model, ABOUT))
    there, absent = (
        refusal(OWNER, TIMING, document, request, actor, PEOPLE | more, NOW)
        for document in (_document(model, gone="ended"), None)
    )
    assert there == absent
    outcome = orjson.loads(there[2])
    assert outcome["code"] == (
        "user_inactive" if more else "structure_not_found" if model in OF_TEAMS else "administrator_only"
    )


@pytest.mark.parametrize("model", OF_TEAMS, ids=lambda m: m.type)
@pytest.mark.parametrize(
    ("actor", "sphere"),
    [(Actor("marc"), "private"), (ADMIN, "private"), (STRANGER, "public_non_state")],
    ids=["a member", "an administrator", "anybody, of a public one"],
)
def test_whoever_can_see_it_is_told_that_it_is_the_principals_alone(
    model: type[Request], actor: Actor, sphere: str
) -> None:
    document = Document("structure:42", 7, team(sphere, marc="consultation"))
    request = model.model_validate(data_of(model, ABOUT))
    wait, key, value = refusal(OWNER, TIMING, document, request, actor, PEOPLE, NOW)
    outcome = orjson.loads(value)
    assert (wait, key, outcome["code"], outcome["document"]) == (
        None,
        b"structure:42",
        "principal_only",
        "structure:42",
    )


@pytest.mark.parametrize("model", [m for m in ASKABLE if m not in OF_TEAMS], ids=lambda m: m.type)
def test_an_administrator_is_told_that_a_user_is_not_known(model: type[Request]) -> None:
    request = model.model_validate(data_of(model, ABOUT))
    _, _, value = refusal(OWNER, TIMING, None, request, ADMIN, PEOPLE, NOW)
    assert orjson.loads(value)["code"] == "user_not_found"
