"""Makes the process's own requests in reaction to records of another owner."""

from collections.abc import Sequence

from shared.domain.actor import Actor
from shared.engine.core.incoming import Incoming
from shared.engine.core.reactions import Reacts
from shared.engine.entrypoint.intake import body_hash
from shared.engine.runtime.engine import Engine
from shared.engine.storage.protocol import Copy


async def react(engine: Engine, reacts: Reacts, records: Sequence[Copy], *, process: str) -> None:
    """Decide the requests that react to these records. A late or repeated record does nothing: a later one did."""
    looked_at = {key for record in records for key in reacts.copies(record.value)}
    copies = {key: value for key, (_, value) in (await engine.store.copies(looked_at)).items()} if looked_at else {}
    ourselves, now = Actor(f"system:{process}", kind="technical"), engine.clock.now()
    requests = [
        Incoming(
            reaction.request_id,
            ourselves,
            reaction.request,
            body_hash(reaction.request.type, {}),
            now,
            source=(record.key, record.version),
        )
        for record in records
        for reaction in reacts.requests(record.value, copies)
    ]
    if requests:
        await engine.requests(requests)
