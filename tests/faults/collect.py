"""Reads at the end of a run what every topic holds, as any new reader would, and turns it into events."""

import base64
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import orjson
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from shared.clock import parse_instant
from shared.contracts import topics
from shared.contracts.messages.life import request_key
from tests.faults.history import Event, document_key

Places = Mapping[tuple[str, int], int]
"""Offsets, by topic and number of partition."""

LONGEST_ID = 100
_FOLLOWED = ("requests", "outcomes", "journal", "state", "due")


def followed(name: str) -> bool:
    """Tell whether a topic is part of a history."""
    owner, _, what = name.partition(".")
    return (owner in topics.OWNERS and what in _FOLLOWED) or name.startswith("delay.") or name.endswith(".dlq")


def ends(settings: Mapping[str, Any]) -> Places:
    """Return where each topic of a history ends now."""
    admin = _admin(settings)
    found = admin.list_topics(timeout=30).topics.items()
    return _offsets(admin, [(name, n) for name, topic in found if followed(name) for n in topic.partitions])


def _offsets(
    admin: AdminClient, places: Iterable[tuple[str, int]], spec: Callable[[], OffsetSpec] = OffsetSpec.latest
) -> Places:
    specs = {TopicPartition(*place): spec() for place in places}
    found = admin.list_offsets(specs, request_timeout=30) if specs else {}
    return {(place.topic, place.partition): offset.result().offset for place, offset in found.items()}


def collected(settings: Mapping[str, Any], since: Places, *, only: str = "") -> Iterator[Event]:
    """Yield the events of the topics from `since` on; of the states from the start, as a new reader would."""
    until = {place: end for place, end in ends(settings).items() if not only or place[0] == only}
    firsts = _offsets(_admin(settings), until, OffsetSpec.earliest)  # What is before it was deleted.
    consumer = _consumer(settings)
    try:
        starts = []
        for (topic, number), end in until.items():
            start = 0 if topic.endswith(".state") else since.get((topic, number), 0)
            if (start := max(start, firsts[topic, number])) < end:
                starts.append(TopicPartition(topic, number, start))
        consumer.assign(starts)
        left = {(p.topic, p.partition) for p in starts}
        deadline = time.monotonic() + 120
        while left:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{sorted(left)} could not be read to the end")
            message = consumer.poll(1.0)
            if message is None or message.error() is not None:
                continue
            place = message.topic(), message.partition()
            if message.offset() < until[place]:
                yield event_of(message)
            if message.offset() + 1 >= until[place]:
                left.discard(place)
    finally:
        consumer.close()


def _admin(settings: Mapping[str, Any]) -> AdminClient:
    return AdminClient({**settings, "log_level": 0})


def _consumer(settings: Mapping[str, Any]) -> Any:
    return Consumer(
        {**settings, "group.id": "faults", "auto.offset.reset": "earliest", "enable.auto.commit": False, "log_level": 0}
    )


def lagging(settings: Mapping[str, Any]) -> list[str]:
    """Return the consumer groups of owners and gateway that have not read all, each with its topic."""
    admin = _admin(settings)
    found = admin.list_consumer_groups(request_timeout=20).result().valid
    groups = [g.group_id for g in found if g.group_id.split(".")[0] in {"gateway", *topics.OWNERS.values()}]
    answers = [admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(g)], request_timeout=20) for g in groups]
    read = {
        (group, at.topic, at.partition): at.offset
        for group, answer in zip(groups, answers, strict=True)
        for at in answer[group].result().topic_partitions
    }
    until = _offsets(admin, {(topic, number) for _, topic, number in read})
    return [f"{group} {number}" for (group, topic, number), at in read.items() if at < until[topic, number]]


# ---- one record ------------------------------------------------------------------------------------------------


def event_of(message: Any) -> Event:
    """Return the event that a record is."""
    topic = message.topic()
    place = f"{topic}/{message.partition()}/{message.offset()}"
    at = message.timestamp()[1]
    headers = {name: value or b"" for name, value in message.headers() or ()}
    owner, _, what = topic.partition(".")
    if topic.endswith(".dlq"):
        code = headers.get("dlq_code", b"").decode(errors="replace")
        was = b"/".join(headers.get(f"dlq_{name}", b"") for name in ("topic", "partition", "offset"))
        return Event("dead_lettered", at, owner, code=code, place=place, more={"was": was.decode(errors="replace")})
    if topic.startswith("delay."):
        what = "delayed"
    try:
        return _READ[what](owner, at, place, message, headers)
    except (ValueError, KeyError, TypeError, AttributeError):
        return Event("rubbish", at, owner, place=place)


Headers = Mapping[str, bytes]


def _logged(owner: str, at: int, place: str, message: Any, headers: Headers) -> Event:
    orjson.loads(message.value())
    claims = headers["authorization"].decode().partition(" ")[2].split(".")[1]
    subject = orjson.loads(base64.urlsafe_b64decode(claims + "=="))["sub"]
    actor = headers.get("ce_actor", subject.encode()).decode()
    # An id beyond measure is answered by its beginning.
    request = request_key(actor, headers["ce_id"].decode()[:LONGEST_ID])
    return Event("logged", at, owner, request, place=place, code=headers["ce_type"].decode())


def _step(what: Any) -> Callable[..., Event]:
    def read(owner: str, at: int, place: str, message: Any, headers: Headers) -> Event:
        del headers
        entry = orjson.loads(message.value())
        more = {name: entry[name] for name in ("before", "after") if entry.get(name)} if what == "journal" else {}
        more |= {"repeated": True} if entry.get("repeated") else {}
        more |= {"recorded": False} if not entry.get("recorded", True) else {}
        return Event(
            what,
            at,
            owner,
            request_key(entry["actor"], entry["request_id"]),
            document_key(owner, entry["document"]) if entry.get("document") else "",
            entry.get("version", 0),
            entry["status"],
            entry["code"],
            _instant(entry.get("effective_at")),
            place,
            {**more, "decided": _instant(entry["at"])},
        )

    return read


def _state(owner: str, at: int, place: str, message: Any, headers: Headers) -> Event:
    del headers
    record = orjson.loads(message.value())
    if not isinstance(record["version"], int):
        raise TypeError("no record of ours")
    document = document_key(owner, message.key().decode())
    return Event("state", at, owner, document=document, version=record["version"], place=place, more={"record": record})


def _trigger(what: Any) -> Callable[..., Event]:
    def read(owner: str, at: int, place: str, message: Any, headers: Headers) -> Event:
        trigger = orjson.loads(message.value())
        due_at, ident = headers.get("due_at"), headers["ce_id"].decode()
        # Only what came through the delay says in a header when it was due.
        who = owner if what == "delayed" else "delay_svc" if due_at is not None else "sweeper"
        due = int(due_at) if due_at is not None else _instant(trigger["due_at"])
        document = document_key("structure" if what == "delayed" else owner, trigger["document"])
        return Event(what, at, who, document=document, due_at=due, place=place, more={"id": ident})

    return read


def _instant(value: Any) -> int | None:
    at = parse_instant(value)
    return at if isinstance(at, int) else None


_READ: Mapping[str, Callable[..., Event]] = {
    "requests": _logged,
    "outcomes": _step("outcome"),
    "journal": _step("journal"),
    "state": _state,
    "due": _trigger("forwarded"),
    "delayed": _trigger("delayed"),
}
