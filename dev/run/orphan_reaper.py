"""Kills the processes of a supervisor that has ended, however it ended: they would run on without their brokers.

Standard input gives the running processes, as lines of a name and a process id; it ends when the supervisor does. This
is a script of the standard library alone, run by its path with `python -I -S`, so that it starts in a few milliseconds.
"""

import contextlib
import os
import signal
import sys


def main() -> None:
    """Read to the end, then kill the processes that still run."""
    running: dict[str, int] = {}
    for line in sys.stdin:
        name, pid = line.split()
        running[name] = int(pid)
    for pid in running.values():
        with contextlib.suppress(OSError):
            # Each leads a process group of its own. So another process that has since got its id is not killed.
            if os.getpgid(pid) == pid:
                os.killpg(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
