"""What an owner does with a batch of each topic: the Kafka door of the engine. Doors only translate."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from shared import topics
from shared.dead_letters import dead_letter
from shared.engine.engine import Engine
from shared.engine.intake import Intake
from shared.engine.store import Bus, Store
from shared.errors import Poison
from shared.messages import cloudevents, records
from shared.messages.life import Poke

T = TypeVar("T")
Handler = Callable[[Sequence[Any]], Awaitable[None]]
OnStates = Callable[[Sequence[Mapping[str, Any]]], Awaitable[None]]


@dataclass(frozen=True)
class Feeds:
    """What an owner follows besides its own requests.

    `states` are owners whose records are kept as copies, under keys such as `manager:structure:42`; `watches` are
    owners whose records are only looked at as they come (and wake what waits for such a key); `answers` are
    prefixes of `<name>.outcomes` topics whose answers arrive under keys such as `insee:<SIRET>`.
    """

    states: tuple[str, ...] = ()
    watches: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()


class Handlers:
    """The handlers of one owner."""

    def __init__(
        self,
        engine: Engine,
        store: Store,
        intake: Intake,
        bus: Bus,
        *,
        process: str,
        on_states: OnStates | None = None,
    ) -> None:
        self._engine = engine
        self._store = store
        self._intake = intake
        self._bus = bus
        self._process = process
        self._on_states = on_states

    def table(self, owner: str, feeds: Feeds) -> dict[str, Handler]:
        """Return the handler of each topic."""
        return {
            topics.name(owner, topics.REQUESTS): self.requests,
            topics.name(owner, topics.DUE): self.pokes,
            **{topics.name(other, topics.STATE): self.states(other, keep=True) for other in feeds.states},
            **{topics.name(other, topics.STATE): self.states(other, keep=False) for other in feeds.watches},
            **{topics.name(other, topics.OUTCOMES): self.answers(other) for other in feeds.answers},
        }

    async def requests(self, batch: Sequence[Any]) -> None:
        """Decide requests."""
        incoming, out = await self._intake.read(batch)
        if out:
            await self._bus.publish(out)
        await self._engine.requests(incoming)

    async def pokes(self, batch: Sequence[Any]) -> None:
        """Apply what is due."""
        await self._engine.pokes(await self._readable(batch, _poke))

    def states(self, owner: str, *, keep: bool) -> Handler:
        """Return the handler of an owner's records, which keeps copies of them or only looks at them."""

        async def handle(batch: Sequence[Any]) -> None:
            copies = await self._readable(batch, lambda record: _copy(owner, record))
            newest = {copy[0]: copy for copy in sorted(copies, key=lambda c: c[1])}
            if not newest:
                return
            if keep:
                await self._store.put_copies(list(newest.values()))
            if self._on_states:
                await self._on_states([value for _, _, value in newest.values()])
            await self._engine.moved(newest)

        return handle

    def answers(self, name: str) -> Handler:
        """Return the handler that takes answers to look-ups."""

        async def handle(batch: Sequence[Any]) -> None:
            answers = dict(await self._readable(batch, lambda record: _answer(name, record)))
            if answers:
                await self._engine.answered(answers)

        return handle

    async def _readable(self, batch: Sequence[Any], read: Callable[[Any], T]) -> list[T]:
        """Return what can be read and dead-letter the rest, so that rubbish stops nothing but itself."""
        values, dead = [], []
        for record in batch:
            try:
                values.append(read(record))
            except Poison as poison:
                dead.append(dead_letter(record, poison.code, poison.reason, process=self._process))
        if dead:
            await self._bus.publish(dead)
        return values


def _poke(record: Any) -> tuple[str, int]:
    try:
        return Poke.model_validate(cloudevents.read(record).data).document, record.timestamp
    except ValidationError as error:
        raise Poison("message_invalid", "it is no poke") from error


def _copy(owner: str, record: Any) -> tuple[str, int, Mapping[str, Any]]:
    state = records.state(owner, record)
    return f"{owner}:{state.key}", state.version, state.data


def _answer(name: str, record: Any) -> tuple[str, Mapping[str, Any]]:
    key, data = records.answer(name, record)
    return f"{name}:{key}", data
