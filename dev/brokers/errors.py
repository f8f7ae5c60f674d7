"""The errors of the local brokers, each with a message that says what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


class BrokerError(Exception):
    """A failure of a local broker; the message is meant to be shown as it is."""


@dataclass(frozen=True)
class MissingTool:
    """A missing program, why it is needed, and how to install it."""

    name: str
    why: str
    debian: str
    macos: str


class MissingTools(BrokerError):
    """Programs are missing; all of them are listed, so that they can be installed together."""

    def __init__(self, missing: Sequence[MissingTool]) -> None:
        self.missing = tuple(missing)
        lines = ["The local brokers need programs that are missing on this machine:"]
        for tool in self.missing:
            lines += [
                f"  - {tool.name}: {tool.why}",
                f"      Debian, Ubuntu: {tool.debian}",
                f"      macOS:          {tool.macos}",
            ]
        super().__init__("\n".join(lines))


class PortBusy(BrokerError):
    """Another program listens on a port of a broker."""

    def __init__(self, port: int, setting: str) -> None:
        self.port = port
        self.setting = setting
        super().__init__(
            f"Port {port} of 127.0.0.1 is already in use. Stop the program that listens on it "
            f"(`lsof -i :{port}` names it), or choose another port with {setting}."
        )


class BrokerFailed(BrokerError):
    """A broker stopped, or wasn't ready in time; the message ends with the last lines of its log."""

    def __init__(self, what: str, log: Path) -> None:
        self.log = log
        super().__init__(f"{what}\nThe last lines of {log}:\n{_last_lines(log)}")


def _last_lines(path: Path, lines: int = 20, longest: int = 400) -> str:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return "  (it was never written)"
    return "\n".join(f"  {line[:longest]}" for line in text.splitlines()[-lines:]) or "  (it is empty)"
