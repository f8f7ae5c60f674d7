"""The entry points of the engine from Kafka: one handler of batches for each topic. They only translate."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import ValidationError

from shared.contracts import topics
from shared.contracts.messages import cloudevents, records
from shared.contracts.messages.life import DueTrigger
from shared.engine.core.reactions import Reacts
from shared.engine.entrypoint import retries
from shared.engine.entrypoint.intake import Intake, Read
from shared.engine.entrypoint.reacting import react
from shared.engine.runtime.early_triggers import EarlyTriggers
from shared.engine.runtime.engine import Engine, Trigger
from shared.engine.storage.protocol import Copy, Store
from shared.errors import Poison, Transient
from shared.kafka.dead_letters import dead_letter

T = TypeVar("T")
Handler = Callable[[Sequence[Any]], Awaitable[None]]


@dataclass(frozen=True)
class Feeds:
    """What an owner consumes besides its own requests.

    `states` are owners whose records are kept as copies, under keys such as `manager:structure:42`. `reactions` are
    owners to whose records it reacts with requests of its own, whether it keeps copies of them or not. `answers` are
    the names of `<name>.outcomes` topics, whose answers arrive under keys such as `insee:<SIRET>`. Of an owner in
    `kept`, only that part of a record is kept; of one in `names`, a copy is also found by those names, such as
    `structure:SIRET:41816609600069`.
    """

    states: tuple[str, ...] = ()
    reactions: Mapping[str, Reacts] = field(default_factory=dict)
    answers: tuple[str, ...] = ()
    kept: Mapping[str, Callable[[Mapping[str, Any]], Mapping[str, Any]]] = field(default_factory=dict)
    names: Mapping[str, Callable[[Mapping[str, Any]], Iterable[str]]] = field(default_factory=dict)

    def copy(self, owner: str, record: Copy) -> Copy:
        """Return what is kept of an owner's record, with the names by which it is found."""
        names = self.names[owner](record.value) if owner in self.names else ()
        value = self.kept[owner](record.value) if owner in self.kept else record.value
        return Copy(record.key, record.version, value, tuple(names))


class Handlers:
    """The handlers of one owner."""

    def __init__(
        self,
        engine: Engine,
        store: Store,
        intake: Intake,
        early: EarlyTriggers,
        *,
        process: str,
    ) -> None:
        self._engine = engine
        self._store = store
        self._intake = intake
        self._early = early
        self._retries = topics.name(engine.owner.name, topics.RETRIES)
        self._process = process

    def table(self, owner: str, feeds: Feeds) -> dict[str, Handler]:
        """Return the handler of each topic."""
        return {
            topics.name(owner, topics.REQUESTS): self.requests,
            topics.name(owner, topics.RETRIES): self.retries,
            topics.name(owner, topics.DUE): self.triggers,
            **{
                topics.name(other, topics.STATE): self.states(other, feeds)
                for other in dict.fromkeys((*feeds.states, *feeds.reactions))
            },
            **{topics.name(other, topics.OUTCOMES): self.answers(other) for other in feeds.answers},
        }

    async def requests(self, records: Sequence[Any]) -> None:
        """Decide requests; those whose token can't be verified now go to the retry topic, to delay no others."""
        read = await self._decided(records)
        if read.unproved:
            await self._engine.bus.publish([retries.put_aside(record, self._retries) for record in read.unproved])

    async def retries(self, records: Sequence[Any]) -> None:
        """Decide requests of the retry topic. Raises Transient with those whose token still can't be verified."""
        read = await self._decided(await self._readable(records, retries.as_it_came))
        if read.unproved:
            raise Transient("the issuer does not answer", rest=[record.aside for record in read.unproved])

    async def _decided(self, records: Sequence[Any]) -> Read:
        read = await self._intake.read(records)
        if read.out:
            await self._engine.bus.publish(read.out)
        await self._engine.requests(read.incoming)
        return read

    async def triggers(self, records: Sequence[Any]) -> None:
        """Apply due changes; triggers that are a moment early are kept."""
        early = await self._engine.triggers(await self._readable(records, _trigger))
        self._early.add(early)

    def states(self, owner: str, feeds: Feeds) -> Handler:
        """Return the handler of another owner's records: it keeps copies of them, reacts to them, or both."""
        keep, reacts = owner in feeds.states, feeds.reactions.get(owner)

        async def handle(records: Sequence[Any]) -> None:
            read = await self._readable(records, lambda record: _copy(owner, record))
            newest = {copy.key: copy for copy in sorted(read, key=lambda copy: copy.version)}
            if not newest:
                return
            copies = [feeds.copy(owner, record) for record in newest.values()] if keep else []
            if copies:
                await self._store.put_copies(copies)
            if reacts is not None:
                await react(self._engine, reacts, list(newest.values()), process=self._process)
            await self._engine.on_copies_changed([*newest, *(name for copy in copies for name in copy.aliases)])

        return handle

    def answers(self, name: str) -> Handler:
        """Return the handler that takes answers to look-ups."""

        async def handle(records: Sequence[Any]) -> None:
            answers = dict(await self._readable(records, lambda record: _answer(name, record)))
            if answers:
                await self._engine.on_lookup_answered(answers)

        return handle

    async def _readable(self, records: Sequence[Any], read: Callable[[Any], T]) -> list[T]:
        """Return the records that can be read and dead-letter the others, so that a bad record harms only itself."""
        values, dead = [], []
        for record in records:
            try:
                values.append(read(record))
            except Poison as poison:
                dead.append(dead_letter(record, poison.code, poison.reason, process=self._process))
        if dead:
            await self._engine.bus.publish(dead)
        return values


def _trigger(record: Any) -> Trigger:
    try:
        trigger = DueTrigger.model_validate(cloudevents.read(record).data)
    except ValidationError as error:
        raise Poison("message_invalid", "it is no trigger") from error
    return Trigger(trigger.document, record.timestamp, trigger.due_at)


def _copy(owner: str, record: Any) -> Copy:
    state = records.state(owner, record)
    return Copy(f"{owner}:{state.key}", state.version, state.data)


def _answer(name: str, record: Any) -> tuple[str, Mapping[str, Any]]:
    key, data = records.answer(name, record)
    return f"{name}:{key}", data
