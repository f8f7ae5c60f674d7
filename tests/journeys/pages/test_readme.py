"""The README's first requests can be pasted: over HTTP, and straight on Kafka."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.support import pages
from tests.support.kcat import skip_without_kcat
from tests.support.system import System

TEXT = (pages.ROOT / "README.md").read_text(encoding="utf-8")


def test_the_first_request(demonstration: System, tmp_path: Path) -> None:
    page = pages.read(pages.section(TEXT, "A first request"))
    assert page.commands
    said = pages.run(demonstration, page, pages.folder(demonstration, tmp_path))
    assert '"effective_at"' in said[-1]
    assert "Votre demande est prise en compte" in said[-1]


def test_what_it_says_can_be_read(demonstration: System) -> None:
    paths = re.findall(r"^\| `(/[^`]+)` \|", pages.section(TEXT, "A first request"), re.MULTILINE)
    assert len(paths) >= 3
    with demonstration.as_("alice") as api:
        for path in paths:
            typed = subprocess.run(["/bin/sh", "-c", f'echo "{path}"'], capture_output=True, text=True, check=True)
            answer = api.get(typed.stdout.strip())
            assert answer.status_code == 200, f"{path}: {answer.text}"


@pytest.mark.timeout(300)
def test_from_another_system(demonstration: System, tmp_path: Path) -> None:
    skip_without_kcat()
    page = pages.read(pages.section(TEXT, "From another system, straight on Kafka"))
    assert page.commands
    said = pages.run(demonstration, page, pages.folder(demonstration, tmp_path))
    assert '"request_id":"first-1"' in said[-1]
