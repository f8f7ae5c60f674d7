"""Run a command that ends with the process that started this script, however that one ends.

Standard input is a pipe whose other end only the parent process holds. The system closes it when the parent ends, even
by `kill -9`. Linux's PR_SET_PDEATHSIG alone is not enough: it fires when the *thread* that started the command ends,
and callers start brokers from short-lived threads; other systems don't have it. It is used here for the one case that
the pipe doesn't cover, the death of this script itself.

The command's process id is written on standard output; its own output goes to this script's standard error. This is a
script of the standard library alone, run by its path with `python -I -S`, so that it starts in a few milliseconds.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading

PR_SET_PDEATHSIG = 1


def main() -> int:
    """Run the command of the arguments; return its exit code, or 128 + the signal that ended it."""
    me = os.getpid()

    def die_with_the_starter() -> None:
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != me:
                os._exit(1)

    child = subprocess.Popen(
        sys.argv[1:],
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        # Safe here: this script has one thread so far.
        preexec_fn=die_with_the_starter,
    )

    def hold() -> None:
        while os.read(0, 64):
            pass
        child.kill()

    threading.Thread(target=hold, daemon=True).start()
    # The parent may have died already: then the command ends at once too.
    with contextlib.suppress(BrokenPipeError):
        os.write(1, f"{child.pid}\n".encode())
    code = child.wait()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
