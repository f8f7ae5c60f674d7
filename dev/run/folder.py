"""The folder of a run is used by one run at a time, and is not removed while one goes on.

`make clean` runs this by its path, before anything is installed: it is of the standard library alone.
"""

import fcntl
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK = "lock"
"""A file that every run makes first, by which its folder is known."""


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold the folder, which is made, until the context is left. Raises RuntimeError while somebody else holds it."""
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
    """Remove the folder of the arguments, which must be a run's: whatever else it names is somebody's."""
    folder = Path(sys.argv[1])
    if not folder.exists():
        return
    if not (folder / LOCK).is_file() or Path.cwd().is_relative_to(folder.resolve()):
        sys.exit(f"{folder} is no folder that a run has made: it is left alone.")
    try:
        with held(folder):
            shutil.rmtree(folder)
    except RuntimeError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
