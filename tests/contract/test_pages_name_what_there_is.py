"""Every file and every topic that a page names is there, and every link leads somewhere."""

import re
from pathlib import Path

import pytest

from shared.contracts import topics
from shared.contracts.topics import PROCESSES, partner_topic, table

ROOT = Path(__file__).parents[2]
FOLDERS = ("bench", "deploy", "dev", "docs", "gateway", "ops", "requirements", "services", "shared", "tests")
FILES = [
    str(file.relative_to(ROOT))
    for file in (*ROOT.glob("*"), *(file for folder in FOLDERS for file in (ROOT / folder).rglob("*")))
    if "__pycache__" not in file.parts
]
PAGES = sorted(file for file in FILES if file.endswith(".md"))
_PATH = re.compile(rf"`((?:{'|'.join(FOLDERS)})/[\w./*-]*)`")
_FILE = re.compile(r"`(\w[\w./-]*\.(?:py|md|yml|json|js|toml|csv))`")
_LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")
_MADE = "deploy/secrets"
"""Made by a command, and in no checkout."""


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_the_files_it_names_are_there(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    paths = {path.rstrip("/") for path in _PATH.findall(text) if not path.startswith(_MADE)}
    missing = {path for path in paths if not list(ROOT.glob(path))}
    # Beside what it is about, a page names a file by the end of its path.
    missing |= {name for name in _FILE.findall(text) if not any(f"/{file}".endswith(f"/{name}") for file in FILES)}
    assert missing == set()


@pytest.mark.parametrize("page", PAGES)
def test_its_links_lead_somewhere(page: str) -> None:
    file = ROOT / page
    for path, anchor in _LINK.findall(file.read_text(encoding="utf-8")):
        target = (file.parent / path).resolve() if path else file
        assert target.exists(), path
        assert not anchor or anchor in anchors(target.read_text(encoding="utf-8")), f"{path}#{anchor}"


def test_the_architecture_names_every_process_and_topic_and_no_other() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    there = {topic.name for topic in [*table(30 * 60_000), partner_topic("<client>")]}
    kinds = "|".join({name.rpartition(".")[2] for name in there if name.startswith("structure.")})
    named = set(re.findall(rf"\b(?:[a-z]+\.(?:{kinds})|delay\.\w+\.v1|ops\.dlq-handled)\b(?![-\w])", text))
    assert named <= there
    assert {topics.name("structure", what) for what in kinds.split("|")} <= named
    assert all(re.search(rf"\b{process}\b", text) for process in PROCESSES)


def test_the_glossary_has_each_word_once_in_alphabetical_order() -> None:
    engine = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8").partition("\n## Domain")[0]
    words = [word.casefold() for word in re.findall(r"^\| (.+?) \| .+ \| `[^`|]+` \|$", engine, re.MULTILINE)]
    assert len(words) >= 50
    assert words == sorted(set(words))


def test_the_index_has_every_page() -> None:
    linked = {path for path, _ in _LINK.findall((ROOT / "docs" / "README.md").read_text(encoding="utf-8"))}
    there = {page.removeprefix("docs/") for page in PAGES if page.startswith("docs/")} - {"README.md"}
    assert there <= linked
