"""The running system that is fuzzed, somebody in it who is left alone, and whether it still serves them."""

import itertools
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import orjson
from confluent_kafka import Producer

from dev.brokers import Brokers
from dev.run.system import KAFKA_AUDIENCE, System
from shared.contracts import topics
from tests.fuzz.standing import Record, standing
from tests.fuzz.tries import StandsStill
from tests.journeys.builders import add_member, new_structure
from tests.support.kafka import Reader, Seen
from tests.support.system import behind, until

DELAY = "2s"
PATIENCE = 30.0
PARTITIONS = 3
STRANGER, MEMBER, ADMINISTRATOR = "sam", "marc", "admin"
BYSTANDER, FRIEND = "chloe", "alice"
"""Who is left alone: nothing that is drawn is about their structure."""
_BROKEN = "internal_error"
_LONGEST_SHOWN = 3_000
SPOILT_USER = "facturier"

Headers = Sequence[tuple[str, bytes]]


@contextmanager
def fuzz_system(folder: Path, brokers: Brokers | None = None) -> Iterator[System]:
    """Run the system that is fuzzed. What dies is started again, so that an example can be made smaller."""
    environment = {"OVERDUE_AFTER": "3s", "INSEE_LOOK_UPS": "100000"}
    with System(folder, delay=DELAY, environment=environment, brokers=brokers) as system:
        system.supervisor.watch()
        yield system


