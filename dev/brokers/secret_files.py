"""Secrets of the local brokers: one random value, kept in a file only its owner can read; the others derive from it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from pathlib import Path


def write_secret(path: Path, text: str) -> None:
    """Write `text` to a file of mode 0600. It is never seen half written, nor readable by others for a moment."""
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)


def root_secret(folder: Path) -> str:
    """The random secret of a data folder, made and kept at the first call."""
    path = folder / "secret"
    if not path.exists():
        write_secret(path, secrets.token_hex(32))
    return path.read_text(encoding="utf-8")


def derive(root: str, purpose: str) -> str:
    """A password for one purpose, always the same: 43 letters, digits, `-` or `_`. It tells nothing of the others."""
    digest = hmac.digest(root.encode(), purpose.encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
