"""Runs the issuer: `ENVIRONMENT=development python -m dev.issuer`."""

import os
import sys
from pathlib import Path

import uvicorn

from dev.issuer.app import create_app
from dev.issuer.keys import Keys


def main() -> None:
    """Serve until interrupted.

    Its settings are `ISSUER_HOST`, `ISSUER_PORT`, `ISSUER_URL` (its URL for others), `ISSUER_KEYS` (a file), and
    `ISSUER_CLIENT_SECRET` or the file of that name in `SECRETS_DIR`.
    """
    if os.environ.get("ENVIRONMENT") != "development":
        sys.exit("The demo issuer gives tokens to anybody: it runs with ENVIRONMENT=development only.")
    port = int(os.environ.get("ISSUER_PORT", "8190"))
    host = os.environ.get("ISSUER_HOST", "127.0.0.1")
    keys = Keys(Path(os.environ.get("ISSUER_KEYS", ".data/issuer-keys.json")))
    app = create_app(os.environ.get("ISSUER_URL", f"http://127.0.0.1:{port}"), keys, _client_secret())
    uvicorn.run(app, host=host, port=port, log_level="warning")


def _client_secret() -> str:
    file = Path(os.environ.get("SECRETS_DIR", "/run/secrets")) / "issuer_client_secret"
    return os.environ.get("ISSUER_CLIENT_SECRET") or file.read_text(encoding="utf-8").strip()


if __name__ == "__main__":
    main()
