"""docs/publish-from-another-system.md can be copied from: its commands are run in their order."""

import shutil
from pathlib import Path

import pytest

from dev.brokers.jars import have_jars, jars_folder
from tests.support import pages
from tests.support.kcat import skip_without_kcat
from tests.support.system import System

TEXT = (pages.ROOT / "docs" / "publish-from-another-system.md").read_text(encoding="utf-8")


@pytest.mark.timeout(400)
def test_every_command_of_the_page_can_be_pasted(
    demonstration: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    skip_without_kcat()
    page = pages.read(TEXT)
    assert set(page.files) == {"send.py", "Send.java"}
    assert len(page.prints) == 6
    if have_jars() and shutil.which("javac"):
        monkeypatch.setenv("KAFKA_JARS", str(jars_folder()))
    else:  # Kafka runs in a container here, so its Java library is not on this machine.
        number = next(n for n, block in enumerate(page.commands) if "Send.java" in block)
        page.commands[number] = ":\n"
        del page.prints[number]
    pages.run(demonstration, page, pages.folder(demonstration, tmp_path))
    with demonstration.as_("alice") as api:
        requests = api.get("/structures/1/requests", params={"size": 100}).json()["items"]
    assert [r["request_id"] for r in requests].count("mine-1") == 1, "sent three times, it is one request"


@pytest.mark.timeout(300)
def test_whoever_waits_as_the_page_says_learns_of_a_refusal_too(demonstration: System, tmp_path: Path) -> None:
    """On a structure that is none of its account's."""
    skip_without_kcat()
    page = pages.read(TEXT)
    requesting = next(n for n, block in enumerate(page.commands) if "-P -t structure.requests" in block)
    refused = page.commands[requesting].replace('"id": 1', '"id": 2').replace("mine-1", "refused-1")
    waiting = page.commands[requesting + 1].replace("decision mine-1", "decision refused-1")
    assert "refused-1" in refused
    assert "decision refused-1" in waiting
    commands = [*page.commands[:requesting], refused, waiting]
    prints = {len(commands) - 1: {"request_id": "refused-1", "status": "rejected"}}
    pages.run(demonstration, pages.Page(commands, prints), pages.folder(demonstration, tmp_path))
