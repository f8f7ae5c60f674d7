"""Kafka's jars, downloaded once by Maven and kept."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from dev.brokers.errors import BrokerError

KAFKA_VERSION = "4.3.1"
POM = Path(__file__).with_name("pom.xml")
DATA = Path(__file__).resolve().parents[2] / ".data"


def jars_folder() -> Path:
    """The folder of the jars: that of the variable KAFKA_JARS, else one in the repository's .data."""
    return Path(os.environ.get("KAFKA_JARS") or DATA / f"kafka-jars-{KAFKA_VERSION}").resolve()


def have_jars() -> bool:
    """Whether the jars are there already."""
    return (jars_folder() / f"kafka_2.13-{KAFKA_VERSION}.jar").exists()


def fetch_jars(mvn: Path) -> None:
    """Fetch the jars, which takes some ten seconds. Raises BrokerError, with Maven's output if it failed.

    The finished folder is renamed, so an interrupted download leaves nothing that looks complete.
    """
    folder = jars_folder()
    if folder.exists() and any(folder.iterdir()):
        raise BrokerError(f"{folder} holds something else than Kafka {KAFKA_VERSION}: remove it, or change KAFKA_JARS.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="kafka-jars-") as work:
        fetched = Path(work) / "jars"
        goal = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
        options = [f"-DoutputDirectory={fetched}", "-DincludeScope=runtime", f"-Dkafka.version={KAFKA_VERSION}"]
        done = subprocess.run([mvn, "-q", "-B", "-f", POM, goal, *options], capture_output=True, text=True, check=False)
        if done.returncode:
            raise BrokerError(f"Maven could not fetch Kafka's jars:\n{done.stdout}{done.stderr}")
        try:
            fetched.rename(folder)
        except OSError:
            # Another process may have been faster: its jars are the same.
            if not have_jars():
                raise
