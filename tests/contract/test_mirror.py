"""A unit test stands where the code that it tests stands: `tests/unit/<same path>/test_<module>.py`."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def wrong(root: Path) -> Iterator[tuple[str, str]]:
    """Yield each unit test below a root that stands where it should not, with what is wrong."""
    unit = root / "tests" / "unit"
    for test in sorted(unit.rglob("test_*.py")):
        folder = test.parent.relative_to(unit)
        if not (root / folder).is_dir() or folder == Path():
            yield str(test.relative_to(root)), "there is no such folder of the code"
        elif not _named_by(test, root / folder):
            yield str(test.relative_to(root)), "it has the name of no module, and names no rule"
        elif not any(_is_in(module, ".".join(folder.parts)) for module in _imported(test, root, set())):
            yield str(test.relative_to(root)), "it imports nothing from the folder whose path it has"


def _named_by(test: Path, folder: Path) -> bool:
    """Tell whether a test has the name of a module, or one that begins so; or says which rule several modules keep."""
    about = test.stem.removeprefix("test_")
    modules = {path.stem for path in folder.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    if any(about == module or about.startswith(f"{module}_") for module in modules):
        return True
    return re.search(r"\bR\d+\b", ast.get_docstring(_tree(test)) or "") is not None


def _imported(file: Path, root: Path, seen: set[Path]) -> Iterator[str]:
    """Yield the modules that a test imports, and those that the builders beside it do."""
    seen.add(file)
    for node in ast.walk(_tree(file)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
        if isinstance(node, ast.ImportFrom):
            names = [str(node.module), *(f"{node.module}.{name}" for name in names)]
        for name in names:
            yield name
            builders = root.joinpath(*name.split(".")).with_suffix(".py")
            if _is_in(name, "tests.unit") and builders.exists() and builders not in seen:
                yield from _imported(builders, root, seen)


def _is_in(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def test_each_unit_test_stands_where_its_code_is() -> None:
    assert len(list((ROOT / "tests" / "unit").rglob("test_*.py"))) > 50
    assert dict(wrong(ROOT)) == {}


@pytest.mark.parametrize(
    ("place", "text", "why"),
    [
        ("shared/kafka/test_partitioner.py", "from shared.kafka import partitioner", None),
        ("shared/kafka/test_partitioner_of_java.py", "import shared.kafka.partitioner", None),
        ("shared/test_kafka.py", "from shared.kafka import partitioner", None),
        ("shared/kafka/test_order.py", '"""Rule R6."""\nimport shared.kafka.partitioner', None),
        ("shared/kafka/test_partitioner.py", "from tests.unit.shared.kafka.builders import key", None),
        ("kafka/test_partitioner.py", "import shared.kafka.partitioner", "there is no such folder of the code"),
        ("test_partitioner.py", "import shared.kafka.partitioner", "there is no such folder of the code"),
        ("shared/test_partitioner.py", "import shared.kafka", "it has the name of no module, and names no rule"),
        ("shared/kafka/test_order.py", "import shared.kafka", "it has the name of no module, and names no rule"),
        (
            "shared/kafka/test_partitioner.py",
            "import shared.kafkaesque",
            "it imports nothing from the folder whose path it has",
        ),
    ],
)
def test_one_that_stands_elsewhere_is_found(tmp_path: Path, place: str, text: str, why: str | None) -> None:
    files = {
        "shared/kafka/__init__.py": "",
        "shared/kafka/partitioner.py": "",
        "tests/unit/shared/kafka/builders.py": "from shared.kafka import partitioner",
        f"tests/unit/{place}": text,
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    assert dict(wrong(tmp_path)) == ({} if why is None else {f"tests/unit/{place}": why})
