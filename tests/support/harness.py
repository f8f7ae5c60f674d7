"""Where the engine's behaviour is tested: processes of the toy owner on one storage and one bus, on a clock we move.

A process can be made to die after any of its steps, or to stop before one while others go on.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol, cast

import orjson

from shared.clock import MINUTE, SECOND
from shared.contracts.messages.cloudevents import Message
from shared.contracts.messages.common import Request
from shared.contracts.messages.life import request_key
from shared.domain.actor import Actor
from shared.engine.core.document import Document, view
from shared.engine.core.incoming import Incoming, RequestRecord
from shared.engine.runtime.engine import Engine
from shared.engine.runtime.sweep import Sweeper
from shared.engine.storage.memory import MemoryBus
from shared.engine.storage.protocol import Bus, Copy, Sweepable
from tests.support.toy import ALICE, OWNER, TIMING, ManualClock, box_id, incoming
from tests.support.toy.state import BoxState

OLD = 6 * SECOND
"""Age at which what was left undone is the sweeper's business."""


class Raw(Protocol):
    """What is stored, as it is stored: `kind` is `documents` or `requests`."""

    async def get(self, kind: str, id_: str) -> dict[str, Any]: ...

    async def put(self, kind: str, raw: dict[str, Any]) -> None: ...


async def at_once() -> None:
    """Return: a storage in memory has nothing to catch up with."""


class Died(BaseException):
    """A process died, as by `kill -9`: nothing of it runs any more, not even what catches every error."""


class Life:
    """Counts the steps of a process; ends it after so many or after one of a name, and can hold it before one."""

    def __init__(self, dies_after: int | str | None = None) -> None:
        self.steps: list[str] = []
        self._dies_after = dies_after
        self._held: dict[str, tuple[asyncio.Event, asyncio.Event]] = {}

    async def step(self, name: str, act: Callable[[], Awaitable[Any]]) -> Any:
        if name in self._held:
            reached, may_go_on = self._held.pop(name)
            reached.set()
            await may_go_on.wait()
        result = await act()
        self.steps.append(name)
        if self._dies_after in {name, len(self.steps)}:
            raise Died(name)
        return result

    @asynccontextmanager
    async def held(self, name: str, work: Awaitable[Any]) -> AsyncIterator[None]:
        """Run `work` up to its next step of this name, then the body of the context, then the rest of `work`."""
        reached, may_go_on = self._held[name] = (asyncio.Event(), asyncio.Event())
        task = asyncio.ensure_future(work)
        waiting = asyncio.ensure_future(reached.wait())
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        assert reached.is_set(), f"there was no step {name!r}, but {self.steps}"
        yield
        may_go_on.set()
        await task


class _Steps:
    """A store or a bus, each call of which is a step in a process's life."""

    def __init__(self, inner: Any, life: Life) -> None:
        self._inner = inner
        self._life = life

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        method = getattr(self._inner, name)

        async def call(*args: Any, **more: Any) -> Any:
            return await self._life.step(name, lambda: method(*args, **more))

        return call

    async def publish(self, messages: Sequence[Message]) -> None:
        for message in messages:  # A process may die between two.
            await self._life.step(f"publish {message.topic}", lambda m=message: self._inner.publish([m]))  # type: ignore[misc] # mypy gives a lambda's default no type.


class Process:
    """One replica of the toy owner."""

    def __init__(
        self, harness: "Harness", name: str, *, clock: ManualClock | None, dies_after: int | str | None
    ) -> None:
        self.life = Life(dies_after)
        self.clock = clock or harness.clock
        self.store = cast("Sweepable", _Steps(harness.open_store(), self.life))
        bus = cast("Bus", _Steps(harness.bus, self.life))
        self.engine = Engine(OWNER, self.store, bus, self.clock, TIMING, process=name)
        self.sweeper = Sweeper(self.engine, self.store)


