"""Requests that keep flowing while something is done to the system, and the check that none was lost."""

import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import httpx2

from dev.run.clients import Channels
from tests.support.system import until


class Flow:
    """Changes the label of each structure in turn, until the context is left. What was answered 202 is remembered."""

    def __init__(self, system: Channels, structures: Sequence[int], *, per_second: float) -> None:
        self._api = system.as_("alice", wait=None)
        self._structures = structures
        self._every = 1 / per_second
        self._sent: dict[int, list[tuple[str, str]]] = defaultdict(list)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._send_all, name="flow")
        self.refused: list[Any] = []
        self.count = 0

    def __enter__(self) -> "Flow":
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End, once the last answer is there."""
        self._ended.set()
        self._thread.join()

    def _send_all(self) -> None:
        due = time.monotonic()
        while not self._ended.wait(max(0.0, due - time.monotonic())):
            due = max(due + self._every, time.monotonic())
            structure, label = self._structures[self.count % len(self._structures)], f"n° {self.count}"
            try:
                answer = self._api.patch(f"/structures/{structure}", json={"label": label})
                if answer.status_code == httpx2.codes.ACCEPTED:
                    self._sent[structure].append((answer.json()["request_id"], label))
                else:
                    self.refused.append((answer.status_code, answer.text))
            except httpx2.HTTPError as error:
                self.refused.append(repr(error))
            self.count += 1

    def wait_until_all_are_applied(self) -> None:
        """Wait until every request that was answered 202 is applied, and each structure has its last label."""
        for structure, sent in self._sent.items():
            until(lambda s=structure, n=sent: self._all_applied(s, n), 120, what=f"all of {structure} applied")  # type: ignore[misc]
            path = f"/structures/{structure}"
            until(lambda p=path, n=sent: self._api.get(p).json()["label"] == n[-1][1], what="the last label")  # type: ignore[misc]
        self._api.close()

    def _all_applied(self, structure: int, sent: Sequence[tuple[str, str]]) -> bool:
        status = {r["request_id"]: r["status"] for r in self._made(structure)}
        return all(status.get(request_id) == "applied" for request_id, _ in sent)

    def _made(self, structure: int) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        page = 1
        while True:
            answer = self._api.get(f"/structures/{structure}/requests", params={"size": 100, "page": page}).json()
            items += answer["items"]
            if len(answer["items"]) < 100:
                return items
            page += 1
