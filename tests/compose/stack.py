"""docker-compose.yml, run for a test under a project name, ports and secrets of its own, and taken down whatever comes.

The images may be stand-ins of the same name on a machine that can't pull any; nothing here knows which they are.
"""

import hashlib
import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dev.brokers.ports import free_ports
from dev.run.clients import Channels

ROOT = Path(__file__).resolve().parents[2]
LOGS = ROOT / ".data" / "test-compose"
_ID = hashlib.sha256(str(ROOT).encode()).hexdigest()[:8]
_IMAGES = ("structures", "structures-development")


class Stack(Channels):
    """A running project, and what a test does with it. `folder` holds its secrets."""

    def __init__(self, name: str, folder: Path, files: Sequence[str] = (), **settings: str) -> None:
        self.project = f"structures-test-{name}-{_ID}"  # One clone has one of each: what a killed run left is found.
        self.secrets = folder / "secrets"
        self._run([str(ROOT / "deploy/make-secrets")], {**os.environ, "SECRETS": str(self.secrets)})
        ports = {n: str(p) for n, p in zip(_PORTS, free_ports(len(_PORTS)), strict=True)}
        self.env = {
            **os.environ,
            # The .env of whoever runs the tests is about another system.
            "COMPOSE_DISABLE_ENV_FILE": "1",
            "COMPOSE_PROJECT_NAME": self.project,
            "COMPOSE_FILE": ":".join(("docker-compose.yml", "deploy/compose.dev.yml", *files)),
            "COMPOSE_PATH_SEPARATOR": ":",
            "OIDC_ISSUER": "http://issuer:8190",
            "EFFECTIVE_DELAY": "5s",
            "SECRETS": str(self.secrets),
            "STRUCTURES_VERSION": f"test-{_ID}",
            **ports,
            **settings,
        }
        super().__init__(
            api=f"http://127.0.0.1:{ports['API_PORT']}/api/v1",
            issuer=f"http://127.0.0.1:{ports['ISSUER_PORT']}",
            client_secret=self.secret("gateway_client_secret"),
            kafka=f"127.0.0.1:{ports['KAFKA_PORT']}",
            partner_password=self.secret("kafka_partner"),
            kafka_ca=str(self.secrets / "kafka_ca") if settings.get("KAFKA_TLS") else None,
        )

    def secret(self, name: str) -> str:
        """Return what a secret's file holds."""
        return (self.secrets / name).read_text(encoding="ascii").strip()

    def compose(self, *arguments: str, seconds: float = 400) -> str:
        """Run a command of Compose; return what it says. Raises AssertionError with all it said when it fails."""
        return self._run(["docker", "compose", *arguments], self.env, seconds)

    def up(self, *arguments: str) -> None:
        """Start what is not running, as it is now to be, and wait until all is healthy."""
        try:
            self.compose("up", "--detach", "--wait", "--wait-timeout", "600", *arguments, seconds=900)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.compose('ps', '--all')}\n{self._last_words()}") from None

    def build(self) -> None:
        """Build the images: on the host's network where containers do not reach the package index by their own."""
        try:
            self.compose("build")
        except AssertionError:
            if "BUILD_NETWORK" in os.environ:
                raise
            self.env["BUILD_NETWORK"] = "host"
            self.compose("build")

    def python(self, service: str, code: str, index: int = 1) -> str:
        """Run Python in a container of one of our services; return what it prints."""
        return self.compose("exec", "--no-TTY", "--index", str(index), service, "python", "-c", code)

    def ops(self, *arguments: str) -> str:
        """Run a command of the operator; return what it says."""
        return self.compose("run", "--rm", "--no-TTY", "ops", *arguments)

    def not_ready(self, service: str) -> str | None:
        """Call as the health check of a container does; return what keeps the service from working, or None."""
        try:
            self.compose("exec", "--no-TTY", service, "python", "-I", "-S", "shared/runtime/healthcheck.py")
        except AssertionError as error:
            return str(error)
        return None

    def containers(self) -> Mapping[str, Any]:
        """Return every container, ended ones too, as the engine describes it, by its service."""
        ids = self.compose("ps", "--all", "--quiet").split()
        found = json.loads(self._run(["docker", "inspect", *ids], self.env))
        return {c["Config"]["Labels"]["com.docker.compose.service"]: c for c in found}

    def down(self) -> None:
        """Remove containers, networks and volumes of this project, and the images that were built for it."""
        self.compose("down", "--volumes", "--remove-orphans", "--timeout", "20")
        names = [f"{image}:{self.env['STRUCTURES_VERSION']}" for image in _IMAGES]
        subprocess.run(["docker", "image", "rm", *names], capture_output=True, check=False)

    def keep_logs(self) -> None:
        """Write all logs to a file in .data/test-compose, for whoever looks into a failure."""
        LOGS.mkdir(parents=True, exist_ok=True)
        (LOGS / f"{self.project}.log").write_text(self.compose("logs", "--no-color", "--timestamps"), encoding="utf-8")

    def _last_words(self) -> str:
        ours = ("provision", "demo", "structure_svc", "manager_svc", "insee_adapter", "delay_svc", "gateway", "kafka")
        return self.compose("logs", "--no-color", "--tail", "15", *ours)

    @staticmethod
    def _run(command: Sequence[str], env: Mapping[str, str], seconds: float = 400) -> str:
        __tracebackhide__ = True  # What the engine said is in the error; the environment is nobody's business.
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=seconds, check=False)
        if done.returncode:
            raise AssertionError(f"{' '.join(command)}: status {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done.stdout


_PORTS = ("API_PORT", "ISSUER_PORT", "KAFKA_PORT", "KAFKA2_PORT", "KAFKA3_PORT")


@contextmanager
def running(stack: Stack) -> Iterator[Stack]:
    """Build and start it; take it down at the end, also when it did not even start."""
    stack.compose("down", "--volumes", "--remove-orphans", "--timeout", "20")
    try:
        began = time.monotonic()
        stack.build()
        built = time.monotonic()
        stack.up()
        print(f"{stack.project}: built in {built - began:.0f} s, up in {time.monotonic() - built:.0f} s")
        yield stack
    finally:
        try:
            stack.keep_logs()
        finally:
            stack.down()
