"""Runs the commands of a page word for word, and compares what the page says they give."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dev.run.settings import RunSettings
from tests.support.system import System

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"^(?:#|//) ([\w.]+):")
_MARK = "== block"


@dataclass
class Page:
    """The blocks of a page: commands in their order, what each prints, and the files that the page says to write."""

    commands: list[str] = field(default_factory=list)
    prints: dict[int, dict[str, Any]] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)


def read(text: str) -> Page:
    """Return the blocks of a page. `json` belongs to the commands before it, `python` and `java` name their file."""
    page = Page()
    for language, block in _BLOCK.findall(text):
        if language == "sh":
            page.commands.append(block)
        elif language == "json":
            page.prints[len(page.commands) - 1] = json.loads(block)
        elif name := _FILE.match(block):
            page.files[name[1]] = block
    return page


def section(text: str, title: str) -> str:
    """Return a section of a page."""
    return text.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def folder(system: System, at: Path) -> Path:
    """Return a folder that looks like the repository's beside this system."""
    (at / ".data").mkdir(exist_ok=True)
    for link, target in (
        (at / ".data" / "run", system.settings.run_data),
        (at / ".venv", Path(sys.prefix)),
        (at / "dev", ROOT / "dev"),
    ):
        link.symlink_to(target)
    return at


def run(system: System, page: Page, at: Path, *, seconds: float = 240) -> list[str]:
    """Run the commands of a page in one shell; return what each block wrote. Fails where the page is not true."""
    for name, content in page.files.items():
        (at / name).write_text(content, encoding="utf-8")
    script = "set -euo pipefail\n" + "\n".join(f"{block}\necho; echo '{_MARK}'" for block in page.commands)
    done = subprocess.run(
        ["/bin/bash", "-c", _here(system, script)],
        cwd=at,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    said = done.stdout.split(f"\n{_MARK}\n")
    assert done.returncode == 0, f"after {len(said) - 1} blocks:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    assert " INFO " not in done.stderr, "what a library logs of itself hides what the page is about"
    for number, wanted in page.prints.items():
        printed = json.loads(said[number].strip().splitlines()[-1])
        found = {name: printed.get(name) for name in wanted}
        assert wanted == found, f"{page.commands[number]} prints {printed}, not {wanted}"
    return said[:-1]


def _here(system: System, text: str) -> str:
    """Return commands with the addresses of this system instead of those of `make run`."""
    actual = system.settings.ports()
    for name, setting in RunSettings.model_fields.items():
        if name.upper() in actual:
            text = text.replace(f"127.0.0.1:{setting.default}", f"127.0.0.1:{actual[name.upper()]}")
    return text.replace("127.0.0.1:9092", system.brokers.kafka_bootstrap)