class Harness:
    """One storage and one bus for any number of processes. `main` is the one that tests use when it is no matter.

    `open_store` opens the storage as one process does; `store` is the tests' own, to look into it, and `raw`
    what is stored as it is stored. `catch_up` returns once everyone knows what was written: our clock jumps over the
    seconds in which a real storage would.
    """

    def __init__(
        self,
        open_store: Callable[[], Sweepable],
        store: Sweepable,
        raw: Raw,
        catch_up: Callable[[], Awaitable[Any]] = at_once,
    ) -> None:
        self.open_store = open_store
        self.store = store
        self.raw = raw
        self.catch_up = catch_up
        self.bus = MemoryBus()
        self.clock = ManualClock()
        self.main = self.process()

    def process(
        self, name: str = "box_svc", *, clock: ManualClock | None = None, dies_after: int | str | None = None
    ) -> Process:
        """Start a process."""
        return Process(self, name, clock=clock, dies_after=dies_after)

    # ---- what happens -----------------------------------------------------------------------------------------

    async def submit(
        self, request: Request, request_id: str = "r1", *, actor: Actor = ALICE, by: Process | None = None, **more: Any
    ) -> None:
        """Let a request arrive."""
        await self.batch(incoming(request, request_id, actor=actor, at=self.clock.time, **more), by=by)

    async def batch(self, *requests: Incoming, by: Process | None = None) -> None:
        """Let requests arrive together."""
        await (by or self.main).engine.requests(requests)

    async def trigger(
        self, *boxes: str, at: int | None = None, due_at: int = 0, by: Process | None = None
    ) -> list[tuple[str, int, int]]:
        """Let triggers arrive, for what is due at `due_at`; `at` is the broker's append time.

        Returns those to be given again, and when.
        """
        stamp = self.clock.time if at is None else at
        return await (by or self.main).engine.triggers([(box_id(box), stamp, due_at) for box in boxes])

    async def copy(
        self,
        key: str,
        value: Mapping[str, Any],
        version: int = 1,
        *,
        aliases: Sequence[str] = (),
        by: Process | None = None,
    ) -> None:
        """Let a record of another owner arrive."""
        process = by or self.main
        await process.store.put_copies([Copy(key, version, value, aliases)])
        await process.engine.on_copies_changed([key, *aliases])

    async def sweep(self, by: Process | None = None) -> None:
        """Let the sweeper take one round."""
        await self.catch_up()
        process = by or self.main
        await process.sweeper.sweep()
        await process.engine.joint.work()

    async def work(self, by: Process | None = None) -> int:
        """Let the process decide what is to be decided over several boxes; return how many requests it took."""
        return await (by or self.main).engine.joint.work()

    async def rest(self) -> None:
        """Let time pass and the sweeper run until nothing is left to do, every trigger of its delivered."""
        done = len(self.bus.sent)
        for passing in (OLD, OLD, 11 * MINUTE, 11 * MINUTE):
            self.clock.pass_(passing)
            await self.sweep()
            sent, done = self.bus.sent[done:], len(self.bus.sent)
            for message in sent:
                if message.topic == "box.due":
                    await self.main.engine.triggers([(message.key.decode(), self.clock.time)])

    # ---- what can be seen -------------------------------------------------------------------------------------

    def outcomes(self, request_id: str = "r1", actor: str = "alice") -> list[dict[str, Any]]:
        """Return the outcomes of a request, in order."""
        published = [orjson.loads(m.value) for m in self.bus.on("box.outcomes")]
        return [o for o in published if (o["actor"], o["request_id"]) == (actor, request_id)]

    def statuses(self, request_id: str = "r1", actor: str = "alice") -> list[str]:
        """Return the statuses of a request's outcomes, in order; those repeated because it came again are marked.

        An outcome that a process published before it died may be published once more, with the same version: readers
        see that.
        """
        published = [
            (o["version"], o["status"] + (" again" if o["repeated"] else "")) for o in self.outcomes(request_id, actor)
        ]
        return [
            status
            for n, (version, status) in enumerate(published)
            if version == 0 or (version, status) not in published[:n]
        ]

    def code(self, request_id: str = "r1") -> str:
        """Return the code of the last outcome."""
        return str(self.outcomes(request_id)[-1]["code"])

    def journal(self, request_id: str = "r1", actor: str = "alice") -> list[dict[str, Any]]:
        """Return the journal's steps of a request as compaction leaves them, by version."""
        kept = {m.key: orjson.loads(m.value) for m in self.bus.on("box.journal")}
        mine = [s for s in kept.values() if (s["actor"], s["request_id"]) == (actor, request_id)]
        return sorted(mine, key=lambda s: int(s["version"]))

    def record(self, box: str = "1") -> dict[str, Any]:
        """Return what a new reader of the state topic finds of a box."""
        found = [m for m in self.bus.on("box.state") if m.key.decode() == box_id(box)]
        assert found, f"nothing was said of box {box}"
        return dict(orjson.loads(found[-1].value))

    def delayed(self) -> list[dict[str, Any]]:
        """Return the triggers sent to the delay topic."""
        return [orjson.loads(m.value) for m in self.bus.on("delay.30m.v1")]

    async def document(self, box: str = "1") -> Document:
        """Return a box's document as stored."""
        (found,) = await self.store.load([box_id(box)], [], [])
        return found

    async def box(self, box: str = "1") -> BoxState:
        """Return a box."""
        state = (await self.document(box)).state
        assert isinstance(state, BoxState)
        return state

    async def things(self, box: str = "1") -> tuple[str, ...]:
        """Return what is in a box, in the order in which it was put in."""
        return (await self.box(box)).things

    async def request_record(self, request_id: str = "r1", actor: str = "alice") -> RequestRecord | None:
        """Return the record of a request."""
        key = request_key(actor, request_id)
        return (await self.store.records([key])).get(key)

    async def assert_consistent(self, request_id: str, status: str, box: str = "1", actor: str = "alice") -> None:
        """Check, once all is at rest, that record, journal and outcomes say the same, and that nothing is left over."""
        record = await self.request_record(request_id, actor)
        assert record is not None
        assert record.transition.status == status
        assert self.journal(request_id, actor)[-1]["status"] == status
        published = {s.removesuffix(" again") for s in self.statuses(request_id, actor)}
        assert status in published
        assert "rejected" not in published or published <= {"rejected", "waiting"}, published
        documents = await self.store.load([box_id(box)], [], [request_key(actor, request_id)])
        assert [s for d in documents for s in d.outbox] == []
        for document in documents:
            if shown := view(OWNER, document):
                # A refusal gives the document a version and leaves its state, so the record's may be an older one.
                state = self.record(document.id.removeprefix("box:")) | {"version": document.version}
                assert state == orjson.loads(OWNER.present(shown))


def statuses(steps: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the statuses of steps."""
    return [str(step["status"]) for step in steps]
