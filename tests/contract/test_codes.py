"""What is answered has a code of the catalogue, and the values of its sentence; what the catalogue holds is answered.

The code is read, not run: every place that refuses is looked at, whether a test comes by it or not.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from shared.contracts.codes import CODES
from shared.contracts.codes.fields import IDENTIFIER_FORMS
from shared.contracts.codes.sentences import names

ROOT = Path(__file__).parents[2]
PRODUCT = ("shared", "services", "gateway")
CATALOGUE = {*(ROOT / "shared" / "contracts" / "codes").glob("*.py")}

REFUSALS = {"Rejected", "Failed", "problem", "PydanticCustomError", "wrong", "Unfit"}
"""What is called with a code, first."""
WITH_DETAILS = {"Rejected", "Failed", "problem"}
NAMING_CODES = {"code", "unchanged_code", "cancels_code", "timeout_code", "missing"}
"""Arguments of rules' answers, and of the engine's own steps, that are codes."""
OF_EACH_FIELD = {"fields"}
"""Details beside a sentence's own values: those of each field's."""


@cache
def trees() -> tuple[tuple[str, ast.Module], ...]:
    files = sorted(file for folder in PRODUCT for file in (ROOT / folder).rglob("*.py"))
    return tuple((str(file.relative_to(ROOT)), ast.parse(file.read_text())) for file in files if file not in CATALOGUE)


def calls() -> Iterator[tuple[str, ast.Module, ast.Call, str]]:
    """Yield every call with where it stands and the name of what is called (a method's after a dot)."""
    for path, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                called = f".{node.func.attr}" if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                yield f"{path}:{node.lineno}", tree, node, called


def texts(node: ast.AST | None, tree: ast.Module, seen: frozenset[str] = frozenset()) -> set[str]:
    """Return the texts that an expression may be, as far as they can be read in its own file."""
    several: list[ast.AST] = []
    match node:
        case ast.Constant(value=str(text)):
            return {text}
        case ast.IfExp(body=one, orelse=other) | ast.BinOp(op=ast.BitOr(), left=one, right=other):
            several = [one, other]
        case ast.BoolOp(values=values) | ast.Tuple(elts=values) | ast.Dict(values=values):
            several = [*values]
        case ast.DictComp(value=one) | ast.Subscript(value=one):
            several = [one]
        case ast.Call(func=ast.Attribute(value=table, attr="get"), args=args):  # A table of codes, and what else.
            several = [table, *args[1:]]
        case ast.Call(func=ast.Attribute(value=ast.Name(id="dict"), attr="fromkeys"), args=[_, one]):
            several = [one]
        case ast.Name(id=name) if name not in seen:
            seen |= {name}
            several = [*assigned(name, tree)]
    return {text for one in several for text in texts(one, tree, seen)}


def assigned(name: str, tree: ast.Module) -> Iterator[ast.AST]:
    """Yield what a name of a file is given, and what its items are."""
    for node in ast.walk(tree):
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        value = getattr(node, "value", None)
        if value is None or not isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            continue
        for target in targets:
            given = target.value if isinstance(target, ast.Subscript) else target
            if isinstance(given, ast.Name) and given.id == name:
                yield value


def reported() -> Iterator[tuple[str, set[str]]]:
    """Yield every place that tells a code, with the codes it may tell."""
    for place, tree, node, called in calls():
        if called in REFUSALS and node.args:
            yield place, texts(node.args[0], tree)
        for keyword in node.keywords:
            if keyword.arg in NAMING_CODES or (keyword.arg == "fields" and called in WITH_DETAILS):
                yield place, texts(keyword.value, tree)
    for path, tree in trees():
        for item in ast.walk(tree):  # The codes that a rule's answer has when nothing else is said.
            if isinstance(item, ast.AnnAssign) and getattr(item.target, "id", "") in NAMING_CODES:
                yield f"{path}:{item.lineno}", texts(item.value, tree)


def test_the_places_that_tell_codes_are_found() -> None:
    found = {code for _, codes in reported() for code in codes}
    assert len(found) > 70
    assert {"superseded", "too_late", "already_active", "name_required", "not_yet", "accepted", "date_format"} <= found


def test_every_code_told_is_in_the_catalogue() -> None:
    unknown = {place: codes - set(CODES) for place, codes in reported() if codes - set(CODES)}
    assert unknown == {}


def test_every_code_of_the_catalogue_is_told_somewhere() -> None:
    said = {
        node.value
        for _, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert set(CODES) - said == set()


def test_every_place_that_refuses_gives_the_values_of_the_sentence_and_no_others() -> None:
    """Details are public, and stored: what no sentence says has no place there, least of all personal data."""
    wrong = []
    for place, tree, node, called in calls():
        if called not in WITH_DETAILS or not node.args:
            continue
        given = next((k.value for k in node.keywords if k.arg == "details"), None)
        for code in texts(node.args[0], tree) & set(CODES):
            wanted = names(CODES[code].sentence)
            if given is None and wanted and not _elsewhere(code):
                wrong.append(f"{place}: {code} is told without {', '.join(sorted(wanted))}")
            if isinstance(given, ast.Dict):
                keys = {text for key in given.keys for text in texts(key, tree)} - OF_EACH_FIELD
                if keys - CODES[code].values or (wanted and not keys & CODES[code].values):
                    wrong.append(f"{place}: {code} is told with {sorted(keys)}, and says {sorted(CODES[code].values)}")
    assert wrong == []


def _elsewhere(code: str) -> bool:
    """Tell whether a code's values come from elsewhere than its refusal: the gateway says when to try again, and of a
    request that is over only its status may be known."""
    return code in {"unavailable", "too_late"}


def test_the_values_of_a_sentence_are_found_missing() -> None:
    tree = ast.parse('raise Rejected("superseded" if x else "forbidden")\nraise Rejected(CODE)\nCODE = "too_late"')
    found = [texts(node.args[0], tree) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert sorted(map(sorted, found)) == [["forbidden", "superseded"], ["too_late"]]


@pytest.mark.parametrize("kind", IDENTIFIER_FORMS)
def test_every_type_of_identifier_says_its_form(kind: str) -> None:
    assert set(IDENTIFIER_FORMS[kind]) == CODES["identifier_format"].values
