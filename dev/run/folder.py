"""Locks the folder of a run: one run at a time uses it, and it is not removed meanwhile.

`make clean` runs this by its path, before anything is installed, so it uses only the standard library.
"""

import fcntl
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK = "lock"
"""A file that every run creates first, by which its folder is recognised."""


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Create and lock the folder until the context is left. Raises RuntimeError while another run has it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise RuntimeError(
                f"A run is going on in {folder}: stop it first, with Ctrl-C, or choose another folder with RUN_DATA."
            ) from None
        yield


def main() -> None:
    """Remove the folder of the arguments, which must be a run's: any other could have been named by mistake."""
    folder = Path(sys.argv[1])
    if not folder.exists():
        return
    if not (folder / LOCK).is_file() or Path.cwd().is_relative_to(folder.resolve()):
        sys.exit(f"{folder} was not created by a run: it is not removed.")
    try:
        with held(folder):
            shutil.rmtree(folder)
    except RuntimeError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
