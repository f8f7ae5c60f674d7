"""Starts processes, restarts those that die, and stops them all; for local runs and tests."""

import contextlib
import http.client
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from dev.brokers.ports import is_listening
from dev.run.table import Process

_PASSED_ON = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "VIRTUAL_ENV",
    "PYTHONPATH",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONPYCACHEPREFIX",
    "LD_LIBRARY_PATH",
    "COVERAGE_PROCESS_CONFIG",  # Set while tests measure which branches they take.
)
_STOP = 15.0
_ORPHAN_REAPER = Path(__file__).with_name("orphan_reaper.py")


class Running:
    """One process: a child of ours, its log file, and whether it should run."""

    def __init__(
        self,
        process: Process,
        folder: Path,
        *,
        environment: Mapping[str, str],
        born: Callable[[str, int], None] = lambda *_: None,
    ) -> None:
        self.process = process
        self._born = born
        self.wanted = False
        self.child: subprocess.Popen[bytes] | None = None
        self.besides: dict[str, str] = {}
        """Additional environment variables, from its next start on."""
        self._log = folder / f"{process.name}.log"
        self._pid_file = folder / f"{process.name}.pid"
        self._env = {**{k: os.environ[k] for k in _PASSED_ON if k in os.environ}, **environment}
        self._not_before = 0.0
        self._starting = threading.Lock()
        self._failures = 0

    @property
    def name(self) -> str:
        """Return its name."""
        return self.process.name

    @property
    def pid(self) -> int | None:
        """Return its process id while it runs."""
        return self.child.pid if self.child is not None and self.child.poll() is None else None

    def start(self) -> None:
        """Start it, unless it runs; does not wait until it is ready."""
        with self._starting:  # The watching thread may be about to start it too.
            self.wanted = True
            if self.pid is None:
                self._start()

    def _start(self) -> None:
        with self._log.open("ab") as log:
            self.child = subprocess.Popen(
                self.process.command,
                env={**self._env, **self.process.environment(), **self.besides},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._pid_file.write_text(f"{self.child.pid}\n")
        self._born(self.name, self.child.pid)

    def restart_if_dead(self) -> bool:
        """Restart it if it died, not too often; return whether it was restarted."""
        with self._starting:
            if not self.wanted or self.pid is not None or time.monotonic() < self._not_before:
                return False
            self._failures += 1
            self._not_before = time.monotonic() + min(0.5 * 2 ** min(self._failures, 5), 10)
            self._start()
        return True

    def send(self, number: int) -> None:
        """Send a signal if it runs."""
        if self.pid is not None:
            os.kill(self.pid, number)

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Ask it to stop and don't restart it; does not wait."""
        with self._starting:
            self.wanted = False
        with contextlib.suppress(ProcessLookupError):
            self.send(signal.SIGCONT)
            self.send(number)

    def join(self, timeout: float = _STOP) -> None:
        """Wait until it has ended; kill it when it does not."""
        if self.child is None:
            return
        try:
            self.child.wait(timeout)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()

    def is_ready(self) -> bool:
        """Tell whether it can work now."""
        if self.process.ready is None:
            return is_listening(self.process.port)
        connection = http.client.HTTPConnection("127.0.0.1", self.process.port, timeout=4)
        try:
            connection.request("GET", self.process.ready)
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def last_words(self, lines: int = 8) -> str:
        """Return the end of its log."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-lines:]) if self._log.is_file() else ""


class Supervisor:
    """All processes of a run."""

    def __init__(
        self,
        table: Sequence[Process],
        logs: Path,
        *,
        environment: Mapping[str, str] | None = None,
        report: Callable[[str], None] = print,
    ) -> None:
        logs.mkdir(parents=True, exist_ok=True)
        self._logs = logs
        self._environment = environment or {}
        self.processes = {p.name: self._running(p) for p in table}
        self._report = report
        self._ended = threading.Event()
        self._watch: threading.Thread | None = None
        self._reaper: subprocess.Popen[str] | None = None

    def _running(self, process: Process) -> Running:
        return Running(process, self._logs, environment=self._environment, born=self._keep)

    def _keep(self, name: str, pid: int) -> None:
        """Have this process killed if we end without having stopped it."""
        if self._reaper is None:
            command = [sys.executable, "-I", "-S", str(_ORPHAN_REAPER)]
            self._reaper = subprocess.Popen(command, stdin=subprocess.PIPE, text=True, start_new_session=True)
        assert self._reaper.stdin is not None  # noqa: S101 - it is a pipe.
        self._reaper.stdin.write(f"{name} {pid}\n")
        self._reaper.stdin.flush()

    def __getitem__(self, name: str) -> Running:
        """Return one process."""
        return self.processes[name]

    def add(self, process: Process) -> Running:
        """Add a process and start it; does not wait until it is ready."""
        running = self._running(process)
        running.start()
        # A new dictionary, since the watching thread may be iterating over the old one.
        self.processes = {**self.processes, process.name: running}
        return running

    def remove(self, name: str) -> None:
        """Stop a process that was added, wait for its end, and forget it."""
        running = self.processes[name]
        running.stop()
        running.join()
        self.processes = {n: r for n, r in self.processes.items() if n != name}

    def start(self, timeout: float = 60.0) -> None:
        """Start all and wait until each is ready. Raises RuntimeError with the end of the log of one that is not."""
        for first in (True, False):
            group = [r for r in self.processes.values() if r.process.first is first]
            for running in group:
                running.start()
            self.wait_ready([r.name for r in group], timeout)

    def wait_ready(self, names: Sequence[str], timeout: float = 60.0) -> None:
        """Wait until these are ready."""
        until = time.monotonic() + timeout
        for name in names:
            running = self.processes[name]
            while not running.is_ready():
                if time.monotonic() > until or (running.wanted and running.pid is None and self._watch is None):
                    raise RuntimeError(f"{name} does not get ready. It says:\n{running.last_words()}")
                time.sleep(0.05)
            self._report(f"  {name} is ready")

    def watch(self) -> None:
        """From now on, restart processes that die, in the background."""

        def run() -> None:
            while not self._ended.wait(0.2):
                for running in self.processes.values():
                    if running.restart_if_dead():
                        self._report(f"  {running.name} had died: it is started again")

        self._watch = threading.Thread(target=run, name="watch", daemon=True)
        self._watch.start()

    def stop(self) -> None:
        """Stop all, in the reverse order."""
        self._ended.set()
        if self._watch:
            self._watch.join()
        running = list(reversed(self.processes.values()))
        for process in running:
            process.stop()
        for process in running:
            process.join()
        if self._reaper is not None:
            self._reaper.communicate()
            self._reaper = None
        sys.stdout.flush()
