"""The one tree of errors.

Error
├── Rejected    a rule refuses a request: the answer has the code, and the fields that are wrong
├── Failed      an accepted change can no longer be applied when it is due
├── MayLag      a change that is due can't be decided yet: a copy that it looks at may only be late
├── Transient   try again later: a broker, a database or an issuer does not answer
└── Poison      this message can never be handled: dead-letter it, and go on with the others
"""

from collections.abc import Mapping, Sequence
from typing import Any


class Error(Exception):
    """The root of every error this system raises on purpose."""


class Rejected(Error):
    """A request is refused.

    `code` is a stable code of `shared.contracts.codes`; `fields` maps a field's path to the code that says what is
    wrong with it; `details` holds public values the French sentences need (never personal data), those of one field
    under `fields` and its path; a value that is not known is left out. `waits_for` names a copy (such as
    `manager:structure:42`) when the refusal may only be due to a copy that lags: the request then waits a moment for
    that copy to change before it is refused. `outsider` says that the actor may not know what the document is, nor
    whether it exists: the answer names it as they did, and is the same as for a document that does not exist. `client`
    is the client of a refused token, where its signature is valid.
    """

    def __init__(
        self,
        code: str,
        *,
        fields: Mapping[str, str] | None = None,
        details: Mapping[str, Any] | None = None,
        waits_for: str | None = None,
        outsider: bool = False,
        client: str | None = None,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.fields = dict(fields or {})
        self.details = {name: value for name, value in (details or {}).items() if value is not None}
        self.waits_for = waits_for
        self.outsider = outsider
        self.client = client


class Failed(Error):
    """An accepted change can no longer be applied; `code` says why."""

    def __init__(self, code: str, *, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.details = {name: value for name, value in (details or {}).items() if value is not None}


class MayLag(Error):
    """A change that is due looks at this copy, which may only be late: it stays pending, and is triggered again."""

    def __init__(self, copy: str) -> None:
        super().__init__(copy)
        self.copy = copy


class Transient(Error):
    """An outside service does not answer now; the same work is tried again, or only the `rest` of a batch."""

    def __init__(self, reason: str, *, rest: Sequence[Any] = ()) -> None:
        super().__init__(reason)
        self.rest = rest


class Poison(Error):
    """This message can never be handled; `code` says why and goes to the dead-letter topic with it."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
