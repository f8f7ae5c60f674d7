"""kcat, a client that is neither ours nor Python: it writes what a shell gives it, bytes that are no text included."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

BIN = Path(__file__).parents[2] / "dev" / "bin"
"""Where our `kcat` stands, which calls the real one with a library that Kafka 4 lets in."""

Header = tuple[bytes, bytes]


def skip_without_kcat() -> None:
    """Skip the test, saying how to get kcat, on a machine that has none; `.ci/run` sees to it that there is one."""
    if not shutil.which("kcat") and not shutil.which("kafkacat"):
        pytest.skip("kcat is missing: apt-get install kcat (Debian, Ubuntu), brew install kcat (macOS)")


class Kcat:
    """kcat with the settings of another system, in a file, so that no password stands in a list of processes."""

    def __init__(self, settings: Mapping[str, Any], folder: Path) -> None:
        skip_without_kcat()
        self.config = folder / "kcat.conf"
        self.config.touch(mode=0o600)
        self.config.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))

    def send(
        self, topic: str, value: bytes, headers: Sequence[Header] = (), key: bytes | None = None, *more: str
    ) -> None:
        """Send one record. A header is `name=value` in kcat, so its name holds no `=`."""
        header_options = [word for name, text in headers for word in (b"-H", name + b"=" + text)]
        keyed = [b"-k", key] if key is not None else []
        # Without a delimiter kcat makes a message of each line: a byte that is in no text of ours keeps it whole.
        self._run(
            [b"-P", b"-t", topic.encode(), b"-D", b"\x1d", *keyed, *header_options, *(m.encode() for m in more)], value
        )

    def read(self, topic: str, form: str) -> list[str]:
        """Return every record of a topic, from its beginning to its end, in kcat's own format."""
        out = self._run([b"-C", b"-t", topic.encode(), b"-e", b"-o", b"beginning", b"-f", form.encode() + b"\\n"])
        return out.decode(errors="backslashreplace").splitlines()

    def _run(self, arguments: Sequence[bytes], value: bytes = b"") -> bytes:
        command = [os.fsencode(BIN / "kcat"), b"-q", b"-F", os.fsencode(self.config), *arguments]
        done = subprocess.run(command, input=value, capture_output=True, timeout=60, check=False)
        if done.returncode:
            raise AssertionError(f"kcat says: {done.stderr.decode(errors='replace')[-1000:]}")
        return done.stdout
