"""The Kafka door of the read model: what is done with each topic's records."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from gateway.read_model.projections import ReadModel
from shared.dead_letters import dead_letter
from shared.engine.store import Bus
from shared.errors import Poison
from shared.messages import cloudevents
from shared.messages.life import Step
from shared.messages.manager import TeamRecord, UserRecord
from shared.messages.structure import StructureRecord

Handler = Callable[[Sequence[Any]], Awaitable[None]]


def feeding(model: ReadModel, bus: Bus) -> dict[str, Handler]:
    """Return the handler of each topic the read model is built from."""

    def handler(check: Callable[[Any], BaseModel], put: Callable[[Sequence[Any]], Awaitable[None]]) -> Handler:
        async def handle(records: Sequence[Any]) -> None:
            values, dead = [], []
            for record in records:
                try:
                    event = cloudevents.read(record)
                    check(event.data)
                    values.append(event.data)
                except Poison as poison:
                    dead.append(dead_letter(record, poison.code, poison.reason, process="gateway"))
                except (ValidationError, TypeError, KeyError) as error:
                    dead.append(dead_letter(record, "message_invalid", type(error).__name__, process="gateway"))
            if dead:
                await bus.publish(dead)
            if values:
                await put(values)

        return handle

    return {
        "structure.state": handler(StructureRecord.model_validate, model.put_structures),
        "manager.state": handler(_manager, model.put_managers),
        "structure.journal": handler(Step.model_validate, model.put_steps),
        "manager.journal": handler(Step.model_validate, model.put_steps),
    }


def _manager(data: Any) -> BaseModel:
    return (TeamRecord if "structure_id" in data else UserRecord).model_validate(data)
