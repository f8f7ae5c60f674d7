"""Adding a request type touches one message, one rule file and one line of the table, whatever the engine is."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, get_args

import pytest

from gateway.api.routes.me import Possible
from services.manager_svc import rules as manager_rules
from services.structure_svc.rules import activate, deactivate
from services.structure_svc.state import StructureState, possible_requests
from shared.contracts.messages import manager
from shared.contracts.messages import structure as structure_messages
from shared.contracts.messages.common import Request, StructureRef
from shared.contracts.messages.structure import OfStructure
from shared.engine.core import due
from shared.engine.core.decide import decide
from shared.engine.core.document import Document, Draft
from shared.engine.core.incoming import Incoming
from shared.engine.core.rules import Change, Context, Owner, delayed
from tests.unit.services.structure_svc.builders import ALICE, COPIES, DELAY, NOW, OWNER, TIMING, structure

ROOT = Path(__file__).parents[2]
PRODUCT = ("shared", "services", "gateway", "ops")


def _files_that_name(pattern: str) -> set[str]:
    files = (file for folder in PRODUCT for file in (ROOT / folder).rglob("*.py"))
    return {str(file.relative_to(ROOT)) for file in files if re.search(pattern, file.read_text())}


def test_deactivate_is_named_where_activate_is_and_only_in_its_message_its_rule_its_line_and_its_route() -> None:
    expected = {
        "shared/contracts/messages/structure.py",  # the message
        "services/structure_svc/rules/deactivate.py",  # the rule
        "services/structure_svc/rules/__init__.py",  # the line of the table
        "gateway/api/routes/changes.py",  # the way to ask for it by HTTP; by Kafka it needs none
    }
    assert _files_that_name(r"\bDeactivateStructure\b|\bdeactivate\.accept\b") == expected
    assert {f.replace("/activate", "/deactivate") for f in _files_that_name(r"\bActivateStructure\b")} - expected == {
        "services/structure_svc/rules/create.py"  # A creation may ask for activation at once.
    }


def test_the_two_rules_differ_in_what_they_are_about_and_in_nothing_else() -> None:
    one, other = (Path(rule.__file__ or "").read_text().splitlines() for rule in (activate, deactivate))
    assert {line for line in one if line.startswith(("from ", "import "))} - {
        "from shared.contracts.messages.structure import ActivateStructure"
    } <= set(other)
    for rule in (activate, deactivate):
        assert [name for name in vars(rule) if name in {"accept", "apply"}] == ["accept", "apply"]


@pytest.mark.parametrize(
    ("owner", "published"),
    [(OWNER, structure_messages.REQUESTS), (manager_rules.owner(), manager.REQUESTS)],
    ids=["structure", "manager"],
)
def test_what_has_a_rule_is_published_and_the_other_way_round(
    owner: Owner[Any], published: tuple[type[Request], ...]
) -> None:
    assert set(owner.rules) - set(owner.internal) == set(published)


class ArchiveStructure(OfStructure):
    """A request type that does not exist: all that it takes is here."""

    type: ClassVar[str] = "structure.archive.v1"


def accept(request: ArchiveStructure, state: StructureState, context: Context) -> Change:
    del request, state, context
    return Change({"label": "archives"})


def apply(change: Mapping[str, Any], state: StructureState, at: int) -> StructureState:
    del at
    return state.model_copy(update=change)


def test_a_new_request_type_lives_its_whole_life_without_a_word_to_the_engine() -> None:
    owner = replace(OWNER, rules={**OWNER.rules, ArchiveStructure: delayed(accept, apply)})
    request = ArchiveStructure(structure=StructureRef(id=42))
    draft = Draft(owner, Document("structure:42", 1, structure()))
    target = owner.target(request, ALICE, {})
    assert target.id == "structure:42"
    assert set(owner.copies(request, target.id, structure(), ALICE)) == {"manager:user:alice", "manager:structure:42"}
    context = Context(ALICE, NOW, "r", "structure:42", copies=COPIES)
    assert decide(draft, Incoming("r", ALICE, request, "hash", NOW), context, TIMING) is None
    (pending,) = draft.pending
    assert pending.due_at == NOW + DELAY
    assert due.apply(draft, until=NOW + DELAY, now=NOW + DELAY)
    assert [(s.type, s.status) for s in draft.transitions] == [(request.type, "accepted"), (request.type, "applied")]
    assert isinstance(draft.state, StructureState)
    assert draft.state.label == "archives"


@pytest.mark.parametrize("status", ["active", "inactive"])
@pytest.mark.parametrize("pending", [False, True])
def test_what_a_structure_offers_can_be_filtered_by(status: str, *, pending: bool) -> None:
    offered = possible_requests(structure(status=status), pending=pending)
    assert set(offered) <= set(get_args(Possible))


def test_what_can_be_filtered_by_is_offered_and_is_a_request() -> None:
    offered = {
        request
        for status in ("active", "inactive")
        for identifier in ({"type": "SIRET", "value": "41816609600069"}, {"type": "AUTRE", "value": "X"})
        for request in possible_requests(structure(status=status, identifier=identifier), pending=True)
    }
    assert offered == set(get_args(Possible))
    types = {model.type for model in structure_messages.REQUESTS}
    assert {f"structure.{request}.v1" for request in offered - {"cancel"}} <= types
