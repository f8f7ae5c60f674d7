"""Records as Kafka gives them."""

from dataclasses import dataclass


@dataclass
class Record:
    topic: str
    partition: int = 0
    offset: int = 0
    timestamp: int = 5
    key: bytes | None = None
    value: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()