class Stack:
    """A structure that may be spoilt, a bystander's, and the entry points."""

    def __init__(self, system: System) -> None:
        self.system = system
        name, password = system.brokers.kafka_admin
        self.admin: dict[str, Any] = {**system.partner(), "sasl.username": name, "sasl.password": password}
        self._run, self._numbers = f"fuzz-{os.getpid()}-{time.time_ns():x}", itertools.count(1)
        self.structure = new_structure(system)["id"]
        """Alice's, in which marc may change things."""
        add_member(system, self.structure, MEMBER, "modification")
        self._bystander = new_structure(system, BYSTANDER, label="à moi")
        self._tokens = {
            who: system.token(who, KAFKA_AUDIENCE) for who in ("alice", STRANGER, MEMBER, ADMINISTRATOR, BYSTANDER)
        }
        self._append_friend()
        self.producer = Producer({**self.admin, "acks": "all", "batch.num.messages": 1, "log_level": 0})
        answers = [topics.name(owner, topics.OUTCOMES) for owner in topics.OWNERS]
        self.answers = Reader(self.admin, *answers, *(topics.dead_letters(process) for process in topics.PROCESSES))
        self.real: dict[str, list[Record]] = {}
        """Records of each topic, from before it was given rubbish."""
        self._pids = self.pids()

    def close(self) -> None:
        """Leave."""
        self.answers.close()

    @property
    def bystander(self) -> int:
        """Return the id of the structure that is left alone."""
        return int(self._bystander["id"])

    def bearer(self, who: str) -> bytes:
        """Return a token for Kafka as a header holds it."""
        return f"Bearer {self._tokens[who]}".encode()

    def mark(self) -> str:
        """Return a name that nothing had before."""
        return f"{self._run}-{next(self._numbers)}"

    def _append_friend(self) -> None:
        path = f"/structures/{self.bystander}/members"
        with self.system.as_(BYSTANDER) as api:
            answer = api.put(f"{path}/{FRIEND}", json={"profile": "consultation"})
            assert answer.status_code == 202, answer.text
            until(lambda: FRIEND in _users(api.get(path).json()), what="the bystander's team")

    # ---- what must hold -----------------------------------------------------------------------------------------

    def pids(self) -> dict[str, int | None]:
        """Return the processes that run."""
        return {process: self.system.supervisor[process].pid for process in topics.PROCESSES}

    def send(self, topic: str, value: bytes | None, headers: Headers, key: bytes | None, partition: int) -> None:
        """Hand a record to the producer."""
        self.producer.produce(topic, value, key, headers=list(headers), partition=partition)
        self.producer.poll(0)

    def submit_as_bystander(self) -> set[str]:
        """Send a right request on every partition of every owner; return their marks."""
        marks = set()
        for partition in range(PARTITIONS):
            label = {"structure": {"id": self.bystander}, "label": f"à moi {next(self._numbers)}"}
            profile = ("consultation", "modification")[next(self._numbers) // 2 % 2]
            change = {"structure_id": self.bystander, "user": FRIEND, "profile": profile}
            for owner, type_, data in (
                ("structure", "structure.modify.v1", label),
                ("manager", "membership.set.v1", change),
            ):
                marks.add(mark := self.mark())
                headers = envelope(mark, type_, self.bearer(BYSTANDER))
                self.send(topics.name(owner, topics.REQUESTS), orjson.dumps(data), headers, mark.encode(), partition)
        return marks

    def decided(self, marks: set[str], bystanders: set[str]) -> None:
        """Wait until all of these are answered or dead letters; the bystander's are accepted, or changed nothing."""
        left, wrong, broken = marks | bystanders, list[str](), list[str]()

        def tally(seen: Seen) -> bool:
            mark = seen.get("correlation_id") or seen["headers"].get("test") or ""
            left.discard(mark)
            # An owner lives on when its code breaks on a message: that is a bug of ours all the same.
            if _BROKEN in {seen.get("code"), seen["headers"].get("dlq_code")}:
                broken.append(repr({name: seen[name] for name in ("topic", "headers", "value")})[:_LONGEST_SHOWN])
            if mark in bystanders and seen.get("status") == "rejected" and seen.get("code") != "nothing_to_change":
                wrong.append(f"{seen['value']!r}")
            return not left

        try:
            self.answers.until(tally, PATIENCE)
        except AssertionError:
            if left & bystanders:
                raise StandsStill(f"a right request is not decided\n{standing(self.admin)}") from None
            raise AssertionError(f"{len(left)} messages have neither an outcome nor a dead letter") from None
        finally:
            self.answers.seen.clear()
        assert not broken, f"the code of an owner broke on a message: {broken}"
        assert not wrong, f"a right request was refused: {wrong}"
        self.nobody_died()

    def nobody_died(self) -> None:
        """Fail when a process has ended since this was checked last."""
        before, self._pids = self._pids, self.pids()
        assert before == self._pids, (
            f"a process ended: {before}, then {self._pids}; see {self.system.settings.run_data}"
        )

    def is_intact(self) -> None:
        """Fail unless all is read, every process ready, and the bystander's as it was, and can be changed and read."""
        try:
            until(lambda: not behind(self.system), PATIENCE, what="every group at the end of its topics")
        except AssertionError as late:
            raise StandsStill(f"{late}\n{standing(self.admin)}") from None
        bystanders = self.submit_as_bystander()
        self.producer.flush(30)
        self.decided(set(), bystanders)
        for process in topics.PROCESSES:
            port = getattr(self.system.settings, f"{process}_port")
            ready = httpx2.get(f"http://127.0.0.1:{port}/ready", timeout=30).json()
            assert ready == {"ok": True, "problems": []}, f"{process}: {ready}"
        label = f"à moi {next(self._numbers)}"
        with self.system.as_(BYSTANDER) as api:
            path = f"/structures/{self.bystander}"
            answer = api.patch(path, json={"label": label})
            assert answer.json().get("status") == "accepted", answer.text
            found = until(lambda: _with(api.get(path).json(), label), PATIENCE, what="the bystander's change readable")
            members = _users(api.get(f"{path}/members").json())
            assert members - {BYSTANDER} == {FRIEND}, members
        same = ("id", "identifier", "name", "address", "sphere", "status", "created_at")
        assert {name: found.get(name) for name in same} == {name: self._bystander.get(name) for name in same}
        self.nobody_died()


def _users(team: dict[str, Any]) -> set[str]:
    return {member["user"] for member in team["members"]}


def _with(record: dict[str, Any], label: str) -> dict[str, Any] | None:
    return record if record.get("label") == label else None


def envelope(mark: str, type_: str, bearer: bytes) -> list[tuple[str, bytes]]:
    """Return the headers of a right request."""
    return [
        ("ce_specversion", b"1.0"),
        ("ce_id", mark.encode()),
        ("ce_source", b"/fuzz"),
        ("ce_type", type_.encode()),
        ("ce_correlationid", mark.encode()),
        ("content-type", b"application/json"),
        ("authorization", bearer),
        ("test", mark.encode()),
    ]
