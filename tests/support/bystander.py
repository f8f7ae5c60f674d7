"""Somebody who minds their own business on a document of their own, and measures how long a decision takes them."""

import statistics
import threading
import time
from types import TracebackType

import httpx2

_EVERY = 0.15
_PATIENCE = 30


class Bystander:
    """Modifies one structure again and again, and takes each change back, so that it never has much pending.

    `with` starts and stops it. `took` are the seconds of each decision, HTTP in to HTTP out; what was not decided in
    `_PATIENCE` seconds, or not with a yes, is in `failed`.
    """

    def __init__(self, api: str, token: str, structure: int) -> None:
        self._api, self._token, self._structure = api, token, structure
        self.took: list[float] = []
        self.failed: list[str] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="bystander")

    def __enter__(self) -> "Bystander":
        self._thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._stopping.set()
        self._thread.join(2 * _PATIENCE)

    def again(self) -> "Bystander":
        """Return the same, to go on with after a pause; what it took so far counts too."""
        twin = Bystander(self._api, self._token, self._structure)
        twin.took, twin.failed = self.took, self.failed
        return twin

    def __str__(self) -> str:
        return f"{len(self.took)} decisions, median {self.median * 1000:.0f} ms, longest {self.longest:.2f} s"

    def wait_for(self, decisions: int, seconds: float = 60) -> None:
        """Wait until so many more decisions were made."""
        end, enough = time.monotonic() + seconds, len(self.took) + decisions
        while len(self.took) < enough and time.monotonic() < end and not self.failed:
            time.sleep(0.05)

    def _run(self) -> None:
        headers = {"Authorization": f"Bearer {self._token}", "Prefer": f"wait={_PATIENCE}"}
        with httpx2.Client(base_url=self._api, headers=headers, timeout=_PATIENCE + 5) as client:
            while not self._stopping.wait(_EVERY):
                try:
                    self._once(client)
                except httpx2.HTTPError as error:
                    self.failed.append(type(error).__name__)

    def _once(self, client: httpx2.Client) -> None:
        began = time.monotonic()
        answer = client.patch(f"/structures/{self._structure}", json={"label": f"{began}"})
        took = time.monotonic() - began
        outcome = answer.json()
        if answer.status_code != 202 or outcome["status"] != "accepted":
            self.failed.append(f"{answer.status_code} {outcome.get('status')} {outcome.get('code')}")
            return
        self.took.append(took)
        client.post(f"/requests/{outcome['request_id']}/cancel", headers={"Prefer": "wait=0"})

    @property
    def longest(self) -> float:
        """Return the longest decision, in seconds."""
        return max(self.took, default=float("inf"))

    @property
    def median(self) -> float:
        """Return the median of the decisions, in seconds."""
        return statistics.median(self.took) if self.took else float("inf")
