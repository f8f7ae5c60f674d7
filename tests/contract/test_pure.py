"""What decides is pure: it waits for nothing, and the time is given to it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOMS = ("shared/engine/core", "shared/domain", "gateway/visibility", "services/*/rules")
READS_THE_TIME = {
    ("time", "time"),
    ("time", "monotonic"),
    ("datetime", "now"),
    ("datetime", "today"),
    ("date", "today"),
}


def _files() -> Iterator[Path]:
    for room in ROOMS:
        found = [file for folder in Path().glob(room) for file in sorted(folder.rglob("*.py"))]
        assert found, f"{room} holds nothing"
        yield from found


@pytest.mark.parametrize("file", _files(), ids=str)
def test_it_waits_for_nothing_and_reads_no_clock(file: Path) -> None:
    wrong = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith):
            wrong.append(f"line {node.lineno} waits")
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if (node.value.id, node.attr) in READS_THE_TIME:
                wrong.append(f"line {node.lineno} reads the time")
    assert wrong == []
