"""Kafka's protocol, spoken as one user: each request goes out once, and the broker's answer is returned as it is.

A client library fetches first what there is, keeps back what is refused, and tries again. Here nothing is kept back,
and one request tries every topic at once.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiokafka import errors
from aiokafka.conn import AIOKafkaConnection, create_conn
from aiokafka.protocol.admin import DescribeGroupsRequest_v2
from aiokafka.protocol.api import Request, RequestStruct
from aiokafka.protocol.commit import OffsetCommitRequest, OffsetFetchRequest
from aiokafka.protocol.coordination import FindCoordinatorRequest
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.group import JoinGroupRequest, LeaveGroupRequest
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.protocol.struct import Struct
from aiokafka.protocol.transaction import InitProducerIdRequest
from aiokafka.protocol.types import Array, Schema
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from shared.kafka.clients import connection
from shared.runtime.settings import KafkaSettings

REFUSALS = {
    error.errno
    for error in (
        errors.TopicAuthorizationFailedError,
        errors.GroupAuthorizationFailedError,
        errors.ClusterAuthorizationFailedError,
        errors.TransactionalIdAuthorizationFailed,
    )
}

_STARTING = {
    error.errno
    for error in (
        errors.CoordinatorNotAvailableError,
        errors.CoordinatorLoadInProgressError,
        errors.NotCoordinatorForGroupError,
    )
}
_PATIENCE = 10_000
_MUCH = 1024 * 1024
_NO_MEMBER = -1


class Caller:
    """A user who is connected. `name` is what its records say."""

    def __init__(self, name: str, connection: AIOKafkaConnection) -> None:
        self.name = name
        self._connection = connection

    async def send(self, request: Request[Any] | RequestStruct) -> dict[str, Any]:
        """Send a request, in its newest version or in the one that is given; return the answer, field by field."""
        sent = request if isinstance(request, Request) else _Exactly(request)
        answer: Struct = await self._connection.send(sent)
        fields: dict[str, Any] = _by_name(answer.SCHEMA, [answer.get_item(name) for name in answer.SCHEMA.names])
        return fields

    async def sees(self) -> set[str]:
        """Return the topics whose names and places it is shown."""
        return {topic["topic"] for topic in (await self.send(MetadataRequest(None)))["topics"]}

    async def write(self, topics: Iterable[str]) -> set[str]:
        """Write a record on every topic; return where it was taken."""
        lot = [(topic, [(0, _record(self.name))]) for topic in topics]
        answer = await self.send(ProduceRequest(None, -1, _PATIENCE, lot))
        return {topic for topic, part in _partitions(answer) if is_granted(part["error_code"])}

    async def read(self, topics: Iterable[str]) -> Mapping[str, list[str]]:
        """Read every topic from its start; return who wrote the records of those that it was given."""
        wanted = [(topic, [(0, 0, _MUCH)]) for topic in topics]
        answer = await self.send(FetchRequest(0, 0, 50 * _MUCH, 0, wanted))
        return {
            topic: list(_values(part["message_set"]))
            for topic, part in _partitions(answer)
            if is_granted(part["error_code"])
        }

    async def wait_until_served(self, groups: Iterable[str]) -> None:
        """Wait until the broker serves these groups and numbers producers: it begins at the first request for it."""
        names = list(groups)
        async with asyncio.timeout(_PATIENCE / 1000):
            for request in (FindCoordinatorRequest(names[0], 0), describe(names), InitProducerIdRequest(None, 0)):
                while codes(await self.send(request)) & _STARTING:  # noqa: ASYNC110 - Kafka notifies nobody when it does.
                    await asyncio.sleep(0.05)

    async def join(self, group: str) -> bool:
        """Become a member of a consumer group, and leave it; return whether that was allowed."""
        code, member = await self._join(group, "")
        if code == errors.MemberIdRequired.errno:
            code, member = await self._join(group, member)
        if not is_granted(code):
            return False
        left = await self.send(LeaveGroupRequest(group, member))
        return is_granted(left["error_code"])

    async def _join(self, group: str, member: str) -> tuple[int, str]:
        protocols = [("range", b"")]
        request = JoinGroupRequest(group, _PATIENCE, _PATIENCE, member, None, "consumer", protocols)
        answer = await self.send(request)
        return answer["error_code"], answer["member_id"]

    async def commit(self, group: str, topics: Iterable[str]) -> set[str]:
        """Commit an offset of every topic; return those where it was taken."""
        places = [(topic, [(0, 0, "")]) for topic in topics]
        answer = await self.send(OffsetCommitRequest(group, _NO_MEMBER, "", -1, places))
        return {topic for topic, part in _partitions(answer) if is_granted(part["error_code"])}

    async def sees_offsets(self, group: str) -> bool:
        """Return whether it is shown how far a group has read."""
        return is_granted((await self.send(OffsetFetchRequest(group, None)))["error_code"])


@dataclass(frozen=True)
class _Exactly:
    request: RequestStruct

    def prepare(self, _versions: object) -> RequestStruct:
        return self.request


@asynccontextmanager
async def calling(user: KafkaSettings) -> AsyncIterator[Caller]:
    """Connect as a user to the only broker there is."""
    settings = connection(user)
    host, _, port = settings.pop("bootstrap_servers").rpartition(":")
    opened = await create_conn(host, int(port), **settings)
    try:
        yield Caller(user.user, opened)
    finally:
        await opened.close()


def describe(groups: Iterable[str]) -> RequestStruct:
    """Request the members of groups: in version 2, since aiokafka reads the answers in version 3 wrongly."""
    return DescribeGroupsRequest_v2(list(groups))


def is_granted(code: int) -> bool:
    """Tell whether something was done or refused for want of an ACL. Any other error fails: it shows neither."""
    if code not in {0, *REFUSALS}:
        raise AssertionError(errors.for_code(code).__name__)
    return code == 0


def codes(answer: Any) -> set[int]:
    """Return every error code in an answer; 0 is none."""
    if isinstance(answer, list):
        return set().union(*map(codes, answer))
    if not isinstance(answer, dict):
        return set()
    own = {value for name, value in answer.items() if name == "error_code"}
    return own.union(*map(codes, answer.values()))


def _by_name(kind: Any, value: Any) -> Any:
    """A part of an answer by the names of its fields; aiokafka's own `to_object` fails at a list that is null."""
    if isinstance(kind, Array):
        return [_by_name(kind.array_of, each) for each in value or ()]
    if isinstance(kind, Schema):
        return dict(zip(kind.names, map(_by_name, kind.fields, value), strict=True))
    return value


def _partitions(answer: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every topic with its only partition that was requested."""
    for topic in answer["topics"]:
        (part,) = topic["partitions"]
        yield topic.get("topic", topic.get("topics")), part


def _record(value: str) -> bytes:
    batch = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, _MUCH)
    batch.append(0, None, b"key", value.encode(), [])  # A compacted topic takes no record without a key.
    return bytes(batch.build())


def _values(records: bytes) -> Iterator[str]:
    batches = MemoryRecords(records)
    while (batch := batches.next_batch()) is not None:
        yield from (record.value.decode() for record in batch)
