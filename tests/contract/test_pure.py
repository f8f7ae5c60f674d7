"""What decides is pure: it waits for nothing, and the time is given to it."""

import ast
from pathlib import Path

import pytest

ROOMS = ("shared/engine/core", "shared/domain", "gateway/visibility", "services/*/rules")
READS_THE_TIME = {"time.time", "time.monotonic", "datetime.now", "datetime.today", "date.today"}
FOLDERS = [folder for room in ROOMS for folder in sorted(Path().glob(room))]
FILES = [file for folder in FOLDERS for file in sorted(folder.rglob("*.py"))]


def test_the_rooms_are_there() -> None:
    assert len(FOLDERS) > len(ROOMS)


@pytest.mark.parametrize("file", FILES, ids=str)
def test_it_waits_for_nothing_and_reads_no_clock(file: Path) -> None:
    wrong = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith):
            wrong.append(f"line {node.lineno} waits")
        elif isinstance(node, ast.Attribute) and ast.unparse(node) in READS_THE_TIME:
            wrong.append(f"line {node.lineno} reads the time")
    assert wrong == []
