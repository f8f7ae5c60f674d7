"""One broker process: started, stopped, killed, frozen; never left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from dev.brokers.errors import BrokerFailed

WATCHDOG = Path(__file__).with_name("watchdog.py")


class BrokerProcess:
    """A program with a folder of its own, in which `log.txt` and `pid` are kept.

    It runs in a session of its own, so that a Ctrl-C in the terminal reaches only the caller, who stops programs in
    order. It ends with the calling process (see `watchdog.py`). Only one thread at a time may call its methods.

    `prepare` is called before each start, once the folder exists; `ready` returns whether the program serves its
    clients.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str | Path],
        folder: Path,
        *,
        prepare: Callable[[], None],
        ready: Callable[[], bool],
    ) -> None:
        self.name = name
        self.folder = folder
        self.log = folder / "log.txt"
        self._argv = list(argv)
        self._prepare = prepare
        self._ready = ready
        self._pid_file = folder / "pid"
        self._watchdog: subprocess.Popen[bytes] | None = None
        self._pid = 0

    @property
    def is_running(self) -> bool:
        """Whether the process exists; a frozen one does."""
        return self._watchdog is not None and self._watchdog.poll() is None

    @property
    def pid(self) -> int:
        """The process id of the broker itself. Raises BrokerFailed when it doesn't run."""
        if not self.is_running:
            raise BrokerFailed(f"{self.name} is not running.", self.log)
        return self._pid

    def start(self) -> None:
        """Start the program, without waiting for it to be ready. Does nothing when it runs already."""
        if self.is_running:
            return
        self._let_go()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._prepare()
        with self.log.open("ab") as log:
            self._watchdog = subprocess.Popen(
                [sys.executable, "-I", "-S", str(WATCHDOG), *self._argv],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,
            )
        said = _first_line(self._watchdog.stdout)
        if not said:
            self._let_go()
            raise BrokerFailed(f"{self.name} could not be started.", self.log)
        self._pid = int(said)
        self._pid_file.write_text(f"{self._pid}\n", encoding="ascii")

    def ask_to_stop(self) -> None:
        """Ask the program to end, without waiting for it. Does nothing when it doesn't run."""
        # A frozen process would handle the signal only later.
        self._signal(signal.SIGCONT)
        self._signal(signal.SIGTERM)

    def wait_stopped(self, patience: float = 10.0) -> None:
        """Wait until the program has ended; kill it if it hasn't after `patience` seconds: its data survive that."""
        try:
            if self._watchdog is not None:
                self._watchdog.wait(patience)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
        self._let_go()

    def stop(self) -> None:
        """Ask the program to end and wait for it. Does nothing when it doesn't run."""
        self.ask_to_stop()
        self.wait_stopped()

    def kill(self) -> None:
        """End the program at once, as a power cut would (SIGKILL). Does nothing when it doesn't run."""
        self._signal(signal.SIGKILL)
        self._let_go()

    def pause(self) -> None:
        """Freeze the program (SIGSTOP): its connections stay open and nothing answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen program go on (SIGCONT)."""
        os.kill(self.pid, signal.SIGCONT)

    def wait_ready(self, within: float = 120.0) -> None:
        """Wait until it serves its clients. Raises BrokerFailed when it ends before that, or after `within` seconds."""
        deadline = time.monotonic() + within
        while not self._ready():
            if not self.is_running:
                raise BrokerFailed(f"{self.name} stopped while it was starting.", self.log)
            if time.monotonic() > deadline:
                raise BrokerFailed(f"{self.name} was not ready after {within:.0f} s.", self.log)
            time.sleep(0.05)

    def _signal(self, number: signal.Signals) -> None:
        if self.is_running:
            try:
                os.kill(self._pid, number)
            except ProcessLookupError:
                # It ended by itself between the question and the signal.
                return

    def _let_go(self) -> None:
        """Wait for the end of a process that was signalled to end, and forget it."""
        if self._watchdog is None:
            return
        self._watchdog.wait()
        for pipe in (self._watchdog.stdin, self._watchdog.stdout):
            if pipe is not None:
                pipe.close()
        self._watchdog = None
        self._pid_file.unlink(missing_ok=True)


def _first_line(pipe: IO[bytes] | None) -> bytes:
    return pipe.readline() if pipe is not None else b""
