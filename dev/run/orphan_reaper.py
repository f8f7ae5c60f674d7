"""Kills what a supervisor has started once that has ended, however it ended: else it would run on without its brokers.

Standard input says what runs, in lines of a name and a process id, and its end that the supervisor has ended. This is a
script of the standard library alone, run by its path with `python -I -S`, so that it starts in a few milliseconds.
"""

import contextlib
import os
import signal
import sys


def main() -> None:
    """Listen to the end, then kill what still runs."""
    running: dict[str, int] = {}
    for line in sys.stdin:
        name, pid = line.split()
        running[name] = int(pid)
    for pid in running.values():
        with contextlib.suppress(OSError):
            # Each of them leads a process group: nothing else that has its number since is met.
            if os.getpgid(pid) == pid:
                os.killpg(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
