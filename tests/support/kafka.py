"""Another system's client: confluent-kafka, which is not ours, so that the protocol is tested and not our own code."""

import contextlib
import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from confluent_kafka import Consumer, Producer

Seen = dict[str, Any]


class Partner:
    """Sends requests and reads outcomes as another system would, with a user and a token of its own."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._producer = Producer({**settings, "acks": "all", "log_level": 2})
        self._settings = settings

    def send(
        self,
        topic: str,
        value: bytes | None,
        headers: Mapping[str, bytes] | Sequence[tuple[str, bytes]] = (),
        key: bytes | None = None,
    ) -> None:
        """Send one record and wait until the broker has it."""
        failed: list[Any] = []
        header_list = list(headers.items()) if isinstance(headers, Mapping) else list(headers)
        self._producer.produce(
            topic, value, key, headers=header_list, on_delivery=lambda error, _: failed.append(error)
        )
        self._producer.flush(20)
        if failed != [None]:
            raise AssertionError(f"{topic} did not take the record: {failed}")

    def submit(self, topic: str, type_: str, data: Any, token: str | None, **more: Any) -> str:
        """Send a request in binary mode; return its id."""
        request_id = more.get("request_id") or uuid.uuid4().hex
        headers = {
            "ce_specversion": b"1.0",
            "ce_id": request_id.encode(),
            "ce_source": b"/partner",
            "ce_type": type_.encode(),
            "content-type": b"application/json",
        }
        if token is not None:
            headers["authorization"] = f"Bearer {token}".encode()
        headers |= more.get("headers", {})
        self.send(topic, json.dumps(data).encode(), headers, more.get("key"))
        return str(request_id)


def of(request_id: str, status: str) -> Callable[[Seen], bool]:
    """Return a predicate: whether a record is the answer to this request with this status."""
    return lambda seen: seen.get("request_id") == request_id and seen.get("status") == status


class Reader:
    """Reads topics from where they end when it is made."""

    def __init__(self, settings: Mapping[str, Any], *topics: str) -> None:
        self.seen: list[Seen] = []
        """What came so far."""
        group = {"group.id": f"{settings['sasl.username']}.{uuid.uuid4().hex}", "auto.offset.reset": "latest"}
        self._consumer = Consumer({**settings, **group, "enable.auto.commit": False})
        assigned: list[Any] = []
        self._consumer.subscribe(list(topics), on_assign=lambda _, partitions: assigned.extend(partitions))
        end = time.monotonic() + 30
        while not assigned:
            if time.monotonic() > end:
                raise AssertionError(f"nothing of {topics} could be read")
            self._consumer.poll(0.1)
        for partition in assigned:  # A position only stands once it is fixed: what follows must not be missed.
            _, high = self._consumer.get_watermark_offsets(partition, timeout=20)
            partition.offset = high
        self._consumer.assign(assigned)

    def until(self, wanted: Callable[[Seen], bool], seconds: float = 30) -> Seen:
        """Return the first record that is wanted, seen already or still to come."""
        end = time.monotonic() + seconds
        for seen in self.seen:
            if wanted(seen):
                return seen
        while time.monotonic() < end:
            record = self._consumer.poll(0.2)
            if record is None or record.error():
                continue
            headers = {name: (value or b"").decode(errors="replace") for name, value in record.headers() or ()}
            seen = {"topic": record.topic(), "headers": headers, "key": record.key(), "value": record.value()}
            with contextlib.suppress(ValueError, RecursionError):
                body = json.loads(record.value() or b"")
                seen |= body if isinstance(body, dict) else {}
            self.seen.append(seen)
            if wanted(seen):
                return seen
        raise AssertionError(f"not seen within {seconds:.0f} s; seen: {self.seen[-5:]}")

    def close(self) -> None:
        """Leave."""
        self._consumer.close()
