"""The issuer's signing keys: kept in a file, rotated on demand."""

import json
import secrets
from pathlib import Path
from typing import Any

from joserfc.jwk import ECKey, KeySet


class Keys:
    """The first key signs; the others are still published."""

    def __init__(self, file: Path) -> None:
        self._file = file
        if file.is_file():
            self._keys = [ECKey.import_key(k) for k in json.loads(file.read_text())["keys"]]
        else:
            self._keys = [_new()]
            self._save()

    @property
    def signing(self) -> ECKey:
        """Return the current signing key."""
        return self._keys[0]

    def published(self) -> Any:
        """Return the public keys, as a JWK set."""
        return KeySet(list(self._keys)).as_dict(private=False)

    def rotate(self, *, withdraw: bool) -> None:
        """Sign with a new key; with `withdraw` the old ones are no longer published."""
        self._keys = [_new(), *([] if withdraw else self._keys)]
        self._save()

    def _save(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.touch(mode=0o600)
        self._file.write_text(json.dumps(KeySet(list(self._keys)).as_dict(private=True)))


def _new() -> ECKey:
    return ECKey.generate_key("P-256", {"kid": secrets.token_hex(8), "use": "sig", "alg": "ES256"}, private=True)
