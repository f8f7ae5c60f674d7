"""Secrets of the local brokers: a random value in a file that only its owner can read, and others derived from it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from pathlib import Path


def write_secret(path: Path, text: str) -> None:
    """Write `text` to a file of mode 0600, atomically: it is never half written, nor readable by others."""
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)


def root_secret(folder: Path) -> str:
    """The random secret of a data folder, created at the first call."""
    path = folder / "secret"
    if not path.exists():
        write_secret(path, secrets.token_hex(32))
    return path.read_text(encoding="utf-8")


def derive(root: str, purpose: str) -> str:
    """The password for one purpose: 43 letters, digits, `-` or `_`. The others can't be derived from it."""
    digest = hmac.digest(root.encode(), purpose.encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
