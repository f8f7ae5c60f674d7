"""Runs the issuer: `ENVIRONMENT=development python -m dev.issuer`."""

import os
import sys
from pathlib import Path

import uvicorn

from dev.issuer.app import create_app
from dev.issuer.keys import Keys


def main() -> None:
    """Serve until interrupted. `ISSUER_PORT`, `ISSUER_KEYS` (a file) and `ISSUER_CLIENT_SECRET` are its settings."""
    if os.environ.get("ENVIRONMENT") != "development":
        sys.exit("The demo issuer gives tokens to anybody: it runs with ENVIRONMENT=development only.")
    port = int(os.environ.get("ISSUER_PORT", "8190"))
    keys = Keys(Path(os.environ.get("ISSUER_KEYS", ".data/issuer-keys.json")))
    app = create_app(f"http://127.0.0.1:{port}", keys, os.environ["ISSUER_CLIENT_SECRET"])
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    main()
