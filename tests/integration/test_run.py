"""`make run` as a newcomer meets it: what is missing or wrong is said with what to do; it starts, serves, stops, and
keeps its data.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.brokers.ports import free_ports, is_free
from dev.run import folder
from dev.run.folder import held
from dev.run.settings import RunSettings

PORTS = [name.upper() for name in RunSettings.model_fields if name.endswith("_port")]
FOLDER = Path(folder.__file__)
ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "dev.run"]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A place and ports of its own."""
    variables = {**os.environ, "RUN_DATA": str(tmp_path / "run"), "EFFECTIVE_DELAY": "1s", "TOPIC_PARTITIONS": "1"}
    return variables | {name: str(port) for name, port in zip(PORTS, free_ports(len(PORTS)), strict=True)}


def refused(environment: dict[str, str]) -> str:
    """Run, expect it to refuse, and return what it says."""
    done = subprocess.run(COMMAND, env=environment, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.parametrize("setting", ["API_PORT", "KAFKA_PORT", "KAFKA_CONTROLLER_PORT", "MONGO_PORT"])
def test_a_busy_port_is_named_with_the_setting_that_changes_it(environment: dict[str, str], setting: str) -> None:
    with socket.create_server(("127.0.0.1", int(environment[setting]))):
        said = refused(environment)
    assert environment[setting] in said
    assert setting in said
    assert not Path(environment["RUN_DATA"]).exists()


@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        ("EFFECTIVE_DELAY", "5 seconds", "30m, 5s"),
        ("API_PORT", "x", "API_PORT"),
        ("API_PORT", "99999", "API_PORT"),
        ("TOPIC_PARTITIONS", "0", "TOPIC_PARTITIONS"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(
    environment: dict[str, str], setting: str, value: str, says: str
) -> None:
    assert says in refused({**environment, setting: value})


def test_two_processes_can_not_have_one_port(environment: dict[str, str]) -> None:
    said = refused({**environment, "API_PORT": environment["GATEWAY_PORT"]})
    assert "API_PORT" in said
    assert "GATEWAY_PORT" in said


def test_what_the_machine_misses_is_named_with_the_way_to_get_it(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    bare = {**environment, "PATH": str(tmp_path / "bin"), "KAFKA_JARS": str(tmp_path / "jars")}
    bare = {name: value for name, value in bare.items() if name not in {"JAVA_HOME", "MONGOD"}}
    said = refused({**bare, "MONGOD": str(tmp_path / "nothing")})
    for tool, way in (
        ("java", "openjdk-17-jre-headless"),
        ("mvn", "install maven"),
        ("mongod", "requirements/local.txt"),
    ):
        assert f"- {tool}:" in said
        assert way in said


class Run:
    """A run under way, with what it has said."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.child = subprocess.Popen(
            COMMAND, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.said = ""

    def until(self, words: str) -> None:
        """Read what it says until it says that."""
        assert self.child.stdout is not None
        while words not in self.said:
            line = self.child.stdout.readline()
            assert line, f"it ended:\n{self.said}"
            self.said += line

    def interrupt(self) -> str:
        """Press Ctrl-C, twice as the impatient do; return the rest of what it says."""
        self.child.send_signal(signal.SIGINT)
        time.sleep(0.3)
        self.child.send_signal(signal.SIGINT)
        rest, _ = self.child.communicate(timeout=60)
        return rest


@pytest.fixture
def runs() -> Iterator[list[Run]]:
    started: list[Run] = []
    yield started
    for run in started:
        if run.child.poll() is None:
            run.interrupt()


@pytest.mark.skipif(shutil.which("curl") is None, reason="the request to paste needs curl")
@pytest.mark.timeout(400)
def test_it_starts_answers_the_first_request_stops_keeps_its_data_and_leaves_nothing(
    environment: dict[str, str], runs: list[Run]
) -> None:
    run = Run(environment)
    runs.append(run)
    run.until("Ctrl-C stops everything")
    for progress in ("Starting Kafka and MongoDB", "Making topics", "gateway is ready", "demo: users", "Ready after"):
        assert progress in run.said
    paste = run.said.partition("to paste:")[2].partition("Ctrl-C")[0]
    answer = subprocess.run(["sh", "-c", paste], capture_output=True, text=True, timeout=60, check=True).stdout
    assert '"status":"accepted"' in answer
    assert "Votre demande est prise en compte" in answer
    assert '"effective_at":"' in answer
    read = paste.replace("-X PATCH", "").partition("-H 'Content-Type")[0].rstrip(" \\\n")

    def shown() -> str:
        return subprocess.run(["sh", "-c", read], capture_output=True, text=True, timeout=60, check=True).stdout

    _until(lambda: "accueil@example.fr" in shown())
    assert run.interrupt().strip().splitlines()[0] == "Stopping"
    assert run.child.returncode == 0
    assert all(is_free(int(environment[name])) for name in PORTS), "something was left behind"

    again = Run(environment)
    runs.append(again)
    again.until("Ctrl-C stops everything")
    assert "accueil@example.fr" in shown()
    assert not re.search(r"demo: .*(déjà|erreur|incorrect)", again.said)

    other = {**environment, **{name: str(port) for name, port in zip(PORTS, free_ports(len(PORTS)), strict=True)}}
    assert "A run is going on in" in refused(other)
    clean = [sys.executable, "-I", str(FOLDER), environment["RUN_DATA"]]
    assert "A run is going on in" in subprocess.run(clean, capture_output=True, text=True, check=False).stderr
    again.child.kill()
    again.child.communicate()  # Nothing of ours runs on by itself, not even then.
    _until(lambda: all(is_free(int(environment[name])) for name in PORTS))
    subprocess.run(clean, check=True)
    assert not Path(environment["RUN_DATA"]).exists()


@pytest.mark.skipif(shutil.which("make") is None, reason="this is about make")
def test_make_clean_removes_the_folder_that_run_data_names_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "dev" / "run").mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copy(FOLDER, tmp_path / "dev" / "run")
    usual, other, strange = tmp_path / ".data" / "run", tmp_path / "x y", tmp_path / "dev"
    for made in (usual, other):
        with held(made):
            (made / "kafka").mkdir()

    def clean(**environment: str) -> str:
        variables = {name: value for name, value in os.environ.items() if name != "RUN_DATA"}
        command = ["make", "clean", f"PYTHON={sys.executable}"]
        done = subprocess.run(
            command, cwd=tmp_path, env={**variables, **environment}, capture_output=True, text=True, check=False
        )
        return done.stderr

    assert clean(RUN_DATA="x y") == ""
    assert (other.exists(), usual.exists()) == (False, True)
    for kept in (strange, tmp_path, tmp_path / ".."):
        assert "it is not removed" in clean(RUN_DATA=str(kept))
        assert kept.exists()
    with held(tmp_path):  # As a run has made it, with RUN_DATA=.
        pass
    assert "it is not removed" in clean(RUN_DATA=".")
    assert usual.exists()
    assert clean() == ""
    assert not usual.exists()
    assert clean() == "", "there is nothing left to do"


def _until(holds: object) -> None:
    assert callable(holds)
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.2)


@pytest.mark.timeout(200)
def test_interrupted_while_it_starts_it_leaves_nothing_behind(environment: dict[str, str], runs: list[Run]) -> None:
    run = Run(environment)
    runs.append(run)
    run.until("Starting Kafka and MongoDB")
    time.sleep(0.5)
    assert "Stopped" in run.interrupt()
    _until(lambda: all(is_free(int(environment[name])) for name in PORTS))
