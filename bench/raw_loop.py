"""What the delay's forward rate is compared with: the shortest loop that reads a topic and writes another.

The same records, ACLs, acknowledgements and idempotence, one commit a batch; no waiting, no windows, no checks. As a
process of its own, as delay_svc is: `python -m bench.raw_loop SOURCE TARGET GROUP`, with KAFKA_* in the environment.
"""

import asyncio
import sys

import uvloop

from shared.kafka.clients import build_consumer, build_producer
from shared.runtime.settings import KafkaSettings


async def run(source: str, target: str, group: str) -> None:
    """Forward all that comes, until the process is ended."""
    kafka = KafkaSettings()
    async with (
        build_producer(kafka) as producer,
        build_consumer(kafka, source, group=group) as consumer,
    ):
        while True:
            batches = await consumer.getmany(timeout_ms=500, max_records=5_000)
            sent = [
                await producer.send(target, record.value, key=record.key, headers=[*record.headers])
                for records in batches.values()
                for record in records
            ]
            if sent:
                await asyncio.gather(*sent)
                await consumer.commit()


if __name__ == "__main__":
    uvloop.run(run(*sys.argv[1:]))
